/**
 * How statements get to the server: outside of any transaction of the program, and with a time
 * limit.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import type { SqlClient } from "effect/sql/SqlClient"
import { monotonicMillis } from "../time.ts"
import * as Failure from "./failure.ts"

export type Row = ReadonlyArray<unknown>

export type OnEnd = (rows: ReadonlyArray<Row> | undefined, error: unknown) => void

interface Notification {
  readonly payload: string
}

/** What `PgClient` has beyond a `SqlClient`. */
interface Listening {
  readonly listen: (channel: string) => Effect.Effect<Queue.Dequeue<Notification, unknown>, unknown, Scope.Scope>
}

export interface Link {
  /** Whether the connections have our own settings. */
  readonly isTuned: () => boolean
  /** Runs a statement and calls back once, with its rows or its failure. */
  readonly run: (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => void
  /** Listens on a channel, on a connection that is kept for it, until the scope closes. */
  readonly listen: Listening["listen"] | undefined
}

/** A statement without an answer for this long is given up, along with its client. */
export const deadlineMillis = 2000

/** How often to look for such statements while any is in flight. */
const lookMillis = 200

interface Out {
  readonly until: number
  readonly giveUp: () => void
}

const canListen = (client: object): client is Listening => "listen" in client && typeof client.listen === "function"

/** The link over the program's own client, which is not changed. */
export const borrowed = Effect.fnUntraced(function*(client: SqlClient): Effect.fn.Return<Link, never, Scope.Scope> {
  // Without a transaction that may have been open when the layer was built.
  const context = Context.omit(client.transactionService)(yield* Effect.context<never>()) as Context.Context<never>
  const fork = Effect.runForkWith(context)
  const runner = yield* makeRunner((text, parameters, onEnd) => {
    const fiber = fork(Effect.withTracerEnabled(client.unsafe(text, parameters).values, false))
    fiber.addObserver((exit) =>
      exit._tag === "Success"
        ? onEnd(exit.value as ReadonlyArray<Row>, undefined)
        : onEnd(undefined, firstError(exit))
    )
    return () => fiber.interruptUnsafe()
  })
  yield* Effect.addFinalizer(() => Effect.sync(runner.close))
  return {
    isTuned: () => false,
    run: runner.run,
    listen: canListen(client) ? (channel) => client.listen(channel) : undefined
  }
})

/** Starts a statement, and returns how to cancel it. */
type Start = (text: string, parameters: ReadonlyArray<unknown>, onEnd: OnEnd) => () => void

/** Runs statements, each of which ends in time. */
export const makeRunner = Effect.fnUntraced(function*(start: Start) {
  const context = yield* Effect.context<never>()
  const clock = Context.get(context, Clock.Clock)
  const now = () => monotonicMillis(clock)
  const fork = Effect.runForkWith(context)
  /** Everything in flight, in the order of the deadlines. */
  const out = new Set<Out>()
  let watch: Fiber.Fiber<void> | undefined
  let closed = false

  const watching = Effect.gen(function*() {
    while (out.size > 0) {
      yield* Effect.sleep(Duration.millis(lookMillis))
      // If this process is late itself, answers may have arrived that are not handled yet.
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
    const end: OnEnd = (rows, error) => {
      if (out.delete(one)) done(rows, error)
    }
    const one: Out = {
      until: now() + deadlineMillis,
      giveUp: () => {
        end(undefined, closed ? new Failure.Closed() : new Failure.Silent())
        leave()
      }
    }
    out.add(one)
    const leave = start(text, parameters, end)
    if (watch === undefined && out.size > 0) watch = fork(watching)
  }

  const close = (): void => {
    closed = true
    for (const one of Array.from(out)) one.giveUp()
    watch?.interruptUnsafe()
  }

  return { run, close }
})

/** An interruption from outside means that the client has ended. */
export const firstError = (exit: Exit.Failure<unknown, unknown>): unknown => {
  for (const reason of exit.cause.reasons) {
    if (reason._tag === "Fail") return reason.error
    if (reason._tag === "Die") return reason.defect
  }
  return new Failure.Closed()
}
