/**
 * A backend that locks nothing: every request is granted at once, to everybody.
 *
 * For tests and scripts in which locking must not matter. **It gives no mutual
 * exclusion whatsoever**; use `InMemoryBackend` to test that a program excludes.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Exit from "effect/Exit";
import { constVoid } from "effect/Function";
import * as Layer from "effect/Layer";
import { decodeExtension } from "./internal/options.js";
import * as Section from "./internal/section.js";
import { LockBackend } from "./LockBackend.js";
/**
 * Always acquires, never blocks, never loses. Fencing tokens still increase, so
 * that code which checks them works.
 *
 * **Example** (Nobody waits)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Lock, OpenBackend } from "effect-lock"
 *
 * const nested = Effect.succeed("no deadlock").pipe(
 *   Lock.withLock("key", { timeout: 0 }),
 *   Lock.withLock("key", { timeout: 0 }),
 *   Effect.provide(OpenBackend.layer)
 * )
 *
 * await Effect.runPromise(nested) // => "no deadlock"
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = Layer.sync(LockBackend, () => {
    let fencingToken = 0;
    return Section.make({
        name: "open",
        isInProcess: true,
        take: (request) => new OpenLease(request, ++fencingToken),
        inspect: () => Effect.succeedNone,
        holders: () => Effect.succeed([]),
        forceRelease: () => Effect.succeed(false),
        adopt: (_token, request) => Effect.sync(() => new OpenLease(request, ++fencingToken)),
        watch: () => Effect.void,
        list: () => Effect.succeed({ locks: [], next: undefined }),
        listen: () => constVoid
    });
});
/** Never lost, and given back without a word. */
class OpenLease {
    key;
    fencingToken;
    waited = Duration.zero;
    lost = Effect.never;
    home = OpenLease;
    token = "open";
    caller = undefined;
    worker = undefined;
    isHeld = true;
    expiresMillis;
    ended = constVoid;
    constructor({ expiresMillis, key }, fencingToken) {
        this.key = key;
        this.expiresMillis = expiresMillis;
        this.fencingToken = fencingToken;
    }
    get isOver() {
        return !this.isHeld;
    }
    get remaining() {
        return Effect.sync(() => this.isHeld ? Duration.millis(this.expiresMillis) : Duration.zero);
    }
    get release() {
        return Effect.sync(() => this.giveBack());
    }
    extend(expires) {
        return expires === undefined ? Effect.void : Effect.asVoid(Effect.fromResult(decodeExtension(expires)));
    }
    detach() {
        return Effect.sync(() => this.giveBack());
    }
    leaseOf() { }
    watch() { }
    whenGone() {
        return constVoid;
    }
    judge(exit) {
        return exit;
    }
    settle(exit) {
        return exit;
    }
    giveBack() {
        if (!this.isHeld)
            return;
        this.isHeld = false;
        this.ended(Exit.void);
    }
    whenEnded(then) {
        this.ended = then;
    }
}
