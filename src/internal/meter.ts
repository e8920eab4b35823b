/**
 * What a backend counts. Each series is looked up once, when the backend is
 * built, so that an update is a few additions whether or not anybody reads it.
 * The only attribute is the backend's name: keys would be without bound.
 */
import * as Context from "effect/Context"
import * as Metric from "effect/Metric"

const boundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000]

/** The hooks behind a series: what `Metric.update` calls after finding them anew each time. */
const hooksOf = <Input, State>(
  metric: Metric.Metric<Input, State>,
  context: Context.Context<never>
): Metric.Metric.Hooks<Input, State> => {
  metric.valueUnsafe(context)
  for (const series of Context.get(context, Metric.MetricRegistry).values()) {
    if (series.id === metric.id && series.attributes?.backend === metric.attributes?.backend) {
      return series.hooks
    }
  }
  return { get: metric.valueUnsafe, update: metric.updateUnsafe, modify: metric.modifyUnsafe }
}

export interface Meter {
  readonly waited: (millis: number) => void
  readonly held: (millis: number) => void
  readonly attempted: () => void
  readonly holding: (change: 1 | -1) => void
  readonly lost: () => void
  readonly timedOut: () => void
  readonly releaseFailed: () => void
}

export const make = (backend: string, context: Context.Context<never>): Meter => {
  const attributes = { backend }
  const histogram = (name: string, description: string) => {
    const hooks = hooksOf(
      Metric.histogram(name, { description, boundaries, attributes: { ...attributes, time_unit: "milliseconds" } }),
      context
    )
    return (millis: number) => hooks.update(millis, context)
  }
  const counter = (name: string, description: string) => {
    const hooks = hooksOf(Metric.counter(name, { description, incremental: true, attributes }), context)
    return () => hooks.update(1, context)
  }
  const gauge = (name: string, description: string) => {
    const hooks = hooksOf(Metric.gauge(name, { description, attributes }), context)
    return (change: number) => hooks.modify(change, context)
  }
  return {
    waited: histogram("lock_wait", "Time from asking for a lock to having it"),
    held: histogram("lock_hold", "Time a lock was held"),
    attempted: counter("lock_attempts_total", "Attempts to take a lock"),
    holding: gauge("lock_held", "Locks that this process holds"),
    lost: counter("lock_lost_total", "Locks lost while held"),
    timedOut: counter("lock_timeouts_total", "Locks not acquired in time"),
    releaseFailed: counter("lock_release_failures_total", "Releases that the backend did not confirm")
  }
}
