/** Plays a plan in a world of the same seed, and judges it. */
import { type Cause, Context, Effect, Exit, Metric, Option } from "effect"
import { Lock, LockBackend, LockError, type LockStore } from "effect-lock"
import { BodyFailed, Effects, type Failure, isWrong, planned, timeoutOf } from "./calls.ts"
import { Events } from "./events.ts"
import { Memory } from "./memory.ts"
import { Network } from "./network.ts"
import { Current, type Operation } from "./operation.ts"
import {
  type Call,
  isTaking,
  type Kind,
  makeGentle,
  makePlan,
  makeSmallPlan,
  type Plan,
  type Script,
  showCall,
  showPlan,
  type Step
} from "./plan.ts"
import { type Backing, type Link, Server } from "./server.ts"
import { makeSubject } from "./subject.ts"
import { isCalm } from "./weather.ts"
import { type Host, type Rule, type Section, Witness } from "./witness.ts"
import { IsOld, type Process, World } from "./world.ts"

export interface Options {
  /** Keeps the log. */
  readonly traced?: boolean
  /** The rules that are minded. */
  readonly only?: ((rule: Rule) => boolean) | undefined
  readonly gentle?: boolean
  /** A small plan, one call of which is interrupted so many steps after it started. */
  readonly small?: boolean
  readonly interrupt?: { readonly call: number; readonly step: number } | undefined
}

export interface Outcome {
  readonly operations: number
  readonly entered: number
  readonly told: number
  readonly steps: number
  /** How many steps each call took, in the order of their start. */
  readonly lengths: ReadonlyArray<number>
  readonly rule: Rule | undefined
  readonly violation: string | undefined
  readonly lines: ReadonlyArray<string>
}

/** Everything ends long before this, or it hangs. */
const horizonMillis = 300_000
const mostSteps = 200_000
/** When the network is well again. */
const healedAt = 3_000
const longestLeaseMillis = 30_000
/** How long a call that is never answered may be kept. */
const silenceMillis = 45_000
/** How long a failed release may wait until it is tried again. */
const debtMillis = 1_300
/** How long somebody who waits may leave a free key alone, without being told and with. */
const lookMillis = 500
const slackMillis = 4

/** The world has ended before its time. */
class Violation extends Error {}

export class Scenario {
  readonly world: World
  private readonly plan: Plan
  private readonly options: Options
  private readonly backing: Backing
  private readonly witness: Witness
  private readonly effects: Effects
  private readonly hosts: ReadonlyArray<Host>
  private readonly calm: boolean
  private readonly running = new Set<Operation>()
  private readonly lengths: Array<number> = []
  private readonly started = new Map<Operation, number>()
  /** When each key was last asked for by anybody. */
  private readonly used = new Map<string, number>()
  private readonly freeSince = new Map<string, number>()
  /** The last one of a host that got a key. */
  private readonly lastEntered = new Map<string, number>()
  /** Lengths of extensions that failed, by token. */
  private readonly failed = new Map<string, Set<number>>()
  /** Keys that were taken from their holders, or may have been. */
  private readonly disturbed = new Set<string>()
  /** Tokens that keep a key after their work has ended, and until when. */
  private readonly stays = new Map<string, { readonly host: Host; readonly key: string; readonly until: number }>()
  private readonly events: ReadonlyArray<Events>
  private crashed = false

  constructor(seed: number, kind: Kind, options: Options) {
    const world = new World(seed, options.traced === true)
    this.world = world
    this.options = options
    const plan = (options.small === true ? makeSmallPlan : makePlan)(seed, kind)
    this.plan = options.gentle === true ? makeGentle(plan) : plan
    const { features, hosts, keys, scripts, troubles, weather } = this.plan
    for (const line of showPlan(this.plan)) world.log(() => line)
    this.calm = isCalm(weather)
    let connect: (name: string) => readonly [Process, Link]
    if (kind === "direct") {
      const process = world.process("p")
      const memory = new Memory(world, process, keys)
      this.backing = memory
      connect = () => [process, memory.link()]
    } else {
      const server = new Server(world, features)
      this.backing = server
      connect = (name) => {
        const process = world.process(name)
        return [process, new Network(world, process, server, weather, this)]
      }
    }
    this.witness = new Witness(world, this.backing, options.only)
    this.effects = new Effects((leases, call, fresh) => this.work(leases, call, fresh))
    this.hosts = Array.from({ length: hosts }, (_, i): Host => {
      const [process, link] = connect(`p${i}`)
      return { process, link, subject: makeSubject(link.store, process.context), scripts: 0, closed: false }
    })
    this.events = this.hosts.map((host) => new Events(host, (text) => this.witness.object("events", text)))
    for (const script of scripts) this.script(this.hosts[script.host], script)
    for (const trouble of troubles) world.after(trouble.at, () => this.trouble(trouble))
    world.after(healedAt - world.now, () => {
      world.log(() => "heals the network")
      for (const { link } of this.hosts) link.heal()
    })
  }

  run(): Outcome {
    try {
      this.until(() => this.hosts.every(({ process, scripts }) => process.crashed || scripts === 0))
      this.after()
    } catch (error) {
      if (!(error instanceof Violation)) throw error
    }
    const { entered, objection, told } = this.witness
    this.world.log(() => objection === undefined ? "all is well" : `VIOLATION ${objection.rule} ${objection.text}`)
    return {
      operations: this.lengths.length,
      entered,
      told,
      steps: this.world.steps,
      lengths: this.lengths,
      rule: objection?.rule,
      violation: objection && `${objection.rule} ${objection.text}`,
      lines: this.world.lines ?? []
    }
  }

  private until(condition: () => boolean): void {
    const { world } = this
    while (!condition()) {
      this.minded()
      if (!this.stepOnce()) this.hang("nothing happens any more")
      if (world.now > horizonMillis) this.hang("time is up")
      if (world.steps > mostSteps) this.hang("no end of steps")
      this.look()
    }
    this.minded()
  }

  /** It ends here, whether anybody minds or not. */
  private hang(why: string): never {
    const calls = Array.from(
      this.running,
      ({ host, name, startedAt }) => `${host.process.name} ${name} since ${startedAt}`
    )
    this.witness.object("hangs", `${why}: ${calls.join()}`)
    throw new Violation(why)
  }

  private stepOnce(): boolean {
    try {
      const happened = this.world.step()
      const { endless } = this.world
      this.world.readings = 0
      if (endless !== undefined) this.witness.object("hangs", String(endless.stack))
      return happened
    } catch (error) {
      this.witness.object("uncaught", String((error as Error).stack ?? error))
      return true
    }
  }

  /** What was objected to inside a fiber has not come out of it. */
  private minded(): void {
    if (this.witness.objection !== undefined) throw new Violation(this.witness.objection.text)
  }

  /** Lets everything happen that still can, but not for longer than `millis`. */
  private settle(millis: number): void {
    let over = false
    this.world.after(millis, () => {
      over = true
    })
    this.until(() => over)
  }

  // ---------------------------------------------------------------------------
  // What the fibers do
  // ---------------------------------------------------------------------------

  /** Some calls, one after the other. */
  private script(host: Host, { calls }: Script): void {
    host.scripts++
    const next = (index: number) => {
      if (index === calls.length) {
        host.scripts--
        return
      }
      const { after, call } = calls[index]
      this.world.after(after, () => host.process.receive(() => this.start(host, call, () => next(index + 1))))
    }
    next(0)
  }

  private start(host: Host, call: Call, next: () => void): void {
    const { world } = this
    const { process } = host
    const number = this.lengths.length
    const operation: Operation = {
      host,
      call,
      number,
      name: `#${call.id} ${call.form} ${keysOf(call).join("+")}`,
      startedAt: process.now,
      startLag: process.lag,
      fiber: undefined,
      interrupted: false,
      endsAt: undefined,
      enteredAt: undefined,
      left: undefined,
      value: {},
      open: false,
      deafUntil: 0,
      isBehind: host.link.isReleasing(call.key) ||
        Array.from(this.running).some((other) => other.host === host && touches(other.call, call.key)),
      alone: keysOf(call).every((key) => this.isUnused(key)),
      sawOthers: false
    }
    world.log(() => `${process.name} #${call.id} starts: ${showCall(call)}`)
    operation.sawOthers = call.others.length > 0 || this.isOccupied(call.key) || this.hasWaiter(operation)
    for (const key of keysOf(call)) this.use(key)
    this.lengths.push(0)
    this.started.set(operation, world.steps)
    this.running.add(operation)
    if (call.form === "forceRelease") this.seize(host, call.key)
    const context = process.context.pipe(
      Context.add(IsOld, true),
      Context.add(LockBackend.LockBackend, host.subject.backend),
      Context.add(Current, operation)
    )
    const effect = this.effects.of(call)
    const { blocksAfter } = call
    const fiber = Effect.runForkWith(context)(
      blocksAfter === 0 ? effect : Effect.ensuring(effect, Effect.sync(() => process.block(blocksAfter)))
    )
    operation.fiber = fiber
    fiber.addObserver((exit) => {
      this.running.delete(operation)
      this.lengths[number] = world.steps - this.started.get(operation)!
      for (const key of keysOf(call)) this.use(key)
      this.ended(operation, exit)
      next()
    })
    const { interrupted } = call
    if (interrupted !== undefined && "millis" in interrupted) {
      world.after(interrupted.millis, () => process.receive(() => this.interrupt(operation)))
    }
  }

  private interrupt(operation: Operation): void {
    if (!this.running.has(operation) || operation.interrupted || operation.host.process.isStopped) return
    const { call, fiber, host, name, open } = operation
    this.world.log(() => `${host.process.name} ${name} is interrupted`)
    operation.interrupted = true
    if (!call.uninterruptible || open) operation.endsAt = host.process.now
    host.process.act(() => fiber?.interruptUnsafe())
  }

  private seize(host: Host, key: string): void {
    host.link.forcing.add(key)
    this.disturbed.add(key)
    // The store in memory does not say who asks it for what.
    if (this.plan.kind !== "direct") return
    for (const holder of this.backing.holders(key)) this.backing.forgotten.add(holder)
  }

  private isUnused(key: string): boolean {
    const last = this.used.get(key) ?? -Infinity
    const rest = 4 * this.plan.weather.delayMillis + slackMillis
    if (this.backing.wanted(key) || this.world.now - last < rest) return false
    return !Array.from(this.running).some(({ call }) => touches(call, key))
  }

  /** Others have to do with the key now. */
  private use(key: string): void {
    this.used.set(key, this.world.now)
    for (const operation of this.running) if (touches(operation.call, key)) operation.alone = false
  }

  private work(
    leases: ReadonlyArray<Lock.Lease>,
    call: Call,
    fresh: boolean
  ): Effect.Effect<unknown, Failure, LockBackend.LockBackend> {
    return Effect.flatMap(Current, (current) => {
      const operation = current!
      const outer = operation.call.id === call.id
      const { host } = operation
      const { process } = host
      return Effect.uninterruptibleMask((restore) => {
        const deaf = call.uninterruptible || operation.call.uninterruptible
        const sections = Array.from(new Set(leases), (lease) => this.witness.enter(host, lease, call, deaf, fresh))
        if (outer) this.entered(operation)
        const steps = Effect.forEach(call.work.steps, (step) => this.step(operation, sections, step), { discard: true })
        const end = Effect.suspend((): Effect.Effect<unknown, Failure> => {
          switch (call.work.end) {
            case "fail":
              return Effect.fail(new BodyFailed())
            case "die":
              return Effect.die(planned)
            case "succeed":
              return Effect.succeed(operation.value)
          }
        })
        const body = Effect.onExit(restore(Effect.andThen(steps, end)), () =>
          Effect.sync(() => {
            for (const section of sections) section.ended = true
            if (operation.endsAt !== undefined && sections[0].deaf === 0) {
              const since = Math.max(operation.endsAt, operation.deafUntil)
              this.inTime(operation, since, operation.startLag, 0, "clings", "its work")
            }
          }))
        const { cleanup } = call.work
        return Effect.onExit(body, (exit) =>
          Effect.andThen(
            cleanup === 0 ? Effect.void : Effect.sleep(cleanup),
            Effect.sync(() => {
              for (const section of sections) this.left(section, call)
              if (outer) operation.left = { at: process.now, lag: process.lag, exit }
            })
          ))
      })
    })
  }

  /** Its work has ended, finalizers and all. */
  private left(section: Section, { atLeast }: Call): void {
    this.witness.leave(section)
    if (atLeast === 0 || this.witness.remaining(section.host, section.lease) === 0) return
    // From when the store gave it, whose clock may be ahead.
    const since = this.backing.givenAt(section.key, section.token) ?? section.takenAt
    const until = since + atLeast - 0.02 * atLeast - slackMillis
    this.stays.set(section.token, { host: section.host, key: section.key, until })
  }

  private entered(operation: Operation): void {
    const { call, host, number, startLag, startedAt } = operation
    operation.enteredAt = host.process.now
    if (call.share !== undefined && this.plan.kind !== "direct" && !this.plan.features.shares) {
      this.witness.object("unsupported", `${operation.name} has its key`)
    }
    this.hasWaited(operation, "to enter")
    // Who wants several asks for them in turn.
    if (call.form === "withLocks") return
    // Whose time is over asks for a share beside the others, and may have its answer before them.
    if (call.share !== undefined && host.process.now >= startedAt + timeoutOf(call)) return
    const line = `${this.hosts.indexOf(host)} ${call.key}`
    const last = this.lastEntered.get(line) ?? -1
    // Where a fiber may have to let others run at once, the order is not that of the calls; nor where a process was so
    // late that a lease which was passed on within it was over, and the turn had gone on.
    const isLate = call.share !== undefined && host.process.lag - startLag > call.expires / 2
    if (number < last && this.world.stepsBetweenYields > 1_000 && !isLate) {
      this.witness.object("order", `${operation.name} after call ${last}, itself ${number}`)
    }
    this.lastEntered.set(line, Math.max(last, number))
  }

  private step(
    operation: Operation,
    sections: ReadonlyArray<Section>,
    step: Step
  ): Effect.Effect<unknown, Failure, LockBackend.LockBackend> {
    const { host } = operation
    const [section] = sections
    const { lease } = section
    const deaf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
      Effect.acquireUseRelease(
        Effect.sync(() => {
          for (const section of sections) section.deaf++
        }),
        () => effect,
        () =>
          Effect.sync(() => {
            for (const section of sections) section.deaf--
            operation.deafUntil = host.process.now
          })
      )
    switch (step.do) {
      case "pause":
        return Effect.sleep(step.millis)
      case "guard":
        return Lock.guard(lease)(Effect.sleep(step.millis))
      case "deaf":
        return deaf(Effect.uninterruptible(Effect.sleep(step.millis)))
      case "open":
        return Effect.acquireUseRelease(
          Effect.sync(() => {
            operation.open = true
          }),
          () => Effect.interruptible(Effect.sleep(step.millis)),
          () =>
            Effect.sync(() => {
              operation.open = false
            })
        )
      case "block":
        return Effect.sync(() => host.process.block(step.millis))
      case "yield":
        return Effect.yieldNow
      case "remaining":
        return lease.remaining
      case "extend":
        return this.extension(operation, section, step.millis)
      case "release":
        return Effect.andThen(
          Effect.suspend(() => {
            this.witness.leave(section)
            return lease.release
          }),
          Effect.sync(() => {
            if (this.witness.remaining(host, lease) > 0) this.witness.object("after", operation.name)
          })
        )
      case "seize":
        return Effect.ignore(Effect.suspend(() => {
          this.seize(host, section.key)
          return Lock.forceRelease(section.key)
        }))
      case "call": {
        // A lock within may take its time to give up.
        const { call } = step
        return deaf(Effect.suspend(() => {
          this.use(call.key)
          return this.effects.of(call)
        }))
      }
    }
  }

  private extension(operation: Operation, section: Section, millis: number | undefined) {
    const { token } = section
    const sent = this.failed.get(token) ?? new Set()
    this.failed.set(token, sent)
    const { process } = operation.host
    return Effect.suspend(() => {
      const startedAt = process.now
      const { lag } = process
      sent.delete(millis ?? 0)
      return section.lease.extend(millis).pipe(
        Effect.catchReason("LockError", "BackendFailure", () =>
          Effect.sync(() => {
            // Only lengths that nothing else has are known again.
            if (millis !== undefined && millis > 2 * section.expires) sent.add(millis)
          })),
        // A shorter one that is out is waited for.
        Effect.ensuring(Effect.sync(() => this.inTime(operation, startedAt, lag, 2, "slow", "to extend")))
      )
    })
  }

  // ---------------------------------------------------------------------------
  // What is seen of the store
  // ---------------------------------------------------------------------------

  extending({ expiresMillis, key, token }: LockStore.Extension): void {
    if (!this.failed.get(token)?.has(expiresMillis)) return
    this.witness.object("length", `${key} ${this.world.alias(token)} for ${expiresMillis} ms`)
  }

  seesCaller(operation: string): void {
    this.witness.object("context", operation)
  }

  // ---------------------------------------------------------------------------
  // What is judged
  // ---------------------------------------------------------------------------

  /** After every step. */
  private look(): void {
    this.witness.look()
    const { interrupt } = this.options
    if (interrupt !== undefined) {
      for (const operation of this.running) {
        if (operation.number === interrupt.call && this.age(operation) >= interrupt.step) this.interrupt(operation)
      }
    }
    for (const operation of this.running) {
      const { interrupted } = operation.call
      if (interrupted === undefined || "millis" in interrupted) continue
      if (this.age(operation) >= interrupted.steps) this.interrupt(operation)
    }
    for (const key of this.plan.keys) this.lookAt(key)
    for (const [token, { host, key, until }] of this.stays) {
      if (host.process.now >= until || this.backing.forgotten.has(token)) this.stays.delete(token)
      else if (this.backing.endOf(key, token) === -Infinity) {
        this.witness.object("stay", `${key} ${this.world.alias(token)} was to stay until ${until}`)
      }
    }
  }

  private age(operation: Operation): number {
    return this.world.steps - this.started.get(operation)!
  }

  private lookAt(key: string): void {
    const { now } = this.world
    const occupied = this.isOccupied(key)
    if (this.isHeldUp(key)) this.freeSince.delete(key)
    else if (!this.freeSince.has(key)) this.freeSince.set(key, now)
    for (const operation of this.running) {
      if (!keysOf(operation.call).includes(key)) continue
      if (occupied || this.hasWaiter(operation)) operation.sawOthers = true
      if (operation.call.form === "forceRelease") this.seize(operation.host, key)
      else if (this.freeSince.has(key)) this.stillWaits(operation, this.freeSince.get(key)!)
    }
  }

  private isOccupied(key: string): boolean {
    return this.backing.wanted(key) ||
      Array.from(this.running).some(({ call, enteredAt }) => keysOf(call).includes(key) && enteredAt !== undefined)
  }

  /** Whether one who waits may have to. */
  private isHeldUp(key: string): boolean {
    if (this.backing.isHeldUp(key)) return true
    const there = Array.from(this.running).filter(({ call }) => touches(call, key))
    const isHeldAlone = there.some(({ call, enteredAt }) =>
      enteredAt !== undefined && keysOf(call).includes(key) && call.share === undefined
    )
    return there.some(({ call, enteredAt }) => {
      if (enteredAt !== undefined || !isTaking(call)) return false
      // The one who asks for all of a process may look as rarely as it likes, and one who wants several may wait for another.
      const rarely = call.retry !== "usual" && call.retry !== "often"
      return rarely || call.key !== key || call.others.length > 0 || isHeldAlone || !this.backing.fits(key, call.share)
    }) || there.some(({ call }) => nestedOf(call).some((nested) => nested.key === key && this.backing.wanted(key)))
  }

  /** Whether one of its process waits for the key, and has reason to. */
  private hasWaiter({ call, host }: Operation): boolean {
    return Array.from(this.running).some((other) =>
      other.host === host && touches(other.call, call.key) && (other.sawOthers || other.call.key !== call.key)
    )
  }

  private stillWaits(operation: Operation, freeSince: number): void {
    const { call, host: { closed, process }, interrupted, startedAt } = operation
    if (!this.calm || closed || interrupted || !isTaking(call) || this.disturbed.has(call.key)) return
    const busyUntil = Math.max(...this.world.processes.map((process) => process.busyUntil))
    const since = Math.max(startedAt, freeSince, busyUntil)
    if (operation.enteredAt !== undefined || !process.isIdle || this.crashed) return
    if (this.world.now > since + lookMillis + 6 * this.plan.weather.delayMillis) {
      this.witness.object("asleep", `${operation.name} since ${since}`)
    }
  }

  /** What is left to do takes a round trip: as long as the store takes, or as it is given when it does not answer. */
  private inTime(
    operation: Operation,
    by: number,
    lag: number,
    trips: number,
    rule: Rule,
    what: string
  ): void {
    const { process } = operation.host
    const { delayMillis, patienceMillis, twice } = this.plan.weather
    const messages = twice > 0 ? 3 : 2
    const trip = this.calm ? messages * delayMillis : patienceMillis
    const late = process.lag - lag + trips * trip + slackMillis
    if (process.now > by + late) {
      this.witness.object(rule, `${process.name} ${operation.name} took ${process.now - by} ms too long ${what}`)
    }
  }

  /**
   * Beyond its time a call waits for the answer that the first of its process waits for, if it is behind others, and
   * then for its own.
   */
  private hasWaited(operation: Operation, what: string): void {
    const { call, isBehind, startLag, startedAt } = operation
    this.inTime(operation, startedAt + timeoutOf(call), startLag, tripsOf(call) + (isBehind ? 1 : 0), "outlasts", what)
  }

  private ended(operation: Operation, exit: Exit.Exit<unknown, unknown>): void {
    const { call, endsAt, host: { process }, left, name, startLag, startedAt } = operation
    this.world.log(() => `${process.name} ${name} ends: ${describe(exit)}`)
    if (endsAt !== undefined) {
      this.inTime(operation, Math.max(endsAt, left?.at ?? 0, operation.deafUntil), startLag, 0, "clings", "to end")
    } else if (left !== undefined) this.inTime(operation, left.at, left.lag, 1, "slow", "to end")
    else if (isTaking(call)) this.hasWaited(operation, "to give up")
    else if (call.form === "awaitFree") {
      this.inTime(operation, startedAt + call.timeout, startLag, 1, "outlasts", "to give up")
    } else this.inTime(operation, startedAt, startLag, call.form === "forceRelease" ? 2 : 1, "slow", "to answer")
    this.judge(operation, exit)
  }

  private judge(operation: Operation, exit: Exit.Exit<unknown, unknown>): void {
    const { call, interrupted, left, name } = operation
    const reasons = Exit.isSuccess(exit) ? [] : exit.cause.reasons
    const { defects, errors } = sorted(reasons, interrupted)
    for (const defect of defects) {
      const allowed = defect === planned || usesBadTracer(call)
      if (!allowed) this.witness.object("died", `${name}: ${(defect as Error | undefined)?.stack ?? String(defect)}`)
    }
    if (!interrupted && reasons.some(({ _tag }) => _tag === "Interrupt")) {
      this.witness.object("died", `${name} is interrupted by nobody`)
    }
    for (const error of errors) if (error._tag === "LockError") this.failedWith(operation, error)
    const invalid = errors.some((error) => error._tag === "LockError" && error.reason._tag === "InvalidOptions")
    if (invalid !== isWrong(call) && !interrupted && !usesBadTracer(call) && left === undefined) {
      this.witness.object("options", `${name}: ${describe(exit)}`)
    }
    if (left !== undefined) this.judgeResult(operation, left.exit, exit)
    else if (isTaking(call) && Exit.isSuccess(exit)) {
      if (call.form === "once" || call.form === "tryAcquire") this.turnedAway(operation)
      else this.witness.object("result", `${name} succeeds without its work`)
    }
  }

  /** Nothing is swallowed or replaced. */
  private judgeResult(
    { call, interrupted, name, value }: Operation,
    work: Exit.Exit<unknown, unknown>,
    exit: Exit.Exit<unknown, unknown>
  ): void {
    if (Exit.isSuccess(exit)) {
      const wrapped = call.form === "once" || call.form === "tryAcquire"
      const result = wrapped ? Option.getOrUndefined(exit.value as Option.Option<unknown>) : exit.value
      if (Exit.isFailure(work) || result !== value) this.witness.object("result", `${name} has another result`)
      return
    }
    if (interrupted || usesBadTracer(call) || exit.cause.reasons.some(isLoss)) return
    const kept = Exit.isFailure(work) &&
      work.cause.reasons.every((reason) =>
        exit.cause.reasons.some((other) =>
          reason._tag === other._tag && (reason._tag === "Fail"
            ? reason.error === (other as typeof reason).error
            : reason._tag !== "Die" || reason.defect === (other as typeof reason).defect)
        )
      )
    if (!kept) this.witness.object("result", `${name} has another end: ${describe(exit)} for ${describe(work)}`)
  }

  private failedWith(operation: Operation, error: LockError.LockError): void {
    const { call, enteredAt, host, name, startedAt } = operation
    const { process } = host
    const { reason } = error
    // What comes out of a lock within is judged by the same rules, but for another key.
    if (call.work.steps.some(({ do: what }) => what === "call") && enteredAt !== undefined) return
    const text = () => `${name}: ${error.message}`
    const undelayed = process.lag === operation.startLag
    // Those of a process ask for each other, and a short lease may end on its way.
    const isShort = shortest(this.plan) < 20 + 6 * this.plan.weather.delayMillis
    switch (reason._tag) {
      case "BackendFailure": {
        if (reason.kind === "Unsupported") {
          if (call.share === undefined || this.plan.features.shares || this.plan.kind === "direct") {
            this.witness.object("unsupported", text())
          }
          return
        }
        // In an orderly process what has arrived is seen before the store is called silent.
        const answers = this.calm && !host.closed && !isShort
        const isRead = this.world.orderly && process.lag - operation.startLag < shortest(this.plan) / 3
        // Who stands behind another hears what came of that one's attempt, which may have been delayed.
        const isLate = operation.isBehind && !this.isUpToDate(operation)
        if (answers && !isLate && (undelayed || isRead)) this.witness.object("failed", text())
        return
      }
      case "LockTimeout": {
        // Of `Lock.awaitFree` it is a timer of Effect, which may be early.
        const early = call.form === "awaitFree" ? 1 : 0
        if (process.now < startedAt + timeoutOf(call) - early && call.retry !== "ends") {
          this.witness.object("early", text())
        }
        return this.turnedAway(operation)
      }
      case "LockLost": {
        if (reason.why === "Closed" && !host.closed) this.witness.object("lost", text())
        const sound = this.calm && call.renew && undelayed && !host.closed && !isShort
        const taken = keysOf(call).some((key) => this.disturbed.has(key)) || reason.why === "Released"
        if (sound && !taken && this.world.slowness === 0) this.witness.object("lost", text())
      }
    }
  }

  /** What a busy process has not read yet it does not know. */
  private isUpToDate({ host: { process }, startedAt }: Operation): boolean {
    return process.busyUntil < startedAt - 2 * this.plan.weather.patienceMillis
  }

  /** It was told that others have the key. */
  private turnedAway(operation: Operation): void {
    const { alone, call, host, name, sawOthers, startLag } = operation
    const isUpToDate = this.isUpToDate(operation)
    const answers = this.calm && !host.closed && host.process.lag === startLag
    if (alone && answers && isUpToDate) this.witness.object("refused", name)
    if (!sawOthers && isUpToDate && this.plan.kind !== "direct" && call.retry === "usual") {
      this.witness.object("looksHeld", name)
    }
  }

  // ---------------------------------------------------------------------------
  // What happens to them
  // ---------------------------------------------------------------------------

  private trouble({ host: index, key, millis, what }: Plan["troubles"][number]): void {
    const host = this.hosts[index]
    const { process } = host
    if (process.crashed) return
    this.world.log(() => `world       ${what} ${process.name} ${key} ${millis}`)
    switch (what) {
      case "stop":
        return process.stop(millis)
      case "crash": {
        if (this.world.processes.length === 1) return
        this.crashed = true
        process.crashed = true
        for (const operation of Array.from(this.running)) {
          if (operation.host !== host) continue
          this.running.delete(operation)
          this.disturbed.add(operation.call.key)
        }
        return
      }
      case "forget": {
        this.disturbed.add(key)
        return this.backing.forget(key)
      }
      case "flush": {
        for (const key of this.plan.keys) this.disturbed.add(key)
        return this.backing.flush()
      }
      case "wallClock":
        process.wallOffset += millis
        return
      case "close":
        return process.receive(() => this.close(host))
    }
  }

  private close(host: Host): void {
    if (host.closed) return
    host.closed = true
    const { process } = host
    const at = process.now
    const { lag } = process
    // Work that goes on keeps its key until it ends or its time is over.
    const held = Array.from(this.witness.sections).filter((section) => section.host === host)
    const longest = Math.max(
      ...held.map(({ deadline }) => deadline - at),
      ...this.plan.scripts.flatMap(({ calls }) => calls.map(({ call }) => call.expires))
    )
    Effect.runForkWith(process.context)(host.subject.close).addObserver((exit) => {
      this.world.log(() => `${process.name} closed`)
      if (Exit.isFailure(exit)) this.witness.object("closing", describe(exit))
      const took = process.now - at
      const most = longest + 3 * this.plan.weather.patienceMillis + process.lag - lag + slackMillis
      if (took > most) this.witness.object("closing", `${process.name} took ${took} ms`)
    })
  }

  /** When nobody holds or waits any more, nothing is left. */
  private after(): void {
    const { weather } = this.plan
    const { delayMillis, mute, patienceMillis } = weather
    this.settle(Math.max(0, healedAt - this.world.now) + 1)
    // From when the last has not been too busy to take a key, too, that stays.
    const rest = longestStay(this.plan) + (this.calm ? 4 * delayMillis + slackMillis : 4 * patienceMillis + debtMillis)
    do this.settle(rest)
    while (this.world.processes.some(({ busyUntil, crashed }) => !crashed && busyUntil > this.world.now - rest))
    const orphans = this.backing.held.filter((key) => this.backing.holders(key).some((token) => !this.isExcused(token)))
    if (!mute && orphans.length > 0) this.witness.object("orphan", orphans.join())
    this.minded()
    this.settle(longestLeaseMillis + (mute ? silenceMillis : 0))
    this.events.forEach((events) => events.end())
    if (this.backing.held.length > 0) this.witness.object("orphan", "the store holds a lock for ever")
    for (const host of this.hosts) if (!host.process.crashed) this.lookInto(host)
    if (!this.crashed && this.backing.listening > 0) {
      this.witness.object("residue", `${this.backing.listening} listeners`)
    }
    if (this.effects.traced.open > 0 && !this.crashed) this.witness.object("residue", "a span has not ended")
    this.minded()
  }

  /** Nobody gives back what a process had that is gone. */
  private isExcused(token: string): boolean {
    return this.hosts.some(({ closed, link, process }) =>
      link.owned.has(token) && (process.crashed || (closed && !this.calm))
    )
  }

  private lookInto({ process, subject }: Host): void {
    const left = subject.residue()
    if (Object.values(left).some((count) => count !== 0)) {
      this.witness.object("residue", `${process.name} ${JSON.stringify(left)}`)
    }
    if (process.sleeping !== 0) this.witness.object("residue", `${process.name} ${process.sleeping} timers`)
    for (const metric of Effect.runSyncWith(process.context)(Metric.snapshot)) {
      if (metric.id !== "lock_held" || metric.type !== "Gauge") continue
      if (Number(metric.state.value) !== 0) {
        this.witness.object("residue", `${process.name} lock_held ${metric.state.value}`)
      }
    }
  }
}

const keysOf = ({ key, others }: Call): ReadonlyArray<string> => [key, ...others]

const nestedOf = ({ work }: Call): ReadonlyArray<Call> =>
  work.steps.flatMap((step) => step.do === "call" ? [step.call] : [])

const touches = (call: Call, key: string): boolean =>
  keysOf(call).includes(key) || nestedOf(call).some((nested) => nested.key === key)

/** How many round trips it takes to get what is there: all at once, and each in turn if one is not. */
const tripsOf = ({ form, others }: Call): number => form === "withLocks" ? 3 + 2 * others.length : 1

/** The shortest lease that anybody asks for. */
const shortest = ({ scripts }: Plan): number =>
  Math.min(...scripts.flatMap(({ calls }) => calls.map(({ call }) => call.expires)))

/** For how long a key may stay taken whose work has ended. */
const longestStay = ({ scripts }: Plan): number =>
  Math.max(
    ...scripts.flatMap(({ calls }) =>
      calls.flatMap(({ call }) => [call, ...nestedOf(call)].map(({ atLeast }) => atLeast))
    )
  )

const usesBadTracer = ({ traced, work }: Call): boolean =>
  traced === "throws" || work.steps.some((step) => step.do === "call" && usesBadTracer(step.call))

/**
 * What a call ends with. Where an interruption meets the end of the work that it
 * ends, and that has both died and failed, Effect makes defects of the failures, too.
 */
const sorted = (reasons: ReadonlyArray<Cause.Reason<unknown>>, interrupted: boolean) => {
  const errors: Array<Failure> = []
  const defects: Array<unknown> = []
  for (const reason of reasons) {
    if (reason._tag === "Fail") errors.push(reason.error as Failure)
    else if (reason._tag === "Die") defects.push(reason.defect)
  }
  if (!interrupted || errors.length > 0 || !defects.includes(planned)) return { errors, defects }
  const isFailure = (defect: unknown): defect is Failure =>
    defect instanceof LockError.LockError || defect instanceof BodyFailed
  return { errors: defects.filter(isFailure), defects: defects.filter((defect) => !isFailure(defect)) }
}

const isLoss = (reason: Cause.Reason<unknown>): boolean =>
  reason._tag === "Fail" && (reason.error as Failure)._tag === "LockError" &&
  (reason.error as LockError.LockError).reason._tag === "LockLost"

const describe = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "success"
  return exit.cause.reasons.map((reason) => {
    if (reason._tag === "Die") return `Die ${String(reason.defect)}`
    if (reason._tag === "Interrupt") return "Interrupt"
    const error = reason.error as Failure
    return error._tag === "BodyFailed" ? "failure" : error.message
  }).join()
}

export const simulate = (seed: number, kind: Kind, options: Options = {}): Outcome =>
  new Scenario(seed, kind, options).run()
