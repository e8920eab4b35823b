/** Renewing: many leases in one script. */
import * as Effect from "effect/Effect";
import type { BackendFailure } from "../../LockError.ts";
import type { Holding } from "../../LockStore.ts";
import * as Failure from "./failure.ts";
import type { Scripts } from "./scripts.ts";
import type { Transport } from "./transport.ts";
/** `shares`: whether a token is known to share its lock. */
export declare const make: (transport: Transport, scripts: Scripts, lockKey: (key: string) => string, shares: (token: string) => boolean, failure: Failure.Of) => {
    extend: (holding: Holding) => Effect.Effect<boolean, BackendFailure>;
    extendAll: (holdings: readonly Holding[]) => Effect.Effect<(boolean | BackendFailure)[], BackendFailure, never>;
};
