/**
 * The counters of a backend. Counting is an addition; the metrics are computed when somebody reads
 * them. Attributes are the backend's name and a few fixed words: keys would be unbounded.
 */
import * as Context from "effect/Context"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"
import { FailureKind } from "../LockError.ts"

/** Bounds in milliseconds, as they are counted; metrics are in seconds. */
const boundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000]
const inSeconds = boundaries.map((millis) => millis / 1000)

class Histogram {
  private readonly counts = new Float64Array(boundaries.length + 1)
  private sum = 0
  private min = Number.MAX_VALUE
  private max = -Number.MAX_VALUE

  add(millis: number): void {
    let bucket = 0
    while (bucket < boundaries.length && millis > boundaries[bucket]) bucket++
    this.counts[bucket]++
    this.sum += millis
    if (millis < this.min) this.min = millis
    if (millis > this.max) this.max = millis
  }

  /** As in Effect's own histograms: cumulated, and without the last bucket. */
  get state(): Metric.HistogramState {
    const { counts, max, min, sum } = this
    const seconds = (millis: number) => Math.abs(millis) === Number.MAX_VALUE ? millis : millis / 1000
    let count = 0
    const buckets = inSeconds.map((boundary, i): [number, number] => [boundary, count += counts[i]])
    return { buckets, count: count + counts[boundaries.length], min: seconds(min), max: seconds(max), sum: sum / 1000 }
  }
}

/** The current numbers of a backend. */
export interface Gauges {
  readonly held: number
  readonly waiters: number
  readonly isConnected: boolean
}

export class Meter {
  attempts = 0
  timeouts = 0
  losses = 0
  handOvers = 0
  failedReleases = 0
  readonly renewals = { renewed: 0, lost: 0, failed: 0 }
  private readonly failures: Record<FailureKind, number>
  private readonly waits = new Histogram()
  private readonly holds = new Histogram()
  /** Of each backend. */
  private readonly gauges: Array<() => Gauges> = []

  constructor(backend: string, context: Context.Context<never>) {
    const show = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State): void => {
      Metric.registerUnsafe(metric, context, { get, update: constVoid, modify: constVoid })
    }
    const histogram = (name: string, description: string, histogram: Histogram) =>
      show(
        Metric.histogram(name, { description, boundaries: inSeconds, attributes: { backend, unit: "s" } }),
        () => histogram.state
      )
    const counter = (name: string, description: string, count: () => number, more?: Record<string, string>) =>
      show(Metric.counter(name, { description, incremental: true, attributes: { backend, ...more } }), () => ({
        count: count(),
        incremental: true
      }))
    const gauge = (name: string, description: string, value: () => number) =>
      show(Metric.gauge(name, { description, attributes: { backend } }), () => ({ value: value() }))
    const sum = (of: (gauges: Gauges) => number) => () => this.gauges.reduce((sum, read) => sum + of(read()), 0)

    histogram("lock_wait_duration_seconds", "Time from asking for a lock to having it", this.waits)
    histogram("lock_hold_duration_seconds", "Time a lock was held", this.holds)
    gauge("lock_held", "Locks that this process holds", sum(({ held }) => held))
    gauge("lock_waiters", "Calls in this process that wait for a lock", sum(({ waiters }) => waiters))
    gauge(
      "lock_backend_connected",
      "1 while the backend answers, 0 from a failure on until it answers again",
      () => this.gauges.every((read) => read().isConnected) ? 1 : 0
    )
    counter("lock_attempts_total", "Attempts to take a lock", () => this.attempts)
    counter("lock_timeouts_total", "Locks not acquired in time", () => this.timeouts)
    counter("lock_lost_total", "Locks lost while held", () => this.losses)
    counter("lock_hand_overs_total", "Leases passed on within this process", () => this.handOvers)
    counter("lock_release_failures_total", "Releases that the backend did not confirm", () => this.failedReleases)
    for (const outcome of ["renewed", "lost", "failed"] as const) {
      const description = "Renewals of leases, by what came of them"
      counter("lock_renewals_total", description, () => this.renewals[outcome], { outcome })
    }
    const kinds = FailureKind.literals
    const failures = this.failures = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<FailureKind, number>
    for (const kind of kinds) {
      const description = "Operations of the backend that failed, by kind of failure"
      counter("lock_backend_failures_total", description, () => failures[kind], { kind })
    }
  }

  /** Includes the current numbers of a backend, for as long as it is open. */
  watch(gauges: () => Gauges): () => void {
    this.gauges.push(gauges)
    return () => {
      this.gauges.splice(this.gauges.indexOf(gauges), 1)
    }
  }

  waited(millis: number): void {
    this.waits.add(millis)
  }

  held(millis: number): void {
    this.holds.add(millis)
  }

  failed(kind: FailureKind): void {
    this.failures[kind]++
  }
}

type Registry = ReadonlyMap<string, unknown>

const meters = new WeakMap<Registry, Map<string, Meter>>()

/** One for all backends of a name that are counted in one place. */
export const meterOf = (backend: string, context: Context.Context<never>): Meter => {
  const registry: Registry = Context.get(context, Metric.MetricRegistry)
  const named = meters.get(registry) ?? new Map<string, Meter>()
  meters.set(registry, named)
  const name = JSON.stringify([backend, Context.get(context, Metric.CurrentMetricAttributes)])
  const meter = named.get(name) ?? new Meter(backend, context)
  named.set(name, meter)
  return meter
}
