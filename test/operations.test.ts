/** The dashboard and the alert rules ask for what the metrics give, and the page tells of each. */
import * as OtelMetrics from "@effect/opentelemetry/OtelMetrics"
import * as Resource from "@effect/opentelemetry/Resource"
import { assert, describe, it } from "@effect/vitest"
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus"
import { Effect, Metric } from "effect"
import { InMemoryBackend, Lock } from "effect-lock"
import { PrometheusMetrics } from "effect/observability"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const file = (name: string) => fileURLToPath(new URL(`../docs/operations/${name}`, import.meta.url))
const text = (name: string) => readFileSync(file(name), "utf8")

/** What a program shows that has used locks. */
const page = Effect.andThen(Lock.withLock(Effect.void, "key"), PrometheusMetrics.format()).pipe(
  Effect.provide(InMemoryBackend.layerFresh),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

/** The same as an exporter of OpenTelemetry shows it. */
const exported = Effect.gen(function*() {
  yield* Lock.withLock(Effect.void, "key")
  const producer = yield* OtelMetrics.makeProducer()
  const { resourceMetrics } = yield* Effect.promise(() => producer.collect())
  return new PrometheusSerializer().serialize(resourceMetrics)
}).pipe(
  Effect.provide([InMemoryBackend.layerFresh, Resource.layerEmpty]),
  Effect.provideService(Metric.MetricRegistry, new Map())
)

/** Names of series, each with the labels that it has and their values. */
const seriesOf = (page: string) => {
  const series = new Map<string, Map<string, Set<string>>>()
  for (const [, name, labels] of page.matchAll(/^(lock_\w+)(?:\{(.*)\})? /gm)) {
    const known = series.get(name) ?? new Map<string, Set<string>>()
    series.set(name, known)
    for (const [, label, value] of (labels ?? "").matchAll(/(\w+)="([^"]*)"/g)) {
      known.set(label, (known.get(label) ?? new Set()).add(value))
    }
  }
  return series
}

/** What an expression selects: a name, the labels that it wants with their values, and the labels of the result. */
const selectorsOf = (expression: string) =>
  Array.from(expression.matchAll(/\b(lock_\w+)(?:\{([^}]*)\})?/g), ([, name, matchers = ""]) => ({
    name,
    matchers: Array.from(matchers.matchAll(/(\w+)=~?"([^"]*)"/g), ([, label, value]) => ({ label, value }))
  }))

const groupsOf = (expression: string) =>
  Array.from(expression.matchAll(/\bby \(([^)]*)\)/g), ([, labels]) => labels.split(",").map((label) => label.trim()))
    .flat()

const dashboard = JSON.parse(text("dashboard.json")) as {
  readonly panels: ReadonlyArray<{
    readonly id: number
    readonly title: string
    readonly targets: ReadonlyArray<{ readonly expr: string; readonly legendFormat: string }>
  }>
}

const queries: ReadonlyArray<readonly [where: string, expression: string]> = [
  ...dashboard.panels.flatMap(({ targets, title }) => targets.map(({ expr }) => [title, expr] as const)),
  ...Array.from(
    text("alerts.yml").matchAll(/alert: (\w+)\n\s+expr: (?:>-\n)?((?:.*\n)+?)(?=\s+(?:for|labels):)/g),
    ([, name, expression]) => [name, expression] as const
  )
]

describe("the dashboard and the alerts", () => {
  it.effect.each([["Effect's page", page], ["OpenTelemetry", exported]] as const)(
    "name only metrics, labels and values that there are: %s",
    ([, page]) =>
      Effect.gen(function*() {
        const series = seriesOf(yield* page)
        assert.isAbove(queries.length, 20)
        for (const [where, expression] of queries) {
          const selectors = selectorsOf(expression)
          assert.isNotEmpty(selectors, where)
          for (const { matchers, name } of selectors) {
            const labels = series.get(name)
            assert.isDefined(labels, `${where}: ${name}`)
            for (const { label, value } of matchers) {
              const values = labels?.get(label)
              assert.isDefined(values, `${where}: ${name} has no ${label}`)
              if (value.startsWith("$")) continue
              for (const one of value.split("|")) assert.isTrue(values?.has(one), `${where}: ${label} is never ${one}`)
            }
            for (const label of groupsOf(expression)) {
              assert.isTrue(labels?.has(label), `${where}: ${name} has no ${label}`)
            }
          }
        }
      })
  )

  it.effect("show every metric, as the page does", () =>
    Effect.gen(function*() {
      const shown = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join("\n")
      const names = new Set(
        Array.from(seriesOf(yield* page).keys(), (name) => name.replace(/_(?:bucket|sum|count)$/, ""))
      )
      for (const name of names) {
        assert.include(shown, name)
        assert.include(text("../observability.md"), `\`${name}\``)
      }
    }))

  const isMissing = spawnSync("promtool", ["--version"]).error !== undefined
  if (isMissing) console.warn("promtool is not installed: the rules and metrics are not checked by it")

  it.effect.skipIf(isMissing)(
    "have the rules that Prometheus accepts, and the metrics the names that it likes",
    () =>
      Effect.gen(function*() {
        const rules = spawnSync("promtool", ["check", "rules", file("alerts.yml")], { encoding: "utf8" })
        assert.strictEqual(rules.status, 0, rules.stderr)
        const metrics = spawnSync("promtool", ["check", "metrics"], { encoding: "utf8", input: yield* page })
        assert.strictEqual(metrics.status, 0, metrics.stdout + metrics.stderr)
      })
  )

  it.live("are of seconds where they say so", () =>
    Effect.gen(function*() {
      const shown = yield* Effect.andThen(
        Lock.withLock(Effect.sleep("30 millis"), "key"),
        PrometheusMetrics.format()
      ).pipe(
        Effect.provide(InMemoryBackend.layerFresh),
        Effect.provideService(Metric.MetricRegistry, new Map())
      )
      assert.match(shown, /^lock_hold_duration_seconds_bucket\{backend="memory",le="0\.05"\} /m)
      assert.notMatch(shown, /unit="/)
    }))
})
