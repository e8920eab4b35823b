import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { LockStore } from "../../LockStore.ts";
import { type Link } from "./link.ts";
/** A server: its name, which locks are pinned by, and a way to connect to it. */
export interface Server {
    readonly name: string;
    readonly open: () => Link;
}
export interface Options {
    readonly servers: ReadonlyArray<Server>;
    readonly keyPrefix: string;
    readonly connectMillis: number;
    readonly requestMillis: number;
}
/** See `MemcacheBackend` for what this promises. */
export declare const fencingToken: (startedAt: number, cas: bigint) => number;
export declare const make: (options: Options) => Effect.Effect<LockStore, never, Scope.Scope>;
