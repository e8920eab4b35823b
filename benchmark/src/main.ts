/**
 * `npm run bench`: everything, in the order of `scenarios`.
 * `npm run bench -- --quick`: the same in short.
 * `npm run bench -- uncontended contended/2x32-1ms`: only these, whole scenarios or parts of them.
 * `npm run bench -- contended/2x32-1ms --rounds=0`: only looks for the best retry times of the peers; and then
 * `npm run bench -- contended/2x32-1ms --more --rounds=1`: one round more, beside those that are there.
 * `npm run bench -- --list`: what there is, and how long it took.
 * `npm run bench -- --write`: the tables once more, of what was measured before.
 *
 * Each part runs in a process of its own. What it gives replaces its part of
 * `results.json`, from which the tables and the plot are made.
 */
import { execFileSync, fork } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { build } from "./build.ts"
import { type Results, scenarios, units } from "./lib/results.ts"
import type { Context, Report } from "./lib/scenario.ts"
import { memcached, postgresVersion, redis } from "./lib/servers.ts"
import { write } from "./lib/write.ts"

const args = process.argv.slice(2)
const quick = args.includes("--quick")
const more = args.includes("--more")
const given = (name: string): number | undefined => {
  const found = args.find((arg) => arg.startsWith(`--${name}=`))
  return found === undefined ? undefined : Number(found.split("=")[1])
}
const rounds = given("rounds")
const seed = given("seed") ?? 1
const wanted = args.filter((arg) => !arg.startsWith("--"))
const unknown = wanted.filter((name) => !(name in scenarios) && !units.includes(name))
if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(", ")} (there are ${units.join(", ")})`)

const file = fileURLToPath(new URL("../results.json", import.meta.url))
const results: Results = JSON.parse(readFileSync(file, "utf8"))

if (args.includes("--list")) {
  for (const unit of units) {
    const run = results.scenarios[unit]
    const took = run === undefined ? "never run" : `${run.date}${run.quick ? ", short" : ""}: ${run.seconds ?? "?"} s`
    console.log(`npm run bench -- ${unit}  # ${took}`)
  }
  process.exit()
}
if (args.includes("--write")) {
  write(results)
  process.exit()
}

const runIn = (unit: string, context: Omit<Context, "log" | "part">): Promise<Report> =>
  new Promise((resolve, reject) => {
    const [name, part = ""] = unit.split("/")
    const program = fileURLToPath(new URL("run.ts", import.meta.url))
    const child = fork(program, [name, JSON.stringify({ ...context, part })], {
      execArgv: ["--expose-gc", "--import", "tsx"]
    })
    let report: Report | undefined
    child.on("message", (message) => report = message as Report)
    child.on("exit", (code) => report === undefined ? reject(new Error(`${unit} ended with ${code}`)) : resolve(report))
  })

const packageVersion = (path: string): string => {
  const { version }: { version: string } = JSON.parse(readFileSync(path, "utf8"))
  return version
}
const installed = (name: string): string =>
  packageVersion(createRequire(import.meta.url).resolve(`${name}/package.json`))
const serverVersion = (command: string): string =>
  /\d+(\.\d+)+/.exec(execFileSync(command, ["--version"], { encoding: "utf8" }))?.[0] ?? "?"

/** What a scenario is measured with, beside Effect. */
const versionsOf = (scenario: string): Readonly<Record<string, string>> => ({
  "effect-lock": packageVersion(fileURLToPath(new URL("../../package.json", import.meta.url))),
  effect: installed("effect"),
  ...(["uncontended", "fresh", "contended", "sharing", "holding"].includes(scenario) && {
    ioredis: installed("ioredis"),
    Redis: serverVersion("redis-server")
  }),
  ...(["memcached", "stall"].includes(scenario) && {
    memjs: installed("memjs"),
    memcached: serverVersion("memcached")
  }),
  ...(scenario === "postgres" && { PostgreSQL: postgresVersion() })
})

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1))
build()
const servers = [await redis(), await memcached()]
results.machine = { cores: cpus().length }
for (const unit of units) {
  const [scenario] = unit.split("/")
  if (wanted.length > 0 && !wanted.includes(unit) && !wanted.includes(scenario)) continue
  console.log(`> ${unit}`)
  const start = performance.now()
  const earlier = results.scenarios[unit]
  const versions = versionsOf(scenario)
  if (more && JSON.stringify(earlier?.versions) !== JSON.stringify(versions)) {
    throw new Error(`what ${unit} has was measured with other versions: run it without --more`)
  }
  const report = await runIn(unit, {
    quick,
    seed,
    rounds,
    before: more ? earlier.data : undefined,
    redisPort: servers[0].port,
    memcachedPort: servers[1].port
  })
  results.scenarios[unit] = {
    quick,
    seed,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round((performance.now() - start) / 1000),
    node: process.version.slice(1),
    versions,
    ...report
  }
  console.log(`  ${results.scenarios[unit].seconds} s`)
  for (const { met, target, value, what } of report.reach) {
    console.log(`  ${met ? "+" : "-"} ${what}: ${value} (${target})`)
  }
  writeFileSync(file, `${JSON.stringify(results)}\n`)
  write(results)
}
for (const server of servers) server.stop()
