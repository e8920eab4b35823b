/** How statements get to the server: outside of anybody's transaction, and none of them for ever. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { monotonicMillis } from "../time.ts"
import * as Failure from "./failure.ts"

export type Row = ReadonlyArray<unknown>

export type OnEnd = (rows: ReadonlyArray<Row> | undefined, error: unknown) => void

export interface Notification {
  readonly payload: string
}

/** What `PgClient` has more than a `SqlClient`. */
export interface Listening {
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, unknown>, unknown, Scope.Scope>
}

export interface Link {
  /** Runs a statement and calls back once, with its rows or with what went wrong. */
  readonly run: (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => void
  /** Listens on a channel, on a connection that is kept for it, until the scope closes. */
  readonly listen: Listening["listen"] | undefined
  /** How long a statement may take, in milliseconds, before it is given up. */
  readonly deadlineMillis: number
}

/** A statement without answer for this long is given up, and so is the client that it went to. */
export const deadlineMillis = 2000

/** How often to look for such statements while any is out. */
const lookMillis = 200

/** How often a client is replaced at most because its server has become a standby. */
const standbyMillis = 1000

/** How long the end of a client is waited for. One whose connections are silent takes much longer. */
const closeMillis = 500

/** A client that is ours, with the statements that are out on it. */
interface Generation {
  readonly client: SqlClient
  readonly scope: Scope.Closeable
  readonly out: Set<Out>
  /** Without settings of ours. */
  readonly plain: boolean
  retired: boolean
}

interface Out {
  readonly until: number
  readonly giveUp: () => void
}

const canListen = (client: object): client is Listening => "listen" in client && typeof client.listen === "function"

/**
 * Over clients that `connect` makes. Such a client gives a connection back to its
 * pool only when the server has answered for it, so when one answers no more, a
 * new client takes its place.
 */
export const owned = Effect.fnUntraced(function*<E>(
  connect: (plain: boolean) => Effect.Effect<SqlClient, E, Scope.Scope>,
  connectListener: (plain: boolean) => Effect.Effect<SqlClient & Listening, E, Scope.Scope>
): Effect.fn.Return<Link, E, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  // Poolers in between do not take settings of ours.
  let plain = false
  let replacedAt = -Infinity

  const generation = (): Effect.Effect<Generation, E> =>
    Effect.suspend(() => {
      const scope = Scope.makeUnsafe()
      const settings = plain
      return Effect.map(
        Scope.provide(connect(settings), scope),
        (client) => ({ client, scope, out: new Set(), plain: settings, retired: false })
      )
    })

  let current = yield* generation()
  const all = new Set([current])

  const end = (old: Generation): void => {
    if (!all.delete(old)) return
    fork(Scope.close(old.scope, Exit.void))
  }

  const replace = (old: Generation): void => {
    if (old !== current || old.retired) return
    old.retired = true
    replacedAt = performance.now()
    fork(generation()).addObserver((exit) => {
      if (exit._tag === "Failure") old.retired = false
      else {
        current = exit.value
        all.add(current)
        if (old.out.size === 0) end(old)
      }
    })
  }

  const refuses = (error: unknown): boolean => /unsupported startup parameter/i.test(Failure.messageOf(error) ?? "")

  const runner = yield* makeRunner(
    () => current,
    (used, error) => {
      const refused = !used.plain && refuses(error)
      if (refused) plain = true
      // After a failover the old primary may be a standby; connecting anew finds the new one.
      const standby = Failure.stateOf(error) === Failure.readOnlyState &&
        performance.now() - replacedAt > standbyMillis
      if (refused || standby || error instanceof Failure.Silent) replace(used)
      if (used !== current && used.out.size === 0) end(used)
      return refused && used !== current
    }
  )

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      runner.close()
      const closing = Array.from(all, ({ scope }) => fork(Scope.close(scope, Exit.void)))
      return Effect.forEach(closing, (fiber) => settled(fiber, closeMillis), {
        concurrency: "unbounded",
        discard: true
      })
    })
  )

  return {
    run: runner.run,
    deadlineMillis,
    listen: (channel) =>
      Effect.flatMap(connectListener(plain), (client) => client.listen(channel)).pipe(
        Effect.tapError((error) =>
          Effect.sync(() => {
            if (refuses(error)) plain = true
          })
        )
      )
  }
})

/** Over the program's own client, which is left as it is. */
export const borrowed = (client: SqlClient): Effect.Effect<Link, never, Scope.Scope> => {
  const generation: Generation = { client, scope: Scope.makeUnsafe(), out: new Set(), plain: true, retired: false }
  return Effect.map(
    Effect.acquireRelease(
      makeRunner(() => generation, () => false),
      (runner) => Effect.sync(runner.close)
    ),
    ({ run }) => ({
      run,
      deadlineMillis,
      listen: canListen(client) ? (channel) => client.listen(channel) : undefined
    })
  )
}

/** `onEnd` says whether to run a statement again that had no effect. */
const makeRunner = Effect.fnUntraced(function*(
  generation: () => Generation,
  onEnd: (generation: Generation, error: unknown) => boolean
) {
  const context = yield* Effect.context<never>()
  const clock = Context.get(context, Clock.Clock)
  const now = () => monotonicMillis(clock)
  const forkClean = Effect.runForkWith(context)
  /** Everything that is out, in the order of its end. */
  const out = new Set<Out>()
  let watch: Fiber.Fiber<void> | undefined
  let closed = false

  const watching = Effect.gen(function*() {
    while (out.size > 0) {
      yield* Effect.sleep(Duration.millis(lookMillis))
      // When we are late ourselves, answers may have arrived that nobody has looked at yet.
      yield* Effect.yieldNow
      const at = now()
      for (const one of Array.from(out)) {
        if (one.until <= at) one.giveUp()
      }
    }
    watch = undefined
  })

  const run: Link["run"] = (text, parameters, done) => {
    if (closed) return done(undefined, new Failure.Closed())
    const used = generation()
    // Without the transaction that may have been open when the layer was built.
    const fork = Effect.runForkWith(Context.omit(used.client.transactionService)(context) as Context.Context<never>)
    const fiber = fork(Effect.withTracerEnabled(used.client.unsafe(text, parameters).values, false))
    const end = (rows: ReadonlyArray<Row> | undefined, error: unknown): void => {
      if (!out.delete(one)) return
      used.out.delete(one)
      if (onEnd(used, error)) run(text, parameters, done)
      else done(rows, error)
    }
    const one: Out = {
      until: now() + deadlineMillis,
      giveUp: () => {
        end(undefined, closed ? new Failure.Closed() : new Failure.Silent())
        fiber.interruptUnsafe()
      }
    }
    out.add(one)
    used.out.add(one)
    fiber.addObserver((exit) =>
      exit._tag === "Success"
        ? end(exit.value as ReadonlyArray<Row>, undefined)
        : end(undefined, firstError(exit))
    )
    if (watch === undefined && out.size > 0) watch = forkClean(watching)
  }

  const close = (): void => {
    closed = true
    for (const one of Array.from(out)) one.giveUp()
    watch?.interruptUnsafe()
  }

  return { run, close }
})

/** An interruption that is none of ours is the end of the client. */
const firstError = (exit: Exit.Failure<unknown, unknown>): unknown => {
  for (const reason of exit.cause.reasons) {
    if (reason._tag === "Fail") return reason.error
    if (reason._tag === "Die") return reason.defect
  }
  return new Failure.Closed()
}

/** Waits for a fiber, and for so long at most. Never for its interruption. */
const settled = (fiber: Fiber.Fiber<unknown, unknown>, millis: number): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    fiber.addObserver(() => resume(Effect.void))
    return undefined
  }).pipe(Effect.timeoutOption(Duration.millis(millis)), Effect.asVoid)
