/**
 * A process inside a test, which can be paused and killed.
 *
 * {@link make} makes a process with its own backend over a store that it shares with others.
 * Everything that wakes its fibers passes one gate: its clock, its scheduler, and the replies and
 * notifications of its store. While the process is paused the gate is closed and time goes on
 * outside, as for a process that is stopped by the kernel, swapped out, or moved to another host.
 * When it resumes, all that was due happens at once.
 *
 * **Example** (Paused for longer than its lease)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 * import { TestProcess } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const log: Array<string> = []
 * const note = (line: string) => Effect.sync(() => void log.push(line))
 * const work = (name: string) =>
 *   Lock.withLock((lease) => note(`${name} holds ${lease.fencingToken}`).pipe(Effect.andThen(Effect.sleep("5 seconds"))), "key", {
 *     expires: "3 seconds"
 *   }).pipe(Effect.catchReason("LockError", "LockLost", () => note(`${name} lost it`)))
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const ada = yield* TestProcess.make(store, { name: "ada" })
 *   const bob = yield* TestProcess.make(store, { name: "bob" })
 *   yield* ada.fork(work("ada"))
 *   yield* TestClock.adjust("1 second")
 *   yield* bob.fork(work("bob"))
 *   yield* ada.pause
 *   yield* TestClock.adjust("4 seconds")
 *   yield* ada.resume
 *   yield* TestClock.adjust("1 second")
 * }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program)
 * log // => ["ada holds 1", "bob holds 2", "ada lost it"]
 * ```
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as LockBackend from "../LockBackend.ts"
import * as LockConfig from "../LockConfig.ts"
import type { LockStore } from "../LockStore.ts"

/**
 * The state of a process.
 *
 * @category models
 * @since 0.2.0
 */
export type State = "running" | "paused" | "killed"

/**
 * The options of a process.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * The name that others see as the holder of its locks, 1 to 40 of the characters `A-Z a-z 0-9 -
   * _`; {@link make} dies with any other name. Default: the owner of `LockConfig`.
   */
  readonly name?: string | undefined
}

/**
 * A process that can be paused and killed.
 *
 * @category models
 * @since 0.2.0
 */
export interface TestProcess {
  /** Its current state. */
  readonly state: Effect.Effect<State>
  /** Its backend, over the given store. */
  readonly backend: LockBackend.LockBackend["Service"]
  /**
   * Runs an effect in the process, with its backend, its clock and its scheduler. The fibers of a
   * killed process never end, so joining one never ends either.
   */
  readonly fork: <A, E, R>(
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<Fiber.Fiber<A, E>, never, Exclude<R, LockBackend.LockBackend>>
  /**
   * Pauses it, as `SIGSTOP` does: nothing happens in it until `resume`, while time and the store go
   * on. This only applies to Effect's own wake-ups: a promise or a timer of the platform that a
   * fiber waits for still wakes it.
   */
  readonly pause: Effect.Effect<void>
  /** Resumes it: all that was due in the meantime happens now, in order. */
  readonly resume: Effect.Effect<void>
  /** Kills it, as `SIGKILL` does: nothing in it runs any more, not even a finalizer. */
  readonly kill: Effect.Effect<void>
}

/** The gate that all wake-ups of a process pass. */
class Gate {
  state: State = "running"
  private held: Array<() => void> = []
  private readonly soon: (task: () => void) => void

  constructor(soon: (task: () => void) => void) {
    this.soon = soon
  }

  enter(task: () => void): void {
    if (this.state === "running") task()
    else if (this.state === "paused") this.held.push(task)
  }

  resume(): void {
    if (this.state !== "paused") return
    this.state = "running"
    // Each in a turn of its own, and held again if the process is stopped again before.
    for (const task of this.held.splice(0)) this.soon(() => this.enter(task))
  }

  kill(): void {
    this.state = "killed"
    this.held = []
  }
}

/**
 * Starts a process over a store. It is killed when the scope closes.
 *
 * **Details**
 *
 * Time is that of the surrounding `Clock`, so `TestClock` drives it. Put a `TestNetwork` between
 * the process and the store to cut it off, or to lose its messages.
 *
 * **Example** (A holder that is killed)
 *
 * ```ts
 * import { Effect, Fiber } from "effect"
 * import { InMemoryBackend, Lock } from "effect-lock"
 * import { TestProcess } from "effect-lock/testing"
 * import { TestClock } from "effect/testing"
 *
 * const program = Effect.gen(function*() {
 *   const store = yield* InMemoryBackend.makeStore
 *   const ada = yield* TestProcess.make(store)
 *   const bob = yield* TestProcess.make(store)
 *   yield* ada.fork(Lock.withLock(Effect.never, "key", { expires: "10 seconds" }))
 *   yield* TestClock.adjust("1 second")
 *   yield* ada.kill
 *   const next = yield* bob.fork(Lock.withLock((lease) => Effect.succeed(lease.fencingToken), "key"))
 *   yield* TestClock.adjust("10 seconds")
 *   return yield* Fiber.join(next)
 * }).pipe(Effect.scoped, Effect.provide(TestClock.layer()))
 *
 * await Effect.runPromise(program) // => 2
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(
  store: LockStore,
  options?: Options
): Effect.fn.Return<TestProcess, never, Scope.Scope> {
  const context = yield* Effect.context<never>()
  const { owner } = yield* Effect.orDie(LockConfig.make({ owner: options?.name }))
  const runOutside = Effect.runForkWith(context)
  const dispatcher = Context.get(context, Scheduler.Scheduler).makeDispatcher()
  const gate = new Gate((task) => dispatcher.scheduleTask(task, 0))

  /** Runs outside, whatever the process does, and reports its result inside. */
  const running = new Set<Fiber.Fiber<unknown, unknown>>()
  const outside = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.callback<A, E>((resume) => {
      const fiber = runOutside(effect)
      running.add(fiber)
      fiber.addObserver((exit) => {
        running.delete(fiber)
        gate.enter(() => resume(exit))
      })
      return Effect.sync(() => fiber.interruptUnsafe())
    })

  const clock = Context.get(context, Clock.Clock)
  const { exchange, extendAll, holders, list, listen, observe, transfer, watch } = store
  const inside: LockStore = {
    ...store,
    tryAcquire: (claim) => outside(store.tryAcquire(claim)),
    extend: (holding) => outside(store.extend(holding)),
    release: (key, token) => outside(store.release(key, token)),
    inspect: (key) => outside(store.inspect(key)),
    holders: holders && ((key) => outside(holders(key))),
    extendAll: extendAll && ((holdings) => outside(extendAll(holdings))),
    exchange: exchange && ((token, claim) => outside(exchange(token, claim))),
    transfer: transfer && ((token, claim) => outside(transfer(token, claim))),
    list: list && ((prefix, from) => outside(list(prefix, from))),
    watch: watch && ((key, notify) =>
      Effect.flatMap(
        Effect.scope,
        (scope) => outside(Scope.provide(watch(key, () => gate.enter(notify)), scope))
      )),
    observe: observe && (({ down, ended, polling, told, up }) =>
      observe({
        down: (failure) => gate.enter(() => down(failure)),
        up: () => gate.enter(up),
        polling: (reason) => gate.enter(() => polling(reason)),
        told: () => gate.enter(told),
        ended: ended && (() => gate.enter(ended))
      })),
    listen: listen &&
      ((key, token, notify) =>
        Effect.flatMap(
          Effect.scope,
          (scope) => outside(Scope.provide(listen(key, token, (grant) => gate.enter(() => notify(grant))), scope))
        ))
  }

  const own = Context.make(Clock.Clock, {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
    currentTimeMillis: clock.currentTimeMillis,
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    currentTimeNanos: clock.currentTimeNanos,
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: clock.monotonicTimeNanos,
    sleep: (duration: Duration.Duration) =>
      Duration.toMillis(duration) > 0 ? outside(clock.sleep(duration)) : Effect.yieldNow
  }).pipe(
    Context.add(
      Scheduler.Scheduler,
      new Scheduler.MixedScheduler("async", (task) => {
        dispatcher.scheduleTask(() => gate.enter(task), 0)
        // Nobody takes a turn back.
        return () => {}
      })
    )
  )

  // A process that is killed closes nothing.
  const forever = yield* Scope.make()
  const backend = yield* LockBackend.make(inside).pipe(Scope.provide(forever), Effect.provideContext(own))

  const kill = Effect.sync(() => {
    gate.kill()
    for (const fiber of running) fiber.interruptUnsafe()
  })
  yield* Effect.addFinalizer(() => kill)

  const entered = Effect.callback<void>((resume) => gate.enter(() => resume(Effect.void)))
  return {
    state: Effect.sync(() => gate.state),
    backend,
    fork: <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.map(Effect.context<Exclude<R, LockBackend.LockBackend>>(), (caller) => {
        const services = Context.merge(caller, own).pipe(
          Context.add(LockConfig.LockConfig, { ...Context.get(caller, LockConfig.LockConfig), owner }),
          Context.add(LockBackend.LockBackend, backend)
        )
        return Effect.runForkWith(services as Context.Context<R>)(Effect.andThen(entered, effect))
      }),
    pause: Effect.sync(() => {
      if (gate.state === "running") gate.state = "paused"
    }),
    resume: Effect.sync(() => gate.resume()),
    kill
  }
})
