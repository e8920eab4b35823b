/**
 * Time, and processes in it. `TestClock` keeps the time; a seed decides what
 * happens next: which process runs, which of its tasks, or that time passes
 * although there is work to do. So wake-ups come late and in any order, which
 * `TestClock` on its own spares its sleepers.
 */
import { Clock, Context, Duration, Effect, Logger, Metric, Random as Randoms, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Random } from "./random.ts"

export interface Event {
  readonly at: number
  readonly order: number
  readonly happen: () => void
  cancelled: boolean
}

/**
 * Marks fibers that have much behind them. Such a fiber has to let others run
 * after some number of steps, so it may happen anywhere; a new one does not get there.
 */
export const IsOld = Context.Reference<boolean>("effect-lock/test/IsOld", { defaultValue: () => false })

type Queue = Array<{ readonly task: () => void; readonly priority: number }>

/** One process: its scheduler, its clock, and how well it gets on. */
export class Process {
  readonly name: string
  readonly context: Context.Context<never>
  /** How long it has not been running although it had something to do. */
  lag = 0
  /** Until when it lagged. */
  busyUntil = 0
  /** Sleeps that have not ended. */
  sleeping = 0
  crashed = false
  /** What its wall clock is off by. */
  wallOffset = 0
  private stopped = 0
  private readonly ready: Array<Queue> = []
  private readonly world: World
  private untilYield = 0

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => {
        if (--this.untilYield > 0 || !fiber.getRef(IsOld)) return false
        this.untilYield = 1 + world.random.int(world.stepsBetweenYields)
        return true
      },
      makeDispatcher: () => {
        const queue: Queue = []
        return { scheduleTask: (task, priority) => this.push(queue, task, priority), flush: () => {} }
      }
    }
    this.untilYield = 1 + world.random.int(world.stepsBetweenYields)
    this.context = Context.make(Clock.Clock, this.clock()).pipe(
      Context.add(Scheduler.Scheduler, scheduler),
      Context.add(Randoms.Random, {
        nextIntUnsafe: () => world.random.int(Number.MAX_SAFE_INTEGER),
        nextDoubleUnsafe: () => world.random.next()
      }),
      Context.add(Metric.MetricRegistry, new Map()),
      Context.add(Logger.CurrentLoggers, new Set())
    )
  }

  get runnable(): boolean {
    return this.stopped === 0 && !this.crashed && this.ready.length > 0
  }

  get isIdle(): boolean {
    return this.stopped === 0 && this.ready.length === 0
  }

  /** Something that happens to the process from outside, such as a reply. */
  interruptWith(task: () => void): void {
    if (!this.crashed) this.push([], task, 0)
  }

  stop(millis: number): void {
    this.stopped++
    this.world.after(millis, () => {
      this.stopped--
    })
  }

  /** One of the tasks that could run now. */
  runOne(): void {
    const index = this.world.random.int(this.ready.length)
    const queue = this.ready[index]
    const { task } = queue.shift()!
    if (queue.length === 0) {
      this.ready[index] = this.ready[this.ready.length - 1]
      this.ready.pop()
    }
    task()
  }

  passed(millis: number): void {
    if (this.isIdle) return
    this.lag += millis
    this.busyUntil = this.world.now + millis
  }

  private push(queue: Queue, task: () => void, priority: number): void {
    if (this.crashed) return
    if (queue.length === 0) this.ready.push(queue)
    let index = queue.length
    while (index > 0 && queue[index - 1].priority > priority) index--
    queue.splice(index, 0, { task, priority })
  }

  private clock(): Clock.Clock {
    const { world } = this
    const wall = () => world.clock.currentTimeMillisUnsafe() + this.wallOffset
    const wallNanos = () => BigInt(Math.round(wall() * 1_000_000))
    return {
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: () => world.clock.monotonicTimeNanosUnsafe(),
      monotonicTimeNanos: world.clock.monotonicTimeNanos,
      sleep: (duration) => {
        const millis = Duration.toMillis(duration)
        if (millis <= 0) return Effect.yieldNow
        if (millis === Infinity) return Effect.never
        return Effect.callback((resume) => {
          this.sleeping++
          // Timers of real processes are a fraction of a millisecond early now and then.
          const early = world.random.chance(0.1) ? 0.125 * world.random.int(8) : 0
          const event = world.after(Math.max(0.125, millis - early), () => {
            this.sleeping--
            this.interruptWith(() => resume(Effect.void))
          })
          return Effect.sync(() => {
            if (event.cancelled || event.at <= world.now) return
            event.cancelled = true
            this.sleeping--
          })
        })
      }
    }
  }
}

/** Runs what keeps the time, apart from the processes. */
const makeDriver = () => {
  const tasks: Array<() => void> = []
  const scheduler: Scheduler.Scheduler = {
    executionMode: "sync",
    shouldYield: () => false,
    makeDispatcher: () => ({ scheduleTask: (task) => void tasks.push(task), flush: () => {} })
  }
  return <A>(effect: Effect.Effect<A>): A => {
    const fiber = Effect.runFork(effect, { scheduler })
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) task()
    const exit = fiber.pollUnsafe()
    if (exit?._tag !== "Success") throw new Error("the clock does not move")
    return exit.value
  }
}

export class World {
  readonly random: Random
  readonly clock: TestClock.TestClock
  readonly processes: Array<Process> = []
  readonly stepsBetweenYields: number
  /** How often time passes although there is work. */
  readonly slowness: number
  now = 0
  readonly lines: Array<string> | undefined
  private readonly events: Array<Event> = []
  private readonly drive = makeDriver()

  constructor(seed: number, traced: boolean) {
    this.random = new Random(seed)
    this.lines = traced ? [] : undefined
    this.stepsBetweenYields = this.random.pick([10, 50, 5_000])
    this.slowness = this.random.pick([0, 0, 0.002, 0.02])
    this.clock = this.drive(Scope.provide(TestClock.make(), Scope.makeUnsafe()))
  }

  process(name: string): Process {
    const process = new Process(this, name)
    this.processes.push(process)
    return process
  }

  log(line: () => string): void {
    this.lines?.push(`${this.now.toFixed(3).padStart(9)}  ${line()}`)
  }

  after(millis: number, happen: () => void): Event {
    const event: Event = { at: this.now + millis, order: this.random.next(), happen, cancelled: false }
    this.insert(event)
    return event
  }

  /** One thing happens; false when nothing can. */
  step(): boolean {
    const runnable = this.processes.filter((process) => process.runnable)
    if (runnable.length > 0) {
      if (this.slowness > 0 && this.random.chance(this.slowness)) this.after(this.random.millis(0.125, 10), () => {})
      else {
        this.random.pick(runnable).runOne()
        return true
      }
    }
    const next = this.next()
    if (next === undefined) return false
    this.advance(next.at)
    this.events.pop()
    next.happen()
    return true
  }

  private advance(to: number): void {
    const passed = to - this.now
    if (passed === 0) return
    for (const process of this.processes) process.passed(passed)
    this.drive(this.clock.adjust(passed))
    this.now = to
  }

  private next(): Event | undefined {
    while (this.events.length > 0) {
      const event = this.events[this.events.length - 1]
      if (!event.cancelled) return event
      this.events.pop()
    }
    return undefined
  }

  /** Latest first, so that the next one is at the end. */
  private insert(event: Event): void {
    let low = 0
    let high = this.events.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.events[middle]
      if (other.at > event.at || (other.at === event.at && other.order > event.order)) low = middle + 1
      else high = middle
    }
    this.events.splice(low, 0, event)
  }
}
