/**
 * The conformance suite's other processes: what they can be told to do, how one is started, and what it
 * runs.
 *
 * Node's modules are loaded when a process is started, so that the suite can be bundled for runtimes
 * without them.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { ChildProcess } from "node:child_process"
import * as Lock from "../../Lock.ts"
import * as LockBackend from "../../LockBackend.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, LockStore } from "../../LockStore.ts"
import * as Token from "../token.ts"

/** A stay in a critical section, in milliseconds of the monotonic clock that the processes of a host share. */
export interface Section {
  readonly from: number
  readonly to: number
  readonly fencingToken: number
}

/** A stay beside which others may be there, too. */
export interface SharedSection extends Section {
  /** How many permits of the limit it had; absent if it held the key exclusively. */
  readonly permits: number
}

/** What a process can be told to do, and what it answers. Keys are any text; the other fields are JSON. */
interface Orders {
  /** Claims again and again without waiting, and leaves some leases to end by themselves. */
  readonly grab: (order: { key: string; millis: number; expires: number }) => ReadonlyArray<Section>
  /** The same with some permits of the limit, or exclusively. */
  readonly share: (
    order: { key: string; millis: number; expires: number; limit: number }
  ) => ReadonlyArray<SharedSection>
  /** Waits for so many turns. */
  readonly queue: (order: { key: string; turns: number }) => ReadonlyArray<Section>
  /** Takes a lease that outlives the process, or makes it one that does, and answers with its token. */
  readonly leave: (order: { key: string; expires: number; by: "claim" | "extension" }) => string
  /** Takes the lock, or a permit of the limit, for as long as it can be kept, and answers with the fencing token. */
  readonly hold: (order: { key: string; expires: number; limit?: number }) => number
  /** Takes the lock and leaves it to whoever has the ticket, with which it answers. */
  readonly detach: (order: { key: string; millis: number }) => typeof Lock.Ticket.Encoded
  /** Takes the lock for so long at least, does nothing, and answers with when it had it. */
  readonly brief: (order: { key: string; atLeast: number }) => number
  /** Waits until the holding has ended, and says how. */
  readonly end: (order: { key: string }) => string
}

type Name = keyof Orders
type Order<N extends Name> = Parameters<Orders[N]>[0]
type Answer<N extends Name> = ReturnType<Orders[N]>

interface Request<N extends Name = Name> {
  readonly id: number
  readonly name: N
  readonly order: Order<N>
}

interface Response {
  readonly id: number
  readonly answer?: unknown
  readonly failure?: string
}

/** What is run, with the argument that its stores are made from. */
export interface Program {
  readonly module: string | URL
  readonly argument?: string | undefined
  readonly execArgv?: ReadonlyArray<string> | undefined
}

// -----------------------------------------------------------------------------
// In the suite
// -----------------------------------------------------------------------------

export interface Contender {
  /** Fails with the last output of the process if it ends before it answers. */
  readonly ask: <N extends Name>(name: N, order: Order<N>) => Effect.Effect<Answer<N>, string>
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
}

const ended = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) resume(Effect.void)
    else child.once("exit", () => resume(Effect.void))
  })

/** Starts a program and waits until it is ready. It is killed with the scope. */
export const start = Effect.fnUntraced(function*(
  { argument = "", execArgv, module }: Program
): Effect.fn.Return<Contender, string, Scope.Scope> {
  const { fork } = process.getBuiltinModule("node:child_process")
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(module, [argument], {
        stdio: ["ignore", "ignore", "pipe", "ipc"],
        ...(execArgv !== undefined && { execArgv: [...execArgv] })
      })
    ),
    (child) =>
      Effect.suspend(() => {
        child.kill("SIGKILL")
        return ended(child)
      })
  )
  const waiting = new Map<number, (answer: Effect.Effect<unknown, string>) => void>()
  let said = ""
  let next = 0
  child.stderr!.setEncoding("utf8").on("data", (text: string) => said = (said + text).slice(-2_000))
  const gone = (why: string) => {
    const failure = Effect.fail(`a process ${why}${said === "" ? "" : `: ${said}`}`)
    waiting.forEach((resume) => resume(failure))
    waiting.clear()
  }
  child.once("error", (error) => gone(`could not be started (${error.message})`))
  // Its last output arrives before this.
  child.once("close", (code, signal) => gone(`ended with ${signal ?? code}`))
  child.on("message", ({ answer, failure, id }: Response) => {
    waiting.get(id)?.(failure === undefined ? Effect.succeed(answer) : Effect.fail(failure))
    waiting.delete(id)
  })

  const answerTo = (id: number) => Effect.callback<unknown, string>((resume) => void waiting.set(id, resume))
  yield* answerTo(next)
  return {
    ask: <N extends Name>(name: N, order: Order<N>) =>
      Effect.suspend(() => {
        const request: Request<N> = { id: ++next, name, order }
        child.send(request, () => {})
        return answerTo(request.id) as Effect.Effect<Answer<N>, string>
      }),
    signal: (signal) => Effect.sync(() => void child.kill(signal))
  }
})

// -----------------------------------------------------------------------------
// In the process
// -----------------------------------------------------------------------------

const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1_000_000)

/** Leases that are left alone hold up everybody. */
const mostLeft = 3

const abilities = (store: LockStore, backend: LockBackend.LockBackend["Service"]) => {
  const nextToken = Token.make(() => Date.now())
  const held = new Map<string, Deferred.Deferred<string>>()
  let left = 0

  /** What a late server has done is unknown: a lease that it has granted all the same ends by itself. */
  const attempted = (claim: Claim): Effect.Effect<Attempt, BackendFailure> =>
    Effect.catchIf(
      store.tryAcquire(claim),
      ({ retryable }) => retryable,
      () => Effect.succeed<Attempt>({ _tag: "Held" })
    )
  const released = (key: string, token: string): Effect.Effect<boolean, BackendFailure> =>
    Effect.catchIf(store.release(key, token), ({ retryable }) => retryable, () => Effect.succeed(false))

  const grab = Effect.fnUntraced(function*({ expires, key, millis }: Order<"grab">) {
    const sections: Array<Section> = []
    const end = (yield* now) + millis
    for (let at = yield* now; at < end; at = yield* now) {
      const token = nextToken(at)
      const attempt = yield* attempted({ key, token, expiresMillis: expires, wait: false })
      if (attempt._tag === "Held") {
        yield* Effect.sleep(Math.random() * 3)
        continue
      }
      const from = yield* now
      const deadline = at + expires * 0.99 - 2
      if (Math.random() < 0.5) yield* Effect.sleep(Math.random() * 2)
      const isLeft = left < mostLeft && Math.random() < 0.1
      if (isLeft) left++
      const to = isLeft ? deadline : Math.min(deadline, yield* now)
      // A holder that learns of its lease only when that is over knows that it holds nothing.
      if (from < deadline) sections.push({ from, to, fencingToken: attempt.fencingToken })
      if (!isLeft) yield* released(key, token)
      if (Math.random() < 0.5) yield* Effect.sleep(Math.random() * 2)
    }
    return sections
  })

  const share = Effect.fnUntraced(function*({ expires, key, limit, millis }: Order<"share">) {
    const sections: Array<SharedSection> = []
    const end = (yield* now) + millis
    for (let at = yield* now; at < end; at = yield* now) {
      const token = nextToken(at)
      const permits = Math.floor(Math.random() * 4) % (limit + 1)
      const claim = { key, token, expiresMillis: expires, wait: false }
      const attempt = yield* attempted(permits === 0 ? claim : { ...claim, share: { permits, limit } })
      if (attempt._tag === "Held") {
        yield* Effect.sleep(Math.random() * 3)
        continue
      }
      const from = yield* now
      const deadline = at + expires * 0.99 - 2
      // As long as it takes to get in, so that others come meanwhile however slow the store is.
      yield* Effect.sleep(Math.random() * Math.max(3, 2 * (from - at)))
      const to = Math.min(deadline, yield* now)
      if (from < deadline) sections.push({ from, to, permits, fencingToken: attempt.fencingToken })
      yield* released(key, token)
      if (Math.random() < 0.5) yield* Effect.sleep(Math.random() * 2)
    }
    return sections
  })

  const queue = Effect.fnUntraced(function*({ key, turns }: Order<"queue">) {
    const sections: Array<Section> = []
    const turn = Lock.withLock(
      ({ fencingToken }) =>
        Effect.gen(function*() {
          const from = yield* now
          yield* Effect.sleep(1)
          sections.push({ from, to: yield* now, fencingToken })
        }),
      key,
      { expires: "60 seconds", timeout: "120 seconds" }
    )
    yield* Effect.repeat(turn, { times: turns - 1 })
    return sections
  })

  const leave = Effect.fnUntraced(function*({ by, expires, key }: Order<"leave">) {
    const token = nextToken()
    const outlives = true
    const isClaim = by === "claim"
    const claim = { key, token, expiresMillis: expires, wait: false }
    const { _tag } = yield* store.tryAcquire(isClaim ? { ...claim, outlives } : claim)
    const isOurs = _tag === "Acquired" && (isClaim || (yield* store.extend({ ...claim, outlives })))
    return isOurs ? token : yield* Effect.fail("the key is not its own")
  })

  const hold = Effect.fnUntraced(function*({ expires, key, limit }: Order<"hold">) {
    const entered = yield* Deferred.make<number, unknown>()
    const end = yield* Deferred.make<string>()
    held.set(key, end)
    const work = ({ fencingToken }: Lock.Lease) => Effect.andThen(Deferred.succeed(entered, fencingToken), Effect.never)
    const options = { expires, timeout: "60 seconds" } as const
    yield* Effect.forkDetach(
      (limit === undefined ? Lock.withLock(work, key, options) : Lock.withPermits(work, key, { ...options, limit }))
        .pipe(
          Effect.tapError((error) => Deferred.fail(entered, error)),
          Effect.catchTag("LockError", (error) => Deferred.succeed(end, error.reason._tag)),
          Effect.provideService(LockBackend.LockBackend, backend)
        )
    )
    return yield* Deferred.await(entered)
  })

  const end = ({ key }: Order<"end">) => Deferred.await(held.get(key)!)

  const detach = ({ key, millis }: Order<"detach">) =>
    Lock.acquire(key, { expires: "60 seconds" }).pipe(
      Effect.flatMap((lease) => Lock.detach(lease, { for: millis })),
      Effect.flatMap(Schema.encodeEffect(Lock.Ticket)),
      Effect.scoped
    )

  const brief = ({ atLeast, key }: Order<"brief">) => Lock.withLock(now, key, { atLeast })

  return { grab, share, queue, leave, hold, end, detach, brief }
}

/** Does what the suite says until that is gone. */
export const serve = Effect.fnUntraced(function*<E>(
  makeStore: (argument: string) => Effect.Effect<LockStore, E, Scope.Scope>
): Effect.fn.Return<void, E, Scope.Scope> {
  const store = yield* makeStore(process.argv[2] ?? "")
  const backend = yield* LockBackend.make(store)
  const does = abilities(store, backend) as {
    readonly [N in Name]: (order: Order<N>) => Effect.Effect<Answer<N>, unknown, LockBackend.LockBackend>
  }
  // Connected, if that takes time.
  yield* Effect.ignore(store.inspect("conformance"))
  const say = (response: Response) => process.send?.(response)
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  yield* Effect.callback<void>((resume) => {
    if (process.send === undefined || !process.connected) return resume(Effect.void)
    process.once("disconnect", () => resume(Effect.void))
    process.on("message", ({ id, name, order }: Request) => {
      const run = Effect.suspend(() =>
        does[name](order as never) as Effect.Effect<unknown, unknown, LockBackend.LockBackend>
      )
      fork(Effect.provideService(run, LockBackend.LockBackend, backend)).addObserver((exit) =>
        say(Exit.isSuccess(exit) ? { id, answer: exit.value } : { id, failure: String(exit.cause) })
      )
    })
    say({ id: 0 })
  })
})
