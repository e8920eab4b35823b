/**
 * Time, and processes in it. A seed decides what happens next: which process
 * runs, which of its tasks, or that time passes although there is work to do.
 */
import { Clock, Context, Duration, Effect, Logger, Metric, Random as Randoms, Scheduler } from "effect"
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

/** How many steps a fiber makes before it may have to let others run: enough to begin what it was started for. */
const firstSteps = 24

/** Nothing reads the clock that often in one step, unless it never ends. */
const mostReadings = 50_000

interface Task {
  readonly run: () => void
  readonly priority: number
}

type Queue = Array<Task>

/** One process: its scheduler, its clock, and how well it gets on. */
export class Process {
  readonly name: string
  readonly context: Context.Context<never>
  /** Until when it lagged. */
  busyUntil = 0
  /** Sleeps that have not ended. */
  sleeping = 0
  crashed = false
  /** What its wall clock is off by. */
  wallOffset = 0
  private late = 0
  /** How long the task that runs has kept it busy. */
  private ahead = 0
  private stopped = 0
  private blockedUntil = 0
  private readonly ready: Array<Queue> = []
  /** In an orderly world: what has come since the last turn of the loop, and what is left of this turn. */
  private readonly timers: Queue = []
  private readonly arrivals: Queue = []
  private readonly scheduled: Queue = []
  private turn: Queue = []
  private readonly world: World
  private untilYield: number

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => {
        if (fiber.currentOpCount < firstSteps || --this.untilYield > 0 || !fiber.getRef(IsOld)) return false
        this.untilYield = 1 + world.random.int(world.stepsBetweenYields)
        return true
      },
      makeDispatcher: () => {
        const queue = world.orderly ? this.scheduled : []
        return { scheduleTask: (run, priority) => this.push(queue, { run, priority }), flush: () => {} }
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

  /** What it takes the time for. */
  get now(): number {
    return Math.max(this.world.now, this.blockedUntil) + this.ahead
  }

  /** It does nothing until its own time has come. */
  get isBlocked(): boolean {
    return this.blockedUntil > this.world.now
  }

  /** How long it has not been running although it had something to do, or has kept itself busy. */
  get lag(): number {
    return this.late + this.ahead
  }

  get runnable(): boolean {
    return this.stopped === 0 && !this.crashed && this.hasTasks
  }

  get isStopped(): boolean {
    return this.stopped > 0 || this.crashed
  }

  get isIdle(): boolean {
    return this.stopped === 0 && !this.hasTasks
  }

  private get hasTasks(): boolean {
    return this.world.orderly
      ? this.turn.length + this.timers.length + this.arrivals.length + this.scheduled.length > 0
      : this.ready.length > 0
  }

  /** Something that comes from outside, such as a reply. */
  receive(run: () => void): void {
    this.push(this.world.orderly ? this.arrivals : [], { run, priority: 0 })
  }

  /** From now on, or, in a task that has taken its time, from when it has got to. What others send does not wait for it. */
  after(millis: number, happen: () => void): Event {
    return this.world.after(this.now - this.world.now + millis, happen)
  }

  /** The task that runs takes its time, and nothing else of the process happens meanwhile. */
  block(millis: number): void {
    this.ahead += millis
  }

  stop(millis: number): void {
    this.stopped++
    this.world.after(millis, () => {
      this.stopped--
    })
  }

  /** One of the tasks that could run now. */
  runOne(): void {
    const task = this.world.orderly ? this.nextInOrder() : this.nextOfAny()
    this.act(task.run)
  }

  /** Something is done in the process, and takes as long as it blocks. */
  act(run: () => void): void {
    run()
    if (this.ahead > 0) {
      const { ahead, now } = this
      this.ahead = 0
      this.late += ahead
      this.busyUntil = Math.max(this.busyUntil, now)
      this.blockedUntil = now
      this.stop(now - this.world.now)
    }
  }

  passed(millis: number): void {
    if (this.isIdle || this.isBlocked) return
    this.late += millis
    this.busyUntil = this.world.now + millis
  }

  /** As an event loop does: timers, what has arrived, what was left for the next turn. */
  private nextInOrder(): Task {
    if (this.turn.length === 0) {
      this.turn = [this.timers, this.arrivals, this.scheduled].flatMap((queue) => queue.splice(0))
    }
    return this.turn.shift()!
  }

  private nextOfAny(): Task {
    const index = this.world.random.int(this.ready.length)
    const queue = this.ready[index]
    const task = queue.shift()!
    if (queue.length === 0) {
      this.ready[index] = this.ready[this.ready.length - 1]
      this.ready.pop()
    }
    return task
  }

  private push(queue: Queue, task: Task): void {
    if (this.crashed) return
    if (!this.world.orderly && queue.length === 0) this.ready.push(queue)
    let index = queue.length
    while (index > 0 && queue[index - 1].priority > task.priority) index--
    queue.splice(index, 0, task)
  }

  private clock(): Clock.Clock {
    const wall = () => 1_700_000_000_000 + this.now + this.wallOffset
    const wallNanos = () => BigInt(Math.round(wall() * 1_000_000))
    const monotonic = () => {
      if (++this.world.readings > mostReadings) {
        const error = new Error("a step does not end")
        this.world.endless ??= error
        throw error
      }
      return BigInt(Math.round(this.now * 1_000_000))
    }
    return {
      currentTimeMillisUnsafe: wall,
      currentTimeMillis: Effect.sync(wall),
      currentTimeNanosUnsafe: wallNanos,
      currentTimeNanos: Effect.sync(wallNanos),
      monotonicTimeNanosUnsafe: monotonic,
      monotonicTimeNanos: Effect.sync(monotonic),
      sleep: (duration) => {
        const millis = Duration.toMillis(duration)
        if (millis <= 0) return Effect.yieldNow
        if (millis === Infinity) return Effect.never
        return Effect.callback((resume) => {
          this.sleeping++
          // Timers of real processes are a fraction of a millisecond early now and then.
          const early = this.world.random.chance(0.1) ? 0.125 * this.world.random.int(8) : 0
          const event = this.after(Math.max(0.125, millis - early), () => {
            this.sleeping--
            this.push(this.world.orderly ? this.timers : [], { run: () => resume(Effect.void), priority: 0 })
          })
          return Effect.sync(() => {
            if (event.cancelled || event.at <= this.world.now) return
            event.cancelled = true
            this.sleeping--
          })
        })
      }
    }
  }
}

export class World {
  readonly random: Random
  readonly processes: Array<Process> = []
  readonly stepsBetweenYields: number
  /** Whether tasks run in the order in which they came, as in a real process, or in any. */
  readonly orderly: boolean
  /** How often time passes although there is work. */
  readonly slowness: number
  now = 1_000
  steps = 0
  /** How often clocks were read in this step. */
  readings = 0
  endless: Error | undefined = undefined
  readonly lines: Array<string> | undefined
  private readonly events: Array<Event> = []
  private readonly aliases = new Map<string, string>()

  constructor(seed: number, traced: boolean) {
    this.random = new Random(seed)
    this.lines = traced ? [] : undefined
    this.stepsBetweenYields = this.random.pick([10, 50, 5_000])
    this.orderly = this.random.chance(0.4)
    this.slowness = this.random.pick([0, 0, 0.002, 0.02])
  }

  process(name: string): Process {
    const process = new Process(this, name)
    this.processes.push(process)
    return process
  }

  /** A name for a token, the same whenever the seed is played. */
  alias(token: string): string {
    let alias = this.aliases.get(token)
    if (alias === undefined) {
      alias = `t${this.aliases.size + 1}`
      this.aliases.set(token, alias)
    }
    return alias
  }

  /** As JSON, with the names of tokens. */
  show(value: unknown): string {
    const named = (key: string, part: unknown) => key === "token" && typeof part === "string" ? this.alias(part) : part
    return JSON.stringify(value, named) ?? "undefined"
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
    this.steps++
    this.readings = 0
    const runnable = this.processes.filter((process) => process.runnable)
    if (runnable.length > 0) {
      if (this.random.chance(this.slowness)) this.after(this.random.millis(0.125, 10), () => {})
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
