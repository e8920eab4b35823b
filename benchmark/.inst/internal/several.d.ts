import * as Effect from "effect/Effect";
import type { Lease } from "../Lease.ts";
import type { LockBackend } from "../LockBackend.ts";
import type { LockRequest } from "../LockConfig.ts";
import { LockError } from "../LockError.ts";
type Backend = LockBackend["Service"];
type Work<A, E, R> = Effect.Effect<A, E, R> | ((leases: ReadonlyArray<Lease>) => Effect.Effect<A, E, R>);
/** Runs work under all of them. */
export declare const use: <A, E, R>(backend: Backend, requests: ReadonlyArray<LockRequest>, work: Work<A, E, R>) => Effect.Effect<A, E | LockError, R>;
export {};
