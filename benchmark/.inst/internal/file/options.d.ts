/** Options and the directory, checked before anything is made of them. */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import { LockError } from "../../LockError.ts";
import * as Host from "./host.ts";
import type { Settings } from "./store.ts";
export interface Given {
    readonly directory: string | URL;
    readonly poll?: Duration.Input | undefined;
    readonly keepIdle?: Duration.Input | undefined;
    readonly detectDead?: boolean | undefined;
}
export declare const check: (args_0: Given) => Effect.Effect<Settings, LockError, never>;
/** Makes the directory if it is missing, and refuses what no lease can be kept in. */
export declare const open: (root: string, clocks?: typeof Host.readClocks) => Effect.Effect<void, LockError>;
