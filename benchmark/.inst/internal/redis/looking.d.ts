/** Who holds what, by plain commands where that is possible. */
import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import type { BackendFailure } from "../../LockError.ts";
import type { Occupant } from "../../LockStore.ts";
import * as Failure from "./failure.ts";
import type { Scripts } from "./scripts.ts";
import { type Transport } from "./transport.ts";
export declare const make: (transport: Transport, scripts: Scripts, prefix: string, failure: Failure.Of) => {
    holders: (key: string) => Effect.Effect<Occupant[], BackendFailure, never>;
    inspect: (key: string) => Effect.Effect<Option.Option<Occupant>, BackendFailure>;
    list: ((prefixOfKeys: string, from: string | undefined) => Effect.Effect<{
        locks: {
            token: string;
            permits?: number | undefined;
            remainingMillis?: number | undefined;
            waiters?: number | undefined;
            key: string;
        }[];
        next: string | undefined;
    }, BackendFailure, never>) | undefined;
};
