import * as Effect from "effect/Effect";
import * as Redis from "effect/persistence/Redis";
import * as Queue from "effect/Queue";
import type * as Scope from "effect/Scope";
import type { Transport } from "./transport.ts";
/**
 * The service does not say when its connections break, so nothing is known of
 * the server's clock from one reply to the next: whoever is given a lock asks once more.
 */
export declare const make: (redis: {
    readonly send: <A = unknown>(command: string, ...args: ReadonlyArray<string>) => Effect.Effect<A, Redis.RedisError>;
    readonly subscribe: (channel: string) => Effect.Effect<Queue.Dequeue<Redis.RedisMessage, Redis.RedisError>, never, Scope.Scope>;
    readonly eval: <Config extends {
        readonly params: ReadonlyArray<unknown>;
        readonly result: unknown;
    }>(script: Redis.Script<Config>) => (...params: Config["params"]) => Effect.Effect<Config["result"], Redis.RedisError>;
    readonly reserve: Effect.Effect<Redis.Connection, Redis.RedisError, Scope.Scope>;
}, single: boolean) => Effect.Effect<Transport, never, Scope.Scope>;
