/**
 * What a backend counts. Counting is an addition; the metrics are made of it when
 * somebody reads them. Attributes are the backend's name, and words of ours that are
 * few: keys would be without bound.
 */
import * as Context from "effect/Context";
import { constVoid } from "effect/Function";
import * as Metric from "effect/Metric";
import { FailureKind } from "../LockError.js";
/** In milliseconds, as it is counted; metrics are in seconds. */
const boundaries = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000];
const inSeconds = boundaries.map((millis) => millis / 1000);
class Histogram {
    counts = new Float64Array(boundaries.length + 1);
    sum = 0;
    min = Number.MAX_VALUE;
    max = -Number.MAX_VALUE;
    add(millis) {
        let bucket = 0;
        while (bucket < boundaries.length && millis > boundaries[bucket])
            bucket++;
        this.counts[bucket]++;
        this.sum += millis;
        if (millis < this.min)
            this.min = millis;
        if (millis > this.max)
            this.max = millis;
    }
    /** As Effect's own histograms tell it: cumulated, and without the last bucket. */
    get state() {
        const { counts, max, min, sum } = this;
        const seconds = (millis) => Math.abs(millis) === Number.MAX_VALUE ? millis : millis / 1000;
        let count = 0;
        const buckets = inSeconds.map((boundary, i) => [boundary, count += counts[i]]);
        return { buckets, count: count + counts[boundaries.length], min: seconds(min), max: seconds(max), sum: sum / 1000 };
    }
}
export class Meter {
    attempts = 0;
    timeouts = 0;
    losses = 0;
    handOvers = 0;
    failedReleases = 0;
    renewals = { renewed: 0, lost: 0, failed: 0 };
    failures;
    waits = new Histogram();
    holds = new Histogram();
    /** Of each backend. */
    gauges = [];
    constructor(backend, context) {
        const show = (metric, get) => {
            Metric.registerUnsafe(metric, context, { get, update: constVoid, modify: constVoid });
        };
        const histogram = (name, description, histogram) => show(Metric.histogram(name, { description, boundaries: inSeconds, attributes: { backend, unit: "s" } }), () => histogram.state);
        const counter = (name, description, count, more) => show(Metric.counter(name, { description, incremental: true, attributes: { backend, ...more } }), () => ({
            count: count(),
            incremental: true
        }));
        const gauge = (name, description, value) => show(Metric.gauge(name, { description, attributes: { backend } }), () => ({ value: value() }));
        const sum = (of) => () => this.gauges.reduce((sum, read) => sum + of(read()), 0);
        histogram("lock_wait_duration_seconds", "Time from asking for a lock to having it", this.waits);
        histogram("lock_hold_duration_seconds", "Time a lock was held", this.holds);
        gauge("lock_held", "Locks that this process holds", sum(({ held }) => held));
        gauge("lock_waiters", "Calls in this process that wait for a lock", sum(({ waiters }) => waiters));
        gauge("lock_backend_connected", "1 while the backend answers, 0 from a failure on until it answers again", () => this.gauges.every((read) => read().isConnected) ? 1 : 0);
        counter("lock_attempts_total", "Attempts to take a lock", () => this.attempts);
        counter("lock_timeouts_total", "Locks not acquired in time", () => this.timeouts);
        counter("lock_lost_total", "Locks lost while held", () => this.losses);
        counter("lock_hand_overs_total", "Leases passed on within this process", () => this.handOvers);
        counter("lock_release_failures_total", "Releases that the backend did not confirm", () => this.failedReleases);
        for (const outcome of ["renewed", "lost", "failed"]) {
            const description = "Renewals of leases, by what came of them";
            counter("lock_renewals_total", description, () => this.renewals[outcome], { outcome });
        }
        const kinds = FailureKind.literals;
        const failures = this.failures = Object.fromEntries(kinds.map((kind) => [kind, 0]));
        for (const kind of kinds) {
            const description = "Operations of the backend that failed, by kind of failure";
            counter("lock_backend_failures_total", description, () => failures[kind], { kind });
        }
    }
    /** Shows what there is of a backend, too, for as long as it is open. */
    watch(gauges) {
        this.gauges.push(gauges);
        return () => {
            this.gauges.splice(this.gauges.indexOf(gauges), 1);
        };
    }
    waited(millis) {
        this.waits.add(millis);
    }
    held(millis) {
        this.holds.add(millis);
    }
    failed(kind) {
        this.failures[kind]++;
    }
}
const meters = new WeakMap();
/** One for all backends of a name that are counted in one place. */
export const meterOf = (backend, context) => {
    const registry = Context.get(context, Metric.MetricRegistry);
    const named = meters.get(registry) ?? new Map();
    meters.set(registry, named);
    const name = JSON.stringify([backend, Context.get(context, Metric.CurrentMetricAttributes)]);
    const meter = named.get(name) ?? new Meter(backend, context);
    named.set(name, meter);
    return meter;
};
