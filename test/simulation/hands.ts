/**
 * Keys that change hands, in a world of a seed: holders that leave their lease to
 * whoever takes it on, and those who take it on, also two at once, twice, and too
 * late; keys that stay taken; leaders that resign; and those who only watch.
 */
import { Context, Duration, Effect, type Fiber, Stream } from "effect"
import { Leader, Lock, LockBackend } from "effect-lock"
import { isGuard } from "../../src/internal/guard.ts"
import { Events } from "./events.ts"
import { Memory } from "./memory.ts"
import { Network } from "./network.ts"
import { type Kind, makePlan } from "./plan.ts"
import { type Backing, Server } from "./server.ts"
import { makeSubject } from "./subject.ts"
import { type Host, type Rule, Witness } from "./witness.ts"
import { IsOld, World } from "./world.ts"

export interface Outcome {
  readonly rule: Rule | undefined
  readonly violation: string | undefined
  readonly entered: number
  readonly adopted: number
  /** How many steps each took, in the order of their start. */
  readonly lengths: ReadonlyArray<number>
  readonly lines: ReadonlyArray<string>
  readonly operations: number
}

const key = "a"

/** When the network is well again; all that is wanted has been asked for by then. */
const healedAt = 3_000
const longestLease = 10_000
/** How long a call that is never answered may be kept. */
const silence = 45_000
const mostSteps = 100_000
/** How long an answer may be on its way, and be waited for. */
const slackMillis = 700

type Asking = Effect.Effect<unknown, unknown, LockBackend.LockBackend>

class Hands {
  private readonly world: World
  private readonly backing: Backing
  private readonly witness: Witness
  private readonly hosts: ReadonlyArray<Host>
  private readonly interrupt: { readonly number: number; readonly step: number } | undefined
  private readonly running = new Map<
    Fiber.Fiber<unknown, unknown>,
    { readonly number: number; readonly since: number }
  >()
  private readonly lengths: Array<number> = []
  /** Tokens that are left to others, and how long they are to keep the key if nobody takes it on. */
  private readonly left = new Map<string, number>()
  private readonly isMute: boolean
  private readonly events: ReadonlyArray<Events>
  private adopted = 0
  /** Those that have yet to start. */
  private asked = 0

  constructor(seed: number, kind: Kind, interrupt: Hands["interrupt"], traced: boolean) {
    const world = this.world = new World(seed, traced)
    this.interrupt = interrupt
    const { features, hosts, weather } = makePlan(seed, kind)
    this.isMute = weather.mute
    const watcher = { extending: () => {}, seesCaller: () => {} }
    let connect: (name: string) => Pick<Host, "process" | "link">
    if (kind === "direct") {
      const process = world.process("p")
      const memory = new Memory(world, process, [key])
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
    for (let i = 0; i < 2 + world.random.int(3); i++) {
      this.ask(world.random.millis(0.125, 60), (host) => this.draw(host))
    }
    world.after(healedAt - world.now, () => {
      for (const { link } of this.hosts) link.heal()
    })
  }

  run(): Outcome {
    const { backing, hosts, witness, world } = this
    this.settle(healedAt + longestLease, () => this.asked === 0 && this.running.size === 0)
    for (const { number } of this.running.values()) this.object("hangs", `#${number}`)
    // What is on its way to be released has arrived, and a failed release was tried again.
    this.settle(3_000)
    const orphans = backing.held.flatMap((key) => backing.holders(key)).filter((token) => !this.left.has(token))
    for (const token of this.isMute ? [] : orphans) this.object("orphan", world.alias(token))
    this.settle(longestLease + (this.isMute ? silence : 0))
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
      adopted: this.adopted,
      lengths: this.lengths,
      operations: this.lengths.length,
      rule: objection?.rule,
      violation: objection && `${objection.rule} ${objection.text}`,
      lines: world.lines ?? []
    }
  }

  private object(rule: Rule, text: string): void {
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
      for (const [token, until] of this.left) {
        if (this.hosts.every(({ process }) => process.now < until) && this.backing.endOf(key, token) === -Infinity) {
          this.object("stay", world.alias(token))
        }
      }
      for (const [fiber, { number, since }] of this.running) {
        if (number === this.interrupt?.number && world.steps - since === this.interrupt.step) fiber.interruptUnsafe()
      }
    }
  }

  private ask(after: number, make: (host: Host) => Asking): void {
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

  // ---------------------------------------------------------------------------
  // What they do
  // ---------------------------------------------------------------------------

  private draw(host: Host): Asking {
    const { random } = this.world
    const expires = random.pick([40, 300, 8_000])
    const timeout = random.pick([0, 50, 1_000])
    const n = random.int(100)
    if (n < 55) {
      const atLeast = random.chance(0.3) ? random.pick([20, 300]) : undefined
      return Lock.withLock(this.holding(host, expires), key, { expires, timeout, atLeast })
    }
    if (n < 70) return Lock.awaitFree(key, { timeout })
    if (n < 85) {
      return Lock.changes(key).pipe(Stream.runDrain, Effect.timeoutOption(random.pick([20, 500])))
    }
    let terms = 0
    const work = (lease: Lock.Lease) =>
      Effect.andThen(
        this.section(host, lease, expires),
        Effect.suspend(() => ++terms < 3 ? Leader.resign : Effect.void)
      )
    return Leader.lead(work, key, { expires, rest: random.pick([0, 20]) }).pipe(
      Effect.timeoutOption(random.pick([100, 2_000]))
    )
  }

  private section(host: Host, lease: Lock.Lease, expires: number): Effect.Effect<void> {
    const { random } = this.world
    return Effect.uninterruptibleMask((restore) => {
      const section = this.witness.enter(host, lease, { id: 0, expires, share: undefined }, false, false)
      return Effect.ensuring(
        restore(Effect.sleep(random.millis(0.125, random.pick([2, Math.min(expires, 500)])))),
        Effect.sync(() => {
          section.ended = true
          this.witness.leave(section)
        })
      )
    })
  }

  /** Works, and perhaps leaves the lease to others. */
  private holding(host: Host, expires: number): (lease: Lock.Lease) => Asking {
    return (lease) =>
      Effect.andThen(
        this.section(host, lease, expires),
        this.world.random.chance(0.6) ? this.leaving(lease) : Effect.void
      )
  }

  private leaving(lease: Lock.Lease): Asking {
    const { random } = this.world
    const detached = Lock.detach(lease, { for: random.pick([undefined, 100, 2_000]) })
    // Whoever has the ticket has told others, or nobody ever hears of it.
    return Effect.uninterruptibleMask((restore) =>
      Effect.map(Effect.onInterrupt(restore(detached), () => this.dropped(lease)), (ticket) => {
        // The store's clock may be ahead, and its answer was on its way.
        const goodFor = Duration.toMillis(ticket.goodFor)
        this.left.set(ticket.token, this.world.now + 0.98 * goodFor - slackMillis)
        for (let times = random.pick([0, 1, 1, 2, 3]); times > 0; times--) {
          this.ask(random.millis(0.125, random.pick([1, 20, 2_500])), (host) => this.adopting(host, ticket))
        }
      })
    )
  }

  /** Who is interrupted in the moment at which it has left a lease never sees the ticket: the key is free when that is over. */
  private dropped(lease: Lock.Lease): Effect.Effect<void> {
    return Effect.map(lease.remaining, (remaining) => {
      if (Duration.isZero(remaining) && isGuard(lease)) this.left.set(lease.token, -Infinity)
    })
  }

  private adopting(host: Host, ticket: Lock.Ticket): Asking {
    const expires = this.world.random.pick([40, 300, 8_000])
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      this.left.set(ticket.token, -Infinity)
      const lease = yield* Lock.adopt(ticket, { expires, timeout: 500 })
      this.adopted++
      yield* Lock.guard(lease)(this.section(host, lease, expires))
      if (this.world.random.chance(0.3)) yield* this.leaving(lease)
    }))
  }
}

export const play = (
  seed: number,
  kind: Kind,
  interrupt?: { readonly number: number; readonly step: number },
  traced = false
): Outcome => new Hands(seed, kind, interrupt, traced).run()
