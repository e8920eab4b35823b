import * as Effect from "effect/Effect";
import type * as Option from "effect/Option";
import * as Scope from "effect/Scope";
import type { Lease } from "../Lease.ts";
import type { LockRequest } from "../LockConfig.ts";
import type { Holder, LockError } from "../LockError.ts";
import type { LockEvent } from "../LockEvent.ts";
import { type Caller, type Guard, type Restore } from "./guard.ts";
import type { HeldPage } from "./holder.ts";
import * as Reentry from "./reentry.ts";
import { Refusal } from "./refusal.ts";
import * as Work from "./work.ts";
type Taken = Guard | Refusal;
export interface Taker {
    readonly name: string;
    /** The store is in this process. */
    readonly isInProcess: boolean;
    /** At once, where nothing has to be waited for. */
    take(request: LockRequest, caller: Caller, restore: Restore): Taken | Effect.Effect<Taken, LockError>;
    inspect(key: string): Effect.Effect<Option.Option<Holder>, LockError>;
    holders(key: string): Effect.Effect<ReadonlyArray<Holder>, LockError>;
    forceRelease(key: string, token?: string): Effect.Effect<boolean, LockError>;
    /** Takes a key on from a token. */
    adopt(token: string, request: LockRequest, caller: Caller, restore: Restore): Effect.Effect<Guard, LockError>;
    watch(key: string, notify: () => void): Effect.Effect<void, never, Scope.Scope>;
    list(prefix: string, from: string | undefined): Effect.Effect<HeldPage, LockError>;
    listen(hear: (event: LockEvent) => void, end: () => void): () => void;
}
type Work<A, E, R> = Reentry.Work<Lease, A, E, R>;
type Refused<A, E, R> = (refusal: Refusal) => Effect.Effect<A, E, R>;
/** Of a backend that is as it was made: whoever decorates one gets another object, and is never bypassed. */
export declare const takerOf: (backend: object) => Taker | undefined;
export declare const make: (taker: Taker) => {
    name: string;
    inspect: (key: string) => Effect.Effect<Option.Option<Holder>, LockError, never>;
    holders: (key: string) => Effect.Effect<readonly Holder[], LockError, never>;
    forceRelease: (key: string, token?: string) => Effect.Effect<boolean, LockError, never>;
    adopt: (token: string, request: LockRequest) => Effect.Effect<Lease, LockError, Scope.Scope>;
    watch: (key: string, notify: () => void) => Effect.Effect<void, never, Scope.Scope>;
    list: (prefix: string, from: string | undefined) => Effect.Effect<HeldPage, LockError, never>;
    listen: (hear: (event: LockEvent) => void, end: () => void) => () => void;
    use: <A, E, R>(request: LockRequest, work: Work<A, E, R>, refused: Refused<A, E | LockError, R>) => Effect.Effect<A, E | LockError, R>;
    acquire: <A, E, R>(request: LockRequest, refused: Refused<A, E | LockError, R>) => Effect.Effect<Lease | A, E | LockError, R | Scope.Scope>;
};
/** The whole life of a lock, in an uninterruptible region. Acts when it is called. */
export declare const use: <A, E, R>(taker: Taker, request: LockRequest, work: Work<A, E, R>, refused: Refused<A, E | LockError, R>, caller: Caller, restore: Restore) => Effect.Effect<A, E | LockError, R>;
export {};
