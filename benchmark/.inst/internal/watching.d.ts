import * as Effect from "effect/Effect";
import * as Option from "effect/Option";
import * as Schedule from "effect/Schedule";
import * as Stream from "effect/Stream";
import type { LockBackend } from "../LockBackend.ts";
import type { LockRequest } from "../LockConfig.ts";
import { type Holder, type LockError } from "../LockError.ts";
/** The holder now, and from then on each other one that is seen. It ends with the schedule. */
export declare const changes: (backend: LockBackend["Service"], key: string, look?: Schedule.Schedule<unknown>) => Stream.Stream<Option.Option<Holder>, LockError>;
/** Until the key is seen free, with a last look at the end of the time. */
export declare const awaitFree: (backend: LockBackend["Service"], { key, timeoutMillis }: LockRequest, look?: Schedule.Schedule<unknown>) => Effect.Effect<void, LockError>;
