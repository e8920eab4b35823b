import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { LockStore } from "../../LockStore.ts";
export interface Settings {
    readonly root: string;
    readonly pollMillis: number;
    readonly keepIdleMillis: number;
    readonly detectDead: boolean;
}
export declare const make: (args_0: Settings) => Effect.Effect<LockStore, never, Scope.Scope>;
