/**
 * What a backend counts. Counting is an addition; the metrics are made of it when
 * somebody reads them. The only attribute is the backend's name: keys would be
 * without bound.
 */
import * as Context from "effect/Context"
import { constVoid } from "effect/Function"
import * as Metric from "effect/Metric"

const boundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000]

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

  /** As Effect's own histograms tell it: cumulated, and without the last bucket. */
  get state(): Metric.HistogramState {
    const { counts, max, min, sum } = this
    let count = 0
    const buckets = boundaries.map((boundary, i): [number, number] => [boundary, count += counts[i]])
    return { buckets, count: count + counts[boundaries.length], min, max, sum }
  }
}

export class Meter {
  private readonly waits = new Histogram()
  private readonly holds = new Histogram()
  private attempts = 0
  private losses = 0
  private timeouts = 0
  private failedReleases = 0
  /** How many locks the backends hold, each its own. */
  private readonly holding: Array<() => number> = []

  constructor(backend: string, context: Context.Context<never>) {
    const attributes = { backend }
    const show = <Input, State>(metric: Metric.Metric<Input, State>, get: () => State): void => {
      Metric.registerUnsafe(metric, context, { get, update: constVoid, modify: constVoid })
    }
    const histogram = (name: string, description: string, histogram: Histogram) =>
      show(
        Metric.histogram(name, { description, boundaries, attributes: { ...attributes, time_unit: "milliseconds" } }),
        () => histogram.state
      )
    const counter = (name: string, description: string, count: () => number) =>
      show(Metric.counter(name, { description, incremental: true, attributes }), () => ({
        count: count(),
        incremental: true
      }))
    histogram("lock_wait", "Time from asking for a lock to having it", this.waits)
    histogram("lock_hold", "Time a lock was held", this.holds)
    counter("lock_attempts_total", "Attempts to take a lock", () => this.attempts)
    counter("lock_lost_total", "Locks lost while held", () => this.losses)
    counter("lock_timeouts_total", "Locks not acquired in time", () => this.timeouts)
    counter("lock_release_failures_total", "Releases that the backend did not confirm", () => this.failedReleases)
    show(Metric.gauge("lock_held", { description: "Locks that this process holds", attributes }), () => ({
      value: this.holding.reduce((sum, count) => sum + count(), 0)
    }))
  }

  /** Counts what a backend holds, too, for as long as it is open. */
  watch(holding: () => number): () => void {
    this.holding.push(holding)
    return () => {
      this.holding.splice(this.holding.indexOf(holding), 1)
    }
  }

  waited(millis: number): void {
    this.waits.add(millis)
  }

  held(millis: number): void {
    this.holds.add(millis)
  }

  attempted(): void {
    this.attempts++
  }

  lost(): void {
    this.losses++
  }

  timedOut(): void {
    this.timeouts++
  }

  releaseFailed(): void {
    this.failedReleases++
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
