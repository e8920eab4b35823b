/**
 * What there is to each of the smaller worlds: processes over a store, some calls that
 * start at about the same time, and what must hold of all of them.
 */
import { Context, Effect, type Fiber } from "effect"
import { type Lock, LockBackend } from "effect-lock"
import { Events } from "./events.ts"
import { Memory } from "./memory.ts"
import { Network } from "./network.ts"
import { type Kind, makePlan } from "./plan.ts"
import { type Backing, Server } from "./server.ts"
import { makeSubject } from "./subject.ts"
import { isCalm, type Weather } from "./weather.ts"
import { type Host, type Rule, type Section, Witness } from "./witness.ts"
import { IsOld, World } from "./world.ts"

export interface Outcome {
  readonly rule: Rule | undefined
  readonly violation: string | undefined
  readonly entered: number
  /** How many steps each took, in the order of their start. */
  readonly lengths: ReadonlyArray<number>
  readonly lines: ReadonlyArray<string>
  readonly operations: number
}

/** Which call is interrupted, and at which of its steps. */
export interface Interruption {
  readonly number: number
  readonly step: number
}

/** When the network is well again; all that is wanted has been asked for by then. */
const healedAt = 3_000
const longestLease = 10_000
/** How long a call that is never answered may be kept. */
const silence = 45_000
const mostSteps = 100_000

export type Asking = Effect.Effect<unknown, unknown, LockBackend.LockBackend>

interface Running {
  readonly number: number
  readonly since: number
}

export abstract class Stage {
  protected readonly world: World
  protected readonly backing: Backing
  protected readonly witness: Witness
  protected readonly hosts: ReadonlyArray<Host>
  protected readonly weather: Weather
  /** Every message arrives, and in time. */
  protected readonly calm: boolean
  private readonly interrupt: Interruption | undefined
  private readonly running = new Map<Fiber.Fiber<unknown, unknown>, Running>()
  private readonly lengths: Array<number> = []
  private readonly events: ReadonlyArray<Events>
  /** Those that have yet to start. */
  private asked = 0

  constructor(
    seed: number,
    kind: Kind,
    keys: ReadonlyArray<string>,
    calls: readonly [least: number, more: number],
    interrupt: Interruption | undefined,
    traced: boolean
  ) {
    const world = this.world = new World(seed, traced)
    this.interrupt = interrupt
    const { features, hosts, weather } = makePlan(seed, kind)
    this.weather = weather
    this.calm = isCalm(weather)
    const watcher = { extending: () => {}, seesCaller: () => {} }
    let connect: (name: string) => Pick<Host, "process" | "link">
    if (kind === "direct") {
      const process = world.process("p")
      const memory = new Memory(world, process, keys)
      this.backing = memory
      connect = () => ({ process, link: memory.link() })
    } else {
      const server = new Server(world, features)
      this.backing = server
      connect = (name) => {
        const process = world.process(name)
        return { process, link: new Network(world, process, server, weather, watcher) }
      }
    }
    this.witness = new Witness(world, this.backing, undefined)
    this.hosts = Array.from({ length: hosts }, (_, i): Host => {
      const { link, process } = connect(`p${i}`)
      return { link, process, subject: makeSubject(link.store, process.context), scripts: 0, closed: false }
    })
    this.events = this.hosts.map((host) => new Events(host, (text) => this.object("events", text)))
    for (let i = calls[0] + world.random.int(calls[1]); i > 0; i--) {
      this.ask(world.random.millis(0.125, 60), (host) => this.draw(host))
    }
    world.after(healedAt - world.now, () => {
      for (const { link } of this.hosts) link.heal()
    })
  }

  /** What a process of a host calls. */
  protected abstract draw(host: Host): Asking

  /** After every step. */
  protected look(): void {}

  /** It is to keep its key though nobody has it. */
  protected isLeft(_token: string): boolean {
    return false
  }

  play(): Outcome {
    const { backing, hosts, weather, witness, world } = this
    this.settle(healedAt + longestLease, () => this.asked === 0 && this.running.size === 0)
    for (const { number } of this.running.values()) this.object("hangs", `#${number}`)
    // What is on its way to be released has arrived, and a failed release was tried again.
    this.settle(3_000)
    const orphans = backing.held.flatMap((key) => backing.holders(key)).filter((token) => !this.isLeft(token))
    for (const token of weather.mute ? [] : orphans) this.object("orphan", world.alias(token))
    this.settle(longestLease + (weather.mute ? silence : 0))
    for (const events of this.events) events.end()
    if (backing.held.length > 0) this.object("orphan", "the store holds a lock for ever")
    if (backing.listening > 0) this.object("residue", `${backing.listening} listeners`)
    for (const { process, subject } of hosts) {
      const residue = Object.entries(subject.residue()).filter(([, count]) => count !== 0)
      if (residue.length > 0) this.object("residue", `${process.name} ${JSON.stringify(residue)}`)
      if (process.sleeping !== 0) this.object("residue", `${process.name} ${process.sleeping} timers`)
    }
    const { entered, objection } = witness
    return {
      entered,
      lengths: this.lengths,
      operations: this.lengths.length,
      rule: objection?.rule,
      violation: objection && `${objection.rule} ${objection.text}`,
      lines: world.lines ?? []
    }
  }

  protected object(rule: Rule, text: string): void {
    this.witness.object(rule, text)
  }

  private settle(millis: number, isDone: () => boolean = () => false): void {
    const { world } = this
    const end = world.now + millis
    // So that time goes on when nothing else happens.
    world.after(millis, () => {})
    while (world.now < end && !isDone() && this.witness.objection === undefined) {
      if (world.steps > mostSteps) return this.object("hangs", "no end of steps")
      try {
        world.step()
      } catch (error) {
        this.object("uncaught", String(error))
      }
      this.witness.look()
      this.look()
      for (const [fiber, { number, since }] of this.running) {
        if (number === this.interrupt?.number && world.steps - since === this.interrupt.step) fiber.interruptUnsafe()
      }
    }
  }

  protected ask(after: number, make: (host: Host) => Asking): void {
    const { world } = this
    const host = world.random.pick(this.hosts)
    const { process } = host
    this.asked++
    const interruptedAfter = world.random.chance(0.15) ? world.random.millis(0.125, 60) : undefined
    world.after(after, () =>
      process.receive(() => {
        this.asked--
        const number = this.lengths.push(0) - 1
        const since = world.steps
        const context = process.context.pipe(
          Context.add(IsOld, true),
          Context.add(LockBackend.LockBackend, host.subject.backend)
        )
        const fiber = Effect.runForkWith(context)(make(host))
        this.running.set(fiber, { number, since })
        fiber.addObserver((exit) => {
          this.running.delete(fiber)
          this.lengths[number] = world.steps - since
          world.log(() => `${process.name} #${number} ends with ${exit._tag}`)
        })
        if (interruptedAfter !== undefined) {
          world.after(interruptedAfter, () => process.receive(() => process.act(() => fiber.interruptUnsafe())))
        }
      }))
  }

  /** Work under leases. `fresh` says that it starts in the same step as they were looked at. */
  protected section(
    host: Host,
    leases: ReadonlyArray<Lock.Lease>,
    expires: number,
    fresh = false,
    millis?: number
  ): Effect.Effect<ReadonlyArray<Section>> {
    const { random } = this.world
    return Effect.uninterruptibleMask((restore) => {
      const entering = { id: 0, atLeast: 0, expires, share: undefined }
      const sections = leases.map((lease) => this.witness.enter(host, lease, entering, false, fresh))
      return Effect.ensuring(
        Effect.as(
          restore(Effect.sleep(millis ?? random.millis(0.125, random.pick([2, Math.min(expires, 500)])))),
          sections
        ),
        Effect.sync(() => {
          for (const section of sections) {
            section.ended = true
            this.witness.leave(section)
          }
        })
      )
    })
  }
}
