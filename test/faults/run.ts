/**
 * A long run, with a table at its end.
 *
 *     npx tsx test/faults/run.ts [--seconds 60] [--rounds 1] [--seed <number>] [--only <part of a name>]
 *
 * Says the seed of every scenario, so that one can be run again. `FAULTS_KEEP=1` keeps the logs.
 */
import { Effect } from "effect"
import { parseArgs } from "node:util"
import { attack, build, type Report } from "./runner.ts"
import { files, memcached, memory, postgres, redis } from "./scenarios.ts"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    rounds: { type: "string", default: "1" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string", default: "" }
  }
})

const columns: ReadonlyArray<readonly [string, (report: Report) => string | number]> = [
  ["scenario", ({ scenario }) => scenario.name],
  ["seed", ({ seed }) => seed],
  ["strikes", ({ counts }) => counts.strikes],
  ["kills", ({ counts }) => counts.kills],
  ["operations", ({ counts }) => counts.operations],
  ["sections", ({ counts }) => counts.sections],
  ["told", ({ counts }) => counts.told],
  ["timeouts", ({ counts }) => counts.timeouts],
  ["failures", ({ counts }) => counts.failures],
  ["overlaps: store forgot", ({ counts }) => counts.overlapsForgotten],
  ["overlaps: holder paused", ({ counts }) => counts.overlapsPaused],
  ["lost updates", ({ counts }) => counts.lostUpdates],
  ["take-over ms", ({ counts }) => Math.round(counts.takeOver)],
  ["longest wait ms", ({ counts }) => Math.round(counts.longestWait)],
  ["violations", ({ violations }) => violations.length]
]

const row = (cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`

const program = Effect.gen(function*() {
  const built = yield* build
  const reports: Array<Report> = []
  const scenarios = [...memory, ...files, ...redis, ...memcached, ...postgres].filter(({ name }) =>
    name.includes(values.only)
  )
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const scenario of scenarios) {
      const report = yield* attack(scenario, built, Number(values.seed) + round, Number(values.seconds))
      reports.push(report)
      console.error(`${scenario.name}, seed ${report.seed}: ${JSON.stringify(report.counts)}`)
      for (const violation of report.violations) console.error(`  VIOLATION ${violation}`)
    }
  }
  console.log(row(columns.map(([name]) => name)))
  console.log(row(columns.map(() => "---")))
  for (const report of reports) console.log(row(columns.map(([, cell]) => cell(report))))
  if (reports.some(({ violations }) => violations.length > 0)) process.exitCode = 1
}).pipe(Effect.scoped)

await Effect.runPromise(program)
