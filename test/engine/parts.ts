/** What the parts of the engine stand on, in the hands of a test: time, turns, and calls that wait to be answered. */
import { Context, Effect, Fiber, Metric } from "effect"
import { type LockConfig, LockError, type LockStore } from "effect-lock"
import type { Alarm, Alarms } from "../../src/internal/engine/alarms.ts"
import { type Book, Call, type Operation, type Reply } from "../../src/internal/engine/call.ts"
import { Debts } from "../../src/internal/engine/debts.ts"
import { Failures } from "../../src/internal/engine/failures.ts"
import { Journal } from "../../src/internal/engine/journal.ts"
import type { Keeper } from "../../src/internal/engine/keeper.ts"
import type { Keys } from "../../src/internal/engine/keys.ts"
import type { Lease } from "../../src/internal/engine/lease.ts"
import { Counter } from "../../src/internal/engine/lender.ts"
import type { LineParts } from "../../src/internal/engine/line.ts"
import { Lines } from "../../src/internal/engine/lines.ts"
import type { Port } from "../../src/internal/engine/port.ts"
import { Sharing } from "../../src/internal/engine/sharing.ts"
import type { Caller, Restore } from "../../src/internal/guard.ts"
import { meterOf } from "../../src/internal/meter.ts"
import { Refusal } from "../../src/internal/refusal.ts"
import type { Bearer, Hold, Shortcuts } from "../../src/internal/shortcuts.ts"
import type { Time } from "../../src/internal/time.ts"
import { ending, immediately } from "./support.ts"

/** What most calls ask for. */
export const request = (options?: Partial<LockConfig.LockRequest>): LockConfig.LockRequest => ({
  key: "key",
  expiresMillis: 3_000,
  timeoutMillis: 0,
  retry: undefined,
  renew: true,
  awaitRelease: true,
  reenter: false,
  share: undefined,
  atLeastMillis: 0,
  owner: "me",
  ...options
})

/** Rings as the real ones do, when the test says that time has passed. */
export class HandAlarms {
  at = 0
  readonly set = (alarm: Alarm, at: number): void => {
    if (at === Infinity) return
    if (alarm.index !== -1) throw new Error("it is set already")
    alarm.index = 0
    this.entries.push({ alarm, at })
  }
  readonly cancel = (alarm: Alarm): void => {
    const place = this.entries.findIndex((entry) => entry.alarm === alarm)
    if (place !== -1) this.entries.splice(place, 1)
    alarm.index = -1
  }
  private readonly entries: Array<{ readonly alarm: Alarm; readonly at: number }> = []

  now(): number {
    return this.at
  }

  get size(): number {
    return this.entries.length
  }

  /** When the alarm is to ring. */
  timeOf(alarm: Alarm): number | undefined {
    return this.entries.find((entry) => entry.alarm === alarm)?.at
  }

  passTo(at: number): void {
    for (let rung = 0;; rung++) {
      if (rung > 10_000) throw new Error("they ring for ever")
      const due = this.entries.filter((entry) => entry.at <= at).toSorted((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.at = Math.max(this.at, due.at)
      this.cancel(due.alarm)
      due.alarm.ring()
    }
    this.at = at
  }
}

export class Turns {
  private tasks: Array<() => void> = []

  readonly soon = (task: () => void): void => void this.tasks.push(task)

  /** One turn. */
  next(): void {
    const { tasks } = this
    this.tasks = []
    for (const task of tasks) task()
  }

  /** As many as there are. */
  all(): void {
    while (this.tasks.length > 0) this.next()
  }
}

/** What a lease begins with. */
export const terms = (given: Partial<ConstructorParameters<typeof Lease>[1]> = {}) => {
  const { expiresMillis = 3_000, since = 0 } = given
  return {
    key: "key",
    token: "token",
    fencingToken: 1,
    expiresMillis,
    renew: true,
    since,
    deadline: since + expiresMillis,
    ...given
  }
}

export const failure = (options?: {
  readonly kind?: LockError.FailureKind
  readonly retryable?: boolean
  readonly operation?: string
  readonly key?: string
}): LockError.BackendFailure =>
  new LockError.BackendFailure({
    backend: "fake",
    operation: options?.operation ?? "release",
    kind: options?.kind ?? "Unreachable",
    retryable: options?.retryable ?? true,
    key: options?.key
  })

interface Asked {
  readonly operation: Operation
  readonly key: string
  readonly token: string | undefined
  readonly millis: number | undefined
  readonly call: Call<unknown>
  readonly answer: (reply: Reply<unknown>) => void
}

/** A port over no store: it notes what is sent, and the test answers. */
export class HandPort {
  readonly alarms = new HandAlarms()
  readonly turns = new Turns()
  readonly soon = this.turns.soon
  readonly asked: Array<Asked> = []
  readonly abandoned: Array<Call<unknown>> = []
  readonly unanswered: Array<Call<unknown>> = []
  readonly logged: Array<unknown> = []
  readonly patience = 1_000
  readonly maxExpires = Infinity
  direct: Shortcuts["direct"] = undefined
  readonly failures = new Failures("fake")
  closed = false
  store: Partial<LockStore.LockStore> = {}
  notify: ((grant: LockStore.Grant | undefined) => void) | undefined
  listeningEnded = 0
  private readonly book: Book = {
    alarms: this.alarms as unknown as Alarms,
    soon: this.soon,
    ended: () => {},
    unanswered: (call) => void this.unanswered.push(call),
    left: () => {}
  }

  get port(): Port {
    return this as unknown as Port
  }

  margin(): number {
    return 0
  }

  invalidExpires(expiresMillis: number): LockError.LockError | undefined {
    if (expiresMillis <= this.maxExpires && expiresMillis >= 10) return undefined
    return new LockError.LockError({
      reason: new LockError.InvalidOptions({ option: "expires", value: String(expiresMillis), expected: "another" })
    })
  }

  private begin(operation: Operation, key: string, token?: string, millis?: number): Call<never> {
    const call = new Call<never>(this.book, operation, key, 0)
    this.asked.push({ operation, key, token, millis, call, answer: (reply) => call.settle(reply as never) })
    return call
  }

  tryAcquire({ expiresMillis, key, token }: LockStore.Claim) {
    return this.begin("acquire", key, token, expiresMillis)
  }

  exchange(_token: string, { expiresMillis, key, token }: LockStore.Claim) {
    return this.begin("release", key, token, expiresMillis)
  }

  transfer(_token: string, { expiresMillis, key, token }: LockStore.Claim) {
    return this.begin("acquire", key, token, expiresMillis)
  }

  release(key: string, token: string) {
    return this.begin("release", key, token)
  }

  extend({ expiresMillis, key, token }: LockStore.Extension) {
    return this.begin("extend", key, token, expiresMillis)
  }

  extendAll(extensions: ReadonlyArray<LockStore.Extension>) {
    return this.begin("extend", extensions.map(({ key }) => key).join(), undefined, extensions[0].expiresMillis)
  }

  inspect(key: string) {
    return this.begin("inspect", key)
  }

  listen(key: string, token: string, notify: (grant: LockStore.Grant | undefined) => void) {
    this.notify = notify
    return { call: this.begin("listen", key, token), end: () => this.endListening() }
  }

  private endListening(): void {
    this.listeningEnded++
    this.notify = undefined
  }

  abandon(call: Call<unknown>): void {
    this.abandoned.push(call)
    call.settle(this.failures.noReply(call.operation, call.key))
  }

  log(line: unknown): void {
    this.logged.push(line)
  }

  /** Those asked for and not yet answered. */
  get open(): ReadonlyArray<Asked> {
    return this.asked.filter(({ call }) => call.reply === undefined)
  }

  get last(): Asked {
    return this.asked[this.asked.length - 1]
  }

  /** Time passes, and what rings meanwhile has its turns. */
  passTo(at: number): void {
    for (let next = this.alarms.at + 1; next <= at; next++) {
      this.alarms.passTo(next)
      this.turns.all()
    }
  }
}

/** A store in this process that has one holder of a key. */
export const handTable = () => {
  const holds = new Map<string, Hold>()
  const left: Array<string> = []
  let tokens = 0
  const table: NonNullable<Shortcuts["direct"]> = {
    take: (key, bearer) => {
      const held = holds.get(key)
      if (held !== undefined && held.bearer !== bearer) return undefined
      const hold: Hold = {
        fencingToken: ++tokens,
        bearer,
        free: (by) => hold.bearer === by && holds.delete(key)
      }
      holds.set(key, hold)
      return hold
    },
    leave: (key) => void left.push(key),
    holder: (key) => holds.get(key)?.bearer,
    look: (key) => {
      const hold = holds.get(key)
      return hold && { bearer: hold.bearer, remainingMillis: 1_000 }
    },
    count: () => () => {}
  }
  const somebody: Bearer = { text: "somebody", token: "somebody" }
  return { table, holds, left, somebody }
}

/** What takes keys stands on: lines and debts as they are, over a {@link HandPort}, and a keeper that only notes. */
export const handKeys = (store: Partial<LockStore.LockStore> = {}) => {
  const port = new HandPort()
  port.store = store
  const kept = new Set<Lease>()
  const keeper = {
    add: (lease: Lease) => void kept.add(lease),
    remove: (lease: Lease) => void kept.delete(lease),
    extend: () => Effect.void,
    detach: () => Effect.void
  } as unknown as Keeper
  const journal = new Journal(meterOf("fake", Context.make(Metric.MetricRegistry, new Map())))
  const told: Array<string> = []
  journal.listen(({ _tag }) => told.push(_tag), () => {})
  let tokens = 0
  const parts = {
    port: port.port,
    debts: new Debts(port.port, () => {}),
    keeper,
    journal,
    time: { now: () => port.alarms.at, wallMillis: () => port.alarms.at } as unknown as Time,
    nextToken: (_now?: number, owner = "me") => `token.${++tokens}.random.${owner}`,
    owner: "me",
    closed: false,
    refused: (request: LockConfig.LockRequest, waited: number) => journal.timedOut(request, waited),
    holderOf: () => undefined,
    isHeldBy: () => false
  }
  const lines = new Lines(parts as unknown as LineParts)
  const counter: Counter = new Counter(parts)
  const sharing: Sharing = new Sharing(parts, (key) => lines.get(key))
  // The same object: whoever has a lease compares where it is from.
  const keys: Keys & typeof parts = Object.assign(parts, { lines, counter, sharing })
  /** Lets all run that needs no time. */
  const goOn = Effect.repeat(Effect.andThen(Effect.sync(() => port.turns.all()), Effect.yieldNow), { times: 4 })
  const passTo = (at: number) =>
    Effect.gen(function*() {
      // Step by step: who is woken sleeps anew.
      while (port.alarms.at < at) {
        port.passTo(port.alarms.at + 1)
        yield* goOn
      }
    })
  const answer = (reply: Reply<unknown>, asked = port.last) =>
    Effect.andThen(Effect.sync(() => asked.answer(reply)), goOn)
  /** What is taken on a fiber of its own, as a backend does it. */
  const start = <A>(take: (caller: Caller, restore: Restore) => A | Effect.Effect<A, LockError.LockError>) =>
    Effect.tap(
      Effect.forkDetach(
        Effect.uninterruptibleMask((restore) =>
          Effect.suspend(() => {
            const taken = take(Fiber.getCurrent()!, restore)
            return Effect.isEffect(taken) ? taken as Effect.Effect<A, LockError.LockError> : Effect.succeed(taken)
          })
        ),
        immediately
      ),
      () => goOn
    )
  const sent = () => port.asked.map(({ operation, token }) => `${operation} ${token}`)
  return { keys, port, kept, told, goOn, passTo, answer, start, sent }
}

/** What has become of one who takes a key. */
export const state = (fiber: Fiber.Fiber<unknown, LockError.LockError>): string => {
  const exit = fiber.pollUnsafe()
  if (exit === undefined) return "Running"
  if (exit._tag === "Failure") return ending(exit)
  const { value } = exit
  return value instanceof Refusal ? "Refusal" : `#${(value as Lease).fencingToken}`
}
