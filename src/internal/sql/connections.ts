/**
 * Connections of our own: a few for statements, opened when needed and closed when idle, and one for
 * each subscription. One that no longer answers, or reports that something is wrong with it, is
 * replaced.
 */
import type * as PgConnection from "@effect/sql-pg/PgConnection"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Duplex } from "node:stream"
import { monotonicMillis } from "../time.ts"
import * as Failure from "./failure.ts"
import { deadlineMillis, firstError, type Link, makeRunner, type OnEnd, type Row } from "./link.ts"
import * as Sockets from "./sockets.ts"

/** How long an idle connection is kept. */
const idleMillis = 60_000

/** How long no further connection is opened after one was refused, as long as there are others. */
const refusedMillis = 1000

/** The least time between two replacements of all connections because the server has become a standby. */
const standbyMillis = 1000

/**
 * The settings of our connections. Statements get one generic plan, since planning takes longer than running them; and it uses
 * the index, since the table may have been empty when the plan was made.
 */
export const settings = {
  default_transaction_isolation: "read committed",
  statement_timeout: String(deadlineMillis),
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  jit: "off"
}

export interface Options {
  /** Opens a connection over a socket; `plain` without our settings. */
  readonly open: (
    plain: boolean,
    stream: () => Duplex
  ) => Effect.Effect<PgConnection.PgConnection, unknown, Scope.Scope>
  readonly socket: () => Duplex
  readonly max: number
}

interface Job {
  readonly text: string
  readonly parameters: ReadonlyArray<unknown>
  readonly onEnd: OnEnd
  slot: Slot | undefined
}

interface Slot {
  readonly scope: Scope.Closeable
  socket: Duplex | undefined
  opening: Fiber.Fiber<unknown, unknown> | undefined
  connection: PgConnection.PgConnection | undefined
  /** The statement in flight on it. */
  job: Job | undefined
  /** To be closed as soon as nothing is in flight on it. */
  retired: boolean
  idleSince: number
}

export const make = Effect.fnUntraced(function*(
  { max, open, socket }: Options
): Effect.fn.Return<Link, never, Scope.Scope> {
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const clock = yield* Clock.Clock
  const now = () => monotonicMillis(clock)
  const slots = new Set<Slot>()
  /** The most recently used is at the end, and is used next. */
  const idle: Array<Slot> = []
  const queue: Array<Job> = []
  const sockets = new Set<Duplex>()
  let connecting = 0
  // Set when a pooler in between has refused our settings.
  let plain = false
  let replacedAt = -Infinity
  /** When a connection was last refused while there were others, or others were being opened. */
  let refusedAt = -Infinity
  let closed = false
  let tidying: Fiber.Fiber<void> | undefined

  const connect = (): Duplex => {
    const made = socket()
    sockets.add(made)
    made.once("close", () => sockets.delete(made))
    return made
  }

  const leave = (slot: Slot): void => {
    if (!slots.delete(slot)) return
    const at = idle.indexOf(slot)
    if (at >= 0) idle.splice(at, 1)
    if (slot.socket !== undefined) Sockets.part(slot.socket)
    slot.opening?.interruptUnsafe()
    fork(Scope.close(slot.scope, Exit.void))
  }

  /** After a refusal others are likely, and each costs the server a process. */
  const mayOpen = () => slots.size === 0 || now() - refusedAt >= refusedMillis

  const serve = (): void => {
    if (closed) return
    while (queue.length > 0 && idle.length > 0) send(idle.pop()!, queue.shift()!)
    while (queue.length > connecting && slots.size < max && mayOpen()) begin()
  }

  const begin = (): void => {
    const slot: Slot = {
      scope: Scope.makeUnsafe(),
      socket: undefined,
      opening: undefined,
      connection: undefined,
      job: undefined,
      retired: false,
      idleSince: 0
    }
    const settings = plain
    slots.add(slot)
    connecting++
    slot.opening = fork(Scope.provide(open(settings, () => slot.socket = connect()), slot.scope))
    slot.opening.addObserver((exit) => {
      connecting--
      slot.opening = undefined
      if (exit._tag === "Success") {
        slot.connection = exit.value as PgConnection.PgConnection
        slot.socket?.once("close", () => {
          // The statement in flight ends by itself.
          if (slot.job === undefined) leave(slot)
        })
        rest(slot)
      } else {
        leave(slot)
        const error = firstError(exit)
        if (!settings && Failure.refusesSettings(error)) plain = true
        // The other connections take the jobs, or fail them.
        else if (slots.size > 0) refusedAt = now()
        else for (const job of queue.splice(0)) job.onEnd(undefined, error)
      }
      serve()
    })
    tidying ??= fork(tidy)
  }

  /** Nothing is in flight on it any more. */
  const rest = (slot: Slot): void => {
    slot.job = undefined
    if (slot.retired || closed || slot.socket?.destroyed === true) return leave(slot)
    if (!slots.has(slot)) return
    slot.idleSince = now()
    idle.push(slot)
  }

  const send = (slot: Slot, job: Job): void => {
    slot.job = job
    job.slot = slot
    fork(slot.connection!.queryValues(job.text, job.parameters)).addObserver((exit) => {
      if (exit._tag === "Success") {
        rest(slot)
        job.onEnd(exit.value as ReadonlyArray<Row>, undefined)
      } else {
        const error = firstError(exit)
        const state = Failure.stateOf(error)
        // The error is not the server's, or the server ends the connection.
        if (state === undefined || /^(?:08|57P)/.test(state)) slot.retired = true
        // After a failover the old primary may be a standby; connecting anew finds the new one.
        if (state === Failure.readOnlyState) replace()
        rest(slot)
        job.onEnd(undefined, error)
      }
      serve()
    })
  }

  const replace = (): void => {
    if (now() - replacedAt < standbyMillis) return
    replacedAt = now()
    for (const slot of slots) slot.retired = true
    for (const slot of Array.from(idle)) leave(slot)
  }

  const tidy = Effect.gen(function*() {
    while (slots.size > 0) {
      yield* Effect.sleep(Duration.millis(idleMillis / 4))
      const at = now()
      for (const slot of Array.from(idle)) if (at - slot.idleSince >= idleMillis) leave(slot)
    }
    tidying = undefined
  })

  const runner = yield* makeRunner((text, parameters, onEnd) => {
    const job: Job = { text, parameters, onEnd, slot: undefined }
    queue.push(job)
    serve()
    return () => {
      if (job.slot === undefined) {
        const at = queue.indexOf(job)
        if (at >= 0) queue.splice(at, 1)
      } else if (job.slot.job === job) {
        leave(job.slot)
        serve()
      }
    }
  })

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
      runner.close()
      tidying?.interruptUnsafe()
      for (const slot of Array.from(slots)) leave(slot)
      // Those of subscriptions, too.
      for (const one of sockets) Sockets.part(one)
    })
  )

  return {
    isTuned: () => !plain,
    run: runner.run,
    listen: (channel) =>
      Effect.suspend(() => {
        const settings = plain
        return open(settings, connect).pipe(
          Effect.tapError((error) =>
            Effect.sync(() => {
              if (!settings && Failure.refusesSettings(error)) plain = true
            })
          ),
          Effect.flatMap((connection) => connection.listen(channel))
        )
      })
  }
})
