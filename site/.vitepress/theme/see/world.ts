/**
 * Workers that want keys, in a time of their own: the real library over one store in memory. Nothing happens but in
 * `advance`, so that a story is the same each time it is told.
 */
import * as InMemoryBackend from "effect-lock/InMemoryBackend"
import * as Lock from "effect-lock/Lock"
import type { LockBackend } from "effect-lock/LockBackend"
import type { LockError } from "effect-lock/LockError"
import type { LockStore } from "effect-lock/LockStore"
import { TestNetwork, TestProcess } from "effect-lock/testing"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"

/** How a worker wants its key. */
export type Role = "alone" | "reads" | "permit"

export interface Settings {
  /** All in milliseconds. */
  expires: number
  timeout: number
  work: number
  rest: number
  latency: number
  /** How many permits of a key may be out. */
  limit: number
}

export const defaults: Settings = { expires: 3_000, timeout: 30_000, work: 2_500, rest: 800, latency: 40, limit: 2 }

export type What =
  | "asks"
  | "holds"
  | "ends"
  | "stops"
  | "lost"
  | "busy"
  | "failed"
  | "renews"
  | "writes"
  | "refused"
  | "uses"
  | "paused"
  | "resumed"
  | "killed"
  | "started"
  | "cut"
  | "mended"
  | "reply lost"

export interface Event {
  readonly id: number
  readonly at: number
  readonly who: string
  readonly what: What
  readonly key: string
  readonly fence: number | undefined
  /** In words, for everybody. */
  readonly text: string
}

/** Something that lasts; without an end it does so still. */
export interface Span {
  readonly who: string
  readonly kind: "waits" | "holds" | "paused" | "cut" | "dead" | "stored"
  readonly from: number
  readonly key: string
  readonly fence: number | undefined
  to: number | undefined
}

/** How long what is over is remembered. */
const memory = 90_000

/** Who holds is looked at so often, since the end of a lease makes no noise. */
const look = 20

/** Park and Miller's generator. */
const lehmer = (seed: number) => {
  let state = seed
  const next = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647
  return { nextDoubleUnsafe: next, nextIntUnsafe: () => Math.floor(next() * Number.MAX_SAFE_INTEGER) }
}

export const keys = ["A", "B"] as const

export class World {
  now = 0
  events: Array<Event> = []
  spans: Array<Span> = []
  readonly settings: Settings
  readonly workers: ReadonlyArray<Worker>
  /** What each key protects: it refuses a write whose token is lower than one it has seen. */
  readonly storage = new Map<string, number>()
  readonly store: LockStore
  private ids = 0
  private timers: Array<{ readonly at: number; readonly task: () => void }> = []
  private readonly owners = new Map<string, string>()
  private readonly context: Context.Context<never>

  constructor(names: ReadonlyArray<string>, settings: Partial<Settings> = {}) {
    this.settings = { ...defaults, ...settings }
    const nanos = () => BigInt(Math.round(this.now * 1_000_000))
    this.context = Context.make(Clock.Clock, {
      currentTimeMillisUnsafe: () => this.now,
      currentTimeMillis: Effect.sync(() => this.now),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration: Duration.Duration) =>
        Effect.callback((resume) => {
          const end = this.after(Duration.toMillis(duration), () => resume(Effect.void))
          return Effect.sync(end)
        })
    }).pipe(
      Context.add(Scheduler.Scheduler, new Scheduler.MixedScheduler("async", (task) => this.after(0, task))),
      Context.add(Random.Random, lehmer(7)),
      Context.add(Logger.CurrentLoggers, new Set())
    )
    this.store = this.run(InMemoryBackend.makeStore)
    this.workers = names.map((name, index) => new Worker(this, name, index))
  }

  /** An effect that has nothing to wait for. */
  run<A>(effect: Effect.Effect<A>): A {
    const exit = Effect.runForkWith(this.context)(effect).pollUnsafe()
    if (exit === undefined || Exit.isFailure(exit)) throw new Error("it waits, or has died", { cause: exit })
    return exit.value
  }

  after(millis: number, task: () => void): () => void {
    if (millis === Infinity) return () => {}
    const timer = { at: this.now + millis, task }
    const index = this.timers.findIndex(({ at }) => at > timer.at)
    this.timers.splice(index === -1 ? this.timers.length : index, 0, timer)
    return () => {
      this.timers = this.timers.filter((one) => one !== timer)
    }
  }

  advance(millis: number): void {
    for (let left = millis; left > 0; left -= look) {
      const until = this.now + Math.min(look, left)
      while (this.timers.length > 0 && this.timers[0].at <= until) {
        const { at, task } = this.timers.shift()!
        this.now = Math.max(this.now, at)
        task()
      }
      this.now = until
      this.lookAround()
    }
    const oldest = this.now - memory
    if (this.events.length > 0 && this.events[0].at < oldest - 10_000) {
      this.events = this.events.filter(({ at }) => at >= oldest)
      this.spans = this.spans.filter(({ to }) => to === undefined || to >= oldest)
    }
  }

  /** Whose token it is: the store knows no names. */
  own(token: string, who: string): void {
    this.owners.set(token, who)
  }

  /** Who has a key by the store, as any operator could ask it. */
  holders(key: string): ReadonlyArray<{ readonly who: string; readonly remaining: number }> {
    return this.run(Effect.orDie(this.store.holders!(key))).map(({ remainingMillis, token }) => ({
      who: this.owners.get(token) ?? "?",
      remaining: remainingMillis ?? 0
    }))
  }

  tell(who: string, what: What, key: string, text: string, fence?: number): void {
    this.events.push({ id: this.ids++, at: this.now, who, what, key, fence, text })
  }

  open(who: string, kind: Span["kind"], key: string, fence?: number): void {
    this.spans.push({ who, kind, key, fence, from: this.now, to: undefined })
  }

  close(who: string, ...kinds: ReadonlyArray<Span["kind"]>): void {
    for (const span of this.spans) {
      if (span.to === undefined && span.who === who && kinds.includes(span.kind)) span.to = this.now
    }
  }

  /** Whether a write is let in. It looks and writes in one step. */
  write(who: string, key: string, fence: number): void {
    const seen = this.storage.get(key) ?? 0
    if (fence < seen) {
      this.tell(who, "refused", key, `${who}'s late write is refused: token ${fence} is lower than ${seen}`, fence)
    } else {
      this.storage.set(key, fence)
      this.tell(who, "writes", key, `${who} writes with token ${fence}`, fence)
    }
  }

  private lookAround(): void {
    for (const key of keys) {
      const holding = this.holders(key).map(({ who }) => who)
      const stored = this.spans.filter((span) => span.kind === "stored" && span.key === key && span.to === undefined)
      for (const span of stored) if (!holding.includes(span.who)) span.to = this.now
      for (const who of holding) if (!stored.some((span) => span.who === who)) this.open(who, "stored", key)
    }
  }
}

export class Worker {
  readonly name: string
  readonly index: number
  role: Role = "alone"
  key: string = keys[0]
  isCut = false
  private readonly world: World
  private process!: TestProcess.TestProcess
  private network!: TestNetwork.TestNetwork

  constructor(world: World, name: string, index: number) {
    this.world = world
    this.name = name
    this.index = index
    this.start()
  }

  get state(): TestProcess.State {
    return this.world.run(this.process.state)
  }

  /** The last thing that it did, in a word. */
  get doing(): "waits" | "holds" | "rests" {
    const span = this.world.spans.findLast(({ kind, to, who }) =>
      who === this.name && to === undefined && (kind === "waits" || kind === "holds")
    )
    return span?.kind === "waits" || span?.kind === "holds" ? span.kind : "rests"
  }

  start(): void {
    const { world } = this
    this.isCut = false
    this.network = world.run(TestNetwork.make(world.store, {
      latency: world.settings.latency,
      onMessage: (message) => this.hear(message)
    }))
    this.process = world.run(Scope.provide(
      TestProcess.make(this.network.store, { name: this.name }),
      Scope.makeUnsafe()
    ))
    const life = Effect.andThen(
      Effect.sleep(100 + 250 * this.index),
      Effect.forever(Effect.suspend(() => this.turn()))
    )
    world.run(this.process.fork(life))
  }

  pause(): void {
    if (this.state !== "running") return
    this.world.run(this.process.pause)
    this.world.open(this.name, "paused", this.key)
    this.tell("paused", `${this.name} is paused: nothing in it runs, and it does not know`)
  }

  resume(): void {
    if (this.state !== "paused") return
    this.world.run(this.process.resume)
    this.world.close(this.name, "paused")
    this.tell("resumed", `${this.name} goes on where it was`)
  }

  kill(): void {
    if (this.state === "killed") return
    this.world.run(this.process.kill)
    this.world.close(this.name, "waits", "holds", "paused")
    this.world.open(this.name, "dead", this.key)
    this.tell("killed", `${this.name} is killed: nobody is told, and nothing is given back`)
  }

  restart(): void {
    if (this.state !== "killed") return
    this.world.close(this.name, "dead", "cut")
    this.tell("started", `${this.name} is started again`)
    this.start()
  }

  cut(): void {
    if (this.isCut) return
    this.isCut = true
    this.world.run(this.network.cut)
    this.world.open(this.name, "cut", this.key)
    this.tell("cut", `${this.name} is cut off from the store`)
  }

  mend(): void {
    if (!this.isCut) return
    this.isCut = false
    this.world.run(this.network.mend)
    this.world.close(this.name, "cut")
    this.tell("mended", `${this.name} can reach the store again`)
  }

  /** Loses the next reply of the store. */
  loseReply(): void {
    this.world.run(this.network.loseReply())
  }

  private tell(what: What, text: string, fence?: number): void {
    this.world.tell(this.name, what, this.key, text, fence)
  }

  private hear({ fate, kind, operation, outcome, token }: TestNetwork.Message): void {
    if (token !== undefined && operation === "tryAcquire") this.world.own(token, this.name)
    if (kind === "reply" && fate === "arrived" && outcome === "Extended") {
      this.tell("renews", `${this.name} has renewed`)
    }
    if (kind === "reply" && fate === "lost" && !this.isCut) {
      this.tell("reply lost", `a reply to ${this.name} is lost: the store said "${outcome}"`)
    }
  }

  /** Once around: rest, ask, work, give back. */
  private turn(): Effect.Effect<void, never, LockBackend> {
    const { key, name, role, world } = this
    const { expires, limit, rest, timeout, work } = world.settings
    const step = (fence: number) =>
      Effect.delay(
        Effect.sync(() => {
          if (role === "alone") world.write(name, key, fence)
          else this.world.tell(name, "uses", key, `${name} ${role === "reads" ? "reads" : "calls"}`, fence)
        }),
        500
      )
    const section = ({ fencingToken }: Lock.Lease) =>
      Effect.gen(function*() {
        world.close(name, "waits")
        world.open(name, "holds", key, fencingToken)
        world.tell(name, "holds", key, `${name} ${verbs[role]} ${key}, with token ${fencingToken}`, fencingToken)
        for (let past = 0; past + 500 <= work; past += 500) yield* step(fencingToken)
        yield* Effect.sleep(150)
        world.close(name, "holds")
        world.tell(name, "ends", key, `${name} has finished and gives ${key} back`)
      }).pipe(Effect.onInterrupt(() =>
        Effect.sync(() => {
          world.close(name, "holds")
          world.tell(name, "stops", key, `${name}'s work is interrupted`)
        })
      ))
    const options = { expires, timeout }
    const locked = role === "alone"
      ? Lock.withLock(section, key, options)
      : role === "reads"
      ? Lock.withSharedLock(section, key, options)
      : Lock.withPermits(section, key, { ...options, limit })
    const asking = Effect.sync(() => {
      world.open(name, "waits", key)
      world.tell(name, "asks", key, `${name} asks for ${key}`)
    })
    return Effect.andThen(asking, locked).pipe(
      Effect.catchTag("LockError", (error) => Effect.sync(() => this.fails(error, key))),
      Effect.andThen(Effect.sleep(rest))
    )
  }

  private fails({ message, reason }: LockError, key: string): void {
    const { name, world } = this
    world.close(name, "waits", "holds")
    if (reason._tag === "LockLost") {
      world.tell(name, "lost", key, `${name} is told that ${key} is lost (LockLost: ${reason.why})`)
    } else if (reason._tag === "LockTimeout") {
      world.tell(name, "busy", key, `${name} has waited long enough (LockTimeout)`)
    } else world.tell(name, "failed", key, `${name}: ${message}`)
  }
}

const verbs: Readonly<Record<Role, string>> = { alone: "holds", reads: "shares", permit: "has a permit of" }
