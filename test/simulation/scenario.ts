/** A world made of a seed: two or three engines, a few fibers and keys, faults, and what they do. */
import { Cause, Context, Duration, Effect, Exit } from "effect"
import type { Fiber } from "effect"
import { Lock, LockBackend, type LockError, type LockStore } from "effect-lock"
import { type Engine, makeEngine } from "../../src/internal/engine/engine.ts"
import * as Sections from "../../src/internal/section.ts"
import { shortcutsOf, withShortcuts } from "../../src/internal/shortcuts.ts"
import { Memory } from "./memory.ts"
import { Network, type Weather } from "./network.ts"
import type { Random } from "./random.ts"
import { type Backing, type Features, type Link, Server } from "./store.ts"
import { type Section, Violation, Witness } from "./witness.ts"
import { IsOld, type Process, World } from "./world.ts"

export interface Outcome {
  readonly operations: number
  readonly entered: number
  readonly told: number
  readonly steps: number
  readonly violation: string | undefined
  readonly lines: ReadonlyArray<string>
}

export type Kind = "direct" | "polling" | "told" | "given"

interface Host {
  readonly process: Process
  readonly link: Link
  readonly engine: Engine
  readonly context: Context.Context<LockBackend.LockBackend>
  /** Scripts of operations that have not come to their end. */
  scripts: number
  closed: boolean
}

/** One call of `Lock`, and how long it took. */
interface Operation {
  readonly host: Host
  readonly name: string
  readonly startedAt: number
  readonly startLag: number
  readonly timeoutMillis: number
  readonly fiber: Fiber.Fiber<unknown, unknown>
  interruptedAt: number | undefined
  enteredAt: number | undefined
  /** When the work was over, and the lag by then. */
  left: { readonly at: number; readonly lag: number } | undefined
  deaf: boolean
}

/** Everything ends long before this, or it hangs. */
const horizonMillis = 120_000
const longestLeaseMillis = 2_500
const slackMillis = 4

const makeWeather = (world: World): Weather => {
  const { random } = world
  const bad = random.pick([0, 0, 0.02, 0.1])
  return {
    patienceMillis: random.pick([40, 150]),
    delayMillis: random.pick([0.5, 2, 10]),
    slow: random.pick([0, 0, 0.02, 0.1]),
    lost: bad,
    twice: random.pick([0, 0, 0.05]),
    refused: bad / 2
  }
}

const calm: Weather = { patienceMillis: 40, delayMillis: 0, slow: 0, lost: 0, twice: 0, refused: 0 }

const makeFeatures = (random: Random, kind: Features["listen"] | "polling"): Features => ({
  listen: kind === "polling" ? "no" : kind,
  exchange: kind === "given" ? random.chance(0.7) : random.chance(0.2),
  extendAll: random.chance(0.5),
  handOver: kind === "given" ? random.chance(0.7) : random.chance(0.2)
})

class BodyFailed {
  readonly _tag = "BodyFailed"
}

export class Scenario {
  readonly world: World
  private readonly backing: Backing
  private readonly connect: (name: string, owns: (token: string) => boolean) => readonly [Process, Link]
  private readonly weather: Weather
  private readonly witness: Witness
  private readonly hosts: Array<Host> = []
  private readonly keys: ReadonlyArray<string>
  private readonly running = new Set<Operation>()
  private readonly usualExpires: number
  private operations = 0
  /** Nothing was taken from the store, and nobody died. */
  private undisturbed = true

  constructor(seed: number, kind: Kind, traced: boolean) {
    const world = new World(seed, traced)
    const { random } = world
    this.world = world
    this.keys = ["a", "b", "c"].slice(0, 1 + random.int(3))
    this.weather = kind === "direct" ? calm : makeWeather(world)
    if (kind === "direct") {
      const process = world.process("p")
      const memory = new Memory(world, process, this.keys)
      this.backing = memory
      this.connect = (_name, owns) => [process, memory.link(owns)]
    } else {
      const server = new Server(world, makeFeatures(random, kind))
      this.backing = server
      this.connect = (name, owns) => {
        const process = world.process(name)
        return [process, new Network(world, process, server, this.weather, owns)]
      }
    }
    this.usualExpires = random.pick([15, 60, 200, 800])
    this.witness = new Witness(world, {
      endOf: (key, token) => this.backing.endOf(key, token),
      isForgotten: (token) => this.backing.forgotten.has(token)
    })
    world.log(() => JSON.stringify(this.weather))
    for (let i = 0; i < 2 + random.int(2); i++) this.hosts.push(this.host(`p${i}`))
    for (const host of this.hosts) {
      for (let i = 0; i < 1 + random.int(3); i++) this.script(host, 1 + random.int(4))
    }
    this.trouble()
  }

  run(): Outcome {
    let steps = 0
    try {
      const finished = () => this.hosts.every(({ process, scripts }) => process.crashed || scripts === 0)
      steps += this.until(finished)
      if (this.witness.objection === undefined) this.after()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
    }
    const violation = this.witness.objection
    this.world.log(() => violation === undefined ? "all is well" : `VIOLATION ${violation}`)
    const { entered, told } = this.witness
    return { operations: this.operations, entered, told, steps, violation, lines: this.world.lines ?? [] }
  }

  private until(condition: () => boolean): number {
    const { world } = this
    let steps = 0
    while (!condition()) {
      if (this.witness.objection !== undefined) return steps
      if (!world.step()) this.witness.object(`nothing happens any more: ${this.describe()}`)
      if (world.now > horizonMillis) this.witness.object(`no end: ${this.describe()}`)
      this.witness.look()
      steps++
    }
    return steps
  }

  /** Lets everything happen that still can, but not for longer than `millis`. */
  private settle(millis: number): void {
    const end = this.world.now + millis
    let over = false
    this.world.after(millis, () => {
      over = true
    })
    this.until(() => over)
    if (this.world.now > end + 1) this.witness.object("time ran away")
  }

  private describe(): string {
    const idle = this.hosts.map(({ process, scripts }) => `${process.name} ${scripts}`).join()
    return idle +
      Array.from(this.running, ({ host, name, startedAt }) => `${host.process.name} ${name} since ${startedAt}`).join()
  }

  private host(name: string): Host {
    const owned = new Set<string>()
    const [process, link] = this.connect(name, (token) => owned.has(token))
    const { store } = link
    const { direct } = shortcutsOf(store)
    const noting: LockStore.LockStore = {
      ...store,
      tryAcquire: (claim) => {
        owned.add(claim.token)
        return store.tryAcquire(claim)
      },
      ...(store.exchange !== undefined && {
        exchange: (token, claim) => {
          owned.add(claim.token)
          return store.exchange!(token, claim)
        }
      })
    }
    const engine = makeEngine(
      direct === undefined ? noting : withShortcuts(noting, {
        direct: {
          ...direct,
          take: (key, bearer, expiresMillis, now) => {
            owned.add(bearer.token)
            return direct.take(key, bearer, expiresMillis, now)
          }
        }
      }),
      process.context
    )
    const backend = Sections.make(engine)
    const context = Context.add(Context.add(process.context, IsOld, true), LockBackend.LockBackend, backend)
    return { process, link, engine, context, scripts: 0, closed: false }
  }

  // ---------------------------------------------------------------------------
  // What the fibers do
  // ---------------------------------------------------------------------------

  /** Some operations, one after the other. */
  private script(host: Host, left: number): void {
    const { random } = this.world
    host.scripts++
    const next = () => {
      if (left-- === 0) {
        host.scripts--
        return
      }
      this.world.after(random.chance(0.3) ? 0.125 : random.millis(0.125, 100), () => {
        host.process.interruptWith(() => this.start(host, next))
      })
    }
    next()
  }

  private start(host: Host, next: () => void): void {
    const { world } = this
    const { random } = world
    const key = random.pick(this.keys)
    const timeoutMillis = random.pick([0, 5, 30, 200, 1_000, Infinity])
    const expires = random.chance(0.8) ? this.usualExpires : random.pick([12, 40, 100, 500])
    const options = {
      expires,
      timeout: timeoutMillis === Infinity ? Duration.infinity : Duration.millis(timeoutMillis),
      renew: random.chance(0.85)
    }
    const operation: { -readonly [K in keyof Operation]: Operation[K] } = {
      host,
      name: "",
      startedAt: world.now,
      startLag: host.process.lag,
      timeoutMillis,
      fiber: undefined as never,
      interruptedAt: undefined,
      enteredAt: undefined,
      left: undefined,
      deaf: false
    }
    const section = (lease: Lock.Lease) => this.work(operation, lease, expires)
    const kind = random.next()
    let effect: Effect.Effect<unknown, LockError.LockError | BodyFailed, LockBackend.LockBackend>
    if (kind < 0.72) {
      operation.name = "withLock"
      effect = Lock.withLock(section, key, options)
    } else if (kind < 0.8) {
      operation.name = "once"
      effect = Lock.once(section, key, options)
    } else if (kind < 0.93) {
      operation.name = "acquire"
      effect = Effect.scoped(
        Effect.flatMap(Lock.acquire(key, options), (lease) => Effect.raceFirst(section(lease), lease.lost))
      )
    } else if (kind < 0.97) {
      operation.name = "inspect"
      effect = Lock.inspect(key)
    } else {
      operation.name = "forceRelease"
      host.link.forcing.add(key)
      effect = Lock.forceRelease(key)
    }
    world.log(() =>
      `${host.process.name} ${operation.name} ${key} ${expires} ms, timeout ${timeoutMillis}${
        options.renew ? "" : ", no renewal"
      }`
    )
    this.operations++
    operation.fiber = Effect.runForkWith(host.context)(effect)
    this.running.add(operation)
    operation.fiber.addObserver((exit) => {
      this.running.delete(operation)
      this.ended(operation, exit)
      next()
    })
    if (random.chance(0.15)) {
      world.after(random.millis(0.125, random.pick([2, 50, 500])), () => {
        if (!this.running.has(operation)) return
        host.process.interruptWith(() => {
          if (!this.running.has(operation)) return
          world.log(() => `${host.process.name} ${operation.name} ${key} is interrupted`)
          operation.interruptedAt = world.now
          operation.fiber.interruptUnsafe()
        })
      })
    }
  }

  private work(
    operation: { -readonly [K in keyof Operation]: Operation[K] },
    lease: Lock.Lease,
    expires: number
  ): Effect.Effect<void, LockError.LockError | BodyFailed, LockBackend.LockBackend> {
    const kind = this.world.random.next()
    // A lock within may take its time to give up.
    const deaf = kind >= 0.86
    // Who has acquired a lease looks at it itself, and may get to that too late.
    const begunAt = operation.name === "acquire" ? -Infinity : this.world.now
    return this.section(operation.host.process, lease, deaf, begunAt, (section) => {
      const { process } = operation.host
      operation.enteredAt = this.world.now
      operation.deaf = deaf
      this.inTime(operation, operation.startedAt + operation.timeoutMillis, operation.startLag, 1, "to enter")
      return Effect.ensuring(
        this.body(kind, section, lease, expires),
        Effect.sync(() => {
          operation.left = { at: this.world.now, lag: process.lag }
        })
      )
    })
  }

  /** Between entering and leaving nothing goes unseen. */
  private section<E, R>(
    process: Process,
    lease: Lock.Lease,
    deaf: boolean,
    begunAt: number,
    body: (section: Section) => Effect.Effect<unknown, E, R>
  ): Effect.Effect<void, E, R> {
    return Effect.uninterruptibleMask((restore) => {
      const section = this.witness.enter(process, lease, deaf, begunAt)
      return Effect.asVoid(
        Effect.onExit(restore(body(section)), () => Effect.sync(() => this.witness.leave(section)))
      )
    })
  }

  private body(
    kind: number,
    section: Section,
    lease: Lock.Lease,
    expires: number
  ): Effect.Effect<unknown, LockError.LockError | BodyFailed, LockBackend.LockBackend> {
    const { random } = this.world
    const wait = Effect.sleep(random.millis(0, random.pick([1, expires, 2.5 * expires])))
    if (kind < 0.15) return Effect.void
    if (kind < 0.25) return Effect.yieldNow
    if (kind < 0.6) return wait
    if (kind < 0.72) return Effect.andThen(wait, Effect.andThen(this.extension(lease, expires), wait))
    if (kind < 0.78) {
      const release = Effect.andThen(Effect.sync(() => this.witness.leave(section)), lease.release)
      return Effect.andThen(wait, Effect.andThen(release, wait))
    }
    if (kind < 0.83) return Effect.andThen(wait, Effect.fail(new BodyFailed()))
    if (kind < 0.86) return Effect.andThen(wait, Effect.die("as planned"))
    if (kind >= 0.9) return Effect.uninterruptible(wait)
    const inner = Lock.withLock(
      (lease) => this.section(section.process, lease, false, this.world.now, () => wait),
      random.pick(this.keys),
      { expires, timeout: random.int(50) }
    )
    return Effect.andThen(inner, wait)
  }

  private extension(lease: Lock.Lease, expires: number): Effect.Effect<void, LockError.LockError> {
    return Effect.catchReason(
      lease.extend(this.world.random.pick([undefined, expires, 3 * expires])),
      "LockError",
      "BackendFailure",
      () => Effect.void
    )
  }

  /** Nothing may take longer than its time and as often the store's patience, when it is let run. */
  private inTime(operation: Operation, by: number, lag: number, patience: number, what: string): void {
    const late = operation.host.process.lag - lag + patience * this.weather.patienceMillis + slackMillis
    if (this.world.now > by + late) {
      this.witness.object(
        `${operation.host.process.name} ${operation.name} took until ${this.world.now - by} ms after its time ${what}`
      )
    }
  }

  private ended(operation: Operation, exit: Exit.Exit<unknown, unknown>): void {
    const { host: { process }, interruptedAt, left, name } = operation
    this.world.log(() => `${process.name} ${name} ends: ${describe(exit)}`)
    if (left !== undefined) this.inTime(operation, left.at, left.lag, 2, "to end")
    else if (interruptedAt !== undefined) {
      this.inTime(operation, interruptedAt, operation.startLag, 1, "to be interrupted")
    } else if (name === "inspect" || name === "forceRelease") {
      this.inTime(operation, operation.startedAt, operation.startLag, 2, "to end")
    } else {
      // Who waited for the answer to another's claim, and gets its turn instead, has yet to ask itself.
      this.inTime(operation, operation.startedAt + operation.timeoutMillis, operation.startLag, 2, "to give up")
    }
    if (Exit.isSuccess(exit)) return
    for (const reason of exit.cause.reasons) {
      if (reason._tag === "Die" && reason.defect !== "as planned") {
        this.witness.object(`${name} died: ${String((reason.defect as Error)?.stack ?? reason.defect)}`)
      }
      if (reason._tag === "Interrupt" && interruptedAt === undefined) {
        this.witness.object(`${name} was interrupted by nobody`)
      }
      if (reason._tag === "Fail") this.failed(operation, reason.error as LockError.LockError | BodyFailed)
    }
  }

  private failed(
    { enteredAt, host, name, startedAt, timeoutMillis }: Operation,
    error: LockError.LockError | BodyFailed
  ): void {
    if (error._tag === "BodyFailed") return
    const { reason } = error
    const { delayMillis, lost, patienceMillis, refused, slow } = this.weather
    const calm = lost + refused + slow === 0 && 2 * delayMillis < Math.min(patienceMillis, 12) && !host.closed
    if (reason._tag === "InvalidOptions") this.witness.object(`${name}: ${reason.message}`)
    const inTime = this.world.now < startedAt + timeoutMillis
    if (reason._tag === "BackendFailure" && calm && inTime && enteredAt === undefined && host.process.lag === 0) {
      this.witness.object(`${name}: ${reason.message}`)
    }
    if (
      reason._tag === "LockTimeout" &&
      this.world.now < startedAt + Math.min(timeoutMillis, Duration.toMillis(reason.timeout))
    ) {
      this.witness.object(`${name} gave up early`)
    }
    if (reason._tag === "LockLost" && reason.why === "Closed" && !host.closed) {
      this.witness.object(`${name}: ${reason.message}`)
    }
  }

  // ---------------------------------------------------------------------------
  // What happens to them
  // ---------------------------------------------------------------------------

  private trouble(): void {
    const { random } = this.world
    const often = (probability: number, most: number, happen: () => void) => {
      if (!random.chance(probability)) return
      for (let i = 0; i < 1 + random.int(most); i++) this.world.after(random.millis(0, 600), happen)
    }
    const log = (what: string) => this.world.log(() => `world       ${what}`)
    often(0.4, 3, () => {
      const { process } = random.pick(this.hosts)
      const millis = random.millis(1, random.pick([10, 3 * this.usualExpires]))
      log(`stops ${process.name} for ${millis}`)
      process.stop(millis)
    })
    if (this.world.processes.length > 1) {
      often(0.1, 1, () => {
        const host = random.pick(this.hosts)
        log(`crashes ${host.process.name}`)
        this.undisturbed = false
        host.process.crashed = true
        for (const operation of Array.from(this.running)) if (operation.host === host) this.running.delete(operation)
      })
    }
    often(0.1, 2, () => {
      this.undisturbed = false
      this.backing.forget(random.pick(this.keys))
    })
    often(0.05, 1, () => {
      this.undisturbed = false
      this.backing.flush()
    })
    often(0.2, 3, () => {
      const { process } = random.pick(this.hosts)
      process.wallOffset += random.pick([-3_600_000, 3_600_000])
    })
    often(0.1, 1, () => {
      const host = random.pick(this.hosts)
      if (host.process.crashed || host.closed) return
      log(`closes ${host.process.name}`)
      host.closed = true
      host.process.interruptWith(() => this.close(host))
    })
    this.world.after(2_000, () => {
      log("heals the network")
      for (const { link } of this.hosts) link.heal()
    })
  }

  private close(host: Host): void {
    const { process } = host
    const at = this.world.now
    const { lag } = process
    Effect.runForkWith(process.context)(host.engine.close).addObserver((exit) => {
      this.world.log(() => `${process.name} closed`)
      if (Exit.isFailure(exit)) this.witness.object(`closing: ${Cause.pretty(exit.cause)}`)
      const took = this.world.now - at
      // A key is freed when the work under it has ended, or at the end of its lease.
      const most = longestLeaseMillis + 3 * this.weather.patienceMillis + process.lag - lag + slackMillis
      if (took > most) this.witness.object(`closing ${process.name} took ${took} ms`)
    })
  }

  /** When nobody holds or waits any more, nothing is left. */
  private after(): void {
    const { lost, slow, refused, twice } = this.weather
    if (this.world.now < 2_000) this.settle(2_000 - this.world.now + 1)
    this.settle(4 * this.weather.patienceMillis)
    if (this.undisturbed && lost + slow + refused + twice === 0 && this.backing.held.length > 0) {
      this.witness.object(`left in the store: ${this.backing.held.join()}`)
    }
    this.settle(longestLeaseMillis)
    if (this.backing.held.length > 0) this.witness.object("the store holds a lock for ever")
    for (const { engine, process } of this.hosts) {
      if (process.crashed) continue
      const left = JSON.stringify(engine.residue)
      if (left !== `{"lines":0,"kept":0,"alarms":0,"calls":0}`) {
        this.witness.object(`left in ${process.name}: ${left}`)
      }
      if (process.sleeping !== 0) this.witness.object(`left in ${process.name}: ${process.sleeping} timers`)
    }
    const crashed = this.hosts.some(({ process }) => process.crashed)
    if (!crashed && this.backing.listening > 0) this.witness.object(`${this.backing.listening} listeners left`)
  }
}

const describe = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  return exit.cause.reasons.map((reason) => {
    if (reason._tag !== "Fail") return reason._tag
    const error = reason.error as LockError.LockError | BodyFailed
    return error._tag === "BodyFailed" ? "failure" : error.message
  }).join()
}

export const simulate = (seed: number, kind: Kind, traced = false): Outcome => new Scenario(seed, kind, traced).run()
