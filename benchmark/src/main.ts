/**
 * `npm run bench`: everything, in the order of `scenarios`.
 * `npm run bench -- --quick`: the same in short.
 * `npm run bench -- uncontended contended`: only these.
 *
 * Each scenario runs in a process of its own. What it gives replaces its part of
 * `results.json`, from which the tables and the plot are made.
 */
import { fork } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { build } from "./build.ts"
import type { Context, Report } from "./lib/scenario.ts"
import { memcached, redis } from "./lib/servers.ts"
import { write } from "./lib/write.ts"

export const scenarios = [
  "inProcess",
  "calls",
  "events",
  "uncontended",
  "fresh",
  "contended",
  "sharing",
  "holding",
  "memcached",
  "stall",
  "files",
  "postgres",
  "growth",
  "entries"
] as const

const args = process.argv.slice(2)
const quick = args.includes("--quick")
const seedArg = args.find((arg) => arg.startsWith("--seed="))
const seed = seedArg === undefined ? 1 : Number(seedArg.slice(7))
const wanted = args.filter((arg) => !arg.startsWith("--"))
const unknown = wanted.filter((name) => !scenarios.some((one) => one === name))
if (unknown.length > 0) throw new Error(`no such scenario: ${unknown.join(", ")} (there are ${scenarios.join(", ")})`)

const file = fileURLToPath(new URL("../results.json", import.meta.url))

interface Results {
  machine: Record<string, string | number>
  scenarios: Record<string, Report & { readonly quick: boolean; readonly seed: number }>
}

const runIn = (name: string, context: Omit<Context, "log">): Promise<Report> =>
  new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL("run.ts", import.meta.url)), [name, JSON.stringify(context)], {
      execArgv: ["--expose-gc", "--import", "tsx"]
    })
    let report: Report | undefined
    child.on("message", (message) => report = message as Report)
    child.on("exit", (code) => report === undefined ? reject(new Error(`${name} ended with ${code}`)) : resolve(report))
  })

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1))
build()
const servers = [await redis(), await memcached()]
const results: Results = existsSync(file)
  ? JSON.parse(readFileSync(file, "utf8"))
  : { machine: {}, scenarios: {} }
results.machine = { cores: cpus().length, node: process.version.slice(1) }
for (const name of scenarios) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`> ${name}`)
  const report = await runIn(name, {
    quick,
    seed,
    redisPort: servers[0].port,
    memcachedPort: servers[1].port
  })
  results.scenarios[name] = { quick, seed, ...report }
  for (const { met, target, value, what } of report.reach) {
    console.log(`  ${met ? "+" : "-"} ${what}: ${value} (${target})`)
  }
  writeFileSync(file, `${JSON.stringify(results)}\n`)
  write(results)
}
for (const server of servers) server.stop()
