/** The page of measurements, made from the newest run of each part of the benchmark. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { reached, type Results, tables } from "../benchmark/src/lib/results.ts"
import { root } from "./doctest.ts"

const page = (results: Results): string =>
  [
    "# The benchmark",
    `Measured on ${results.machine.cores} cores. Under each table is of which run it is: parts are run by themselves, so not all are of one day. On a machine that has other work to do the ratios are what to look at.`,
    "![Bars of the main figures](./public/benchmark.svg)",
    "## How to repeat it",
    "```sh\ncd benchmark\nnpm ci\nnpm run bench              # everything\nnpm run bench -- --quick   # for a first look\nnpm run bench -- --list    # each part by itself\n```",
    "It needs `redis-server`, `memcached` and PostgreSQL, and starts its own. Every contestant has its turn in every round, in an order drawn anew for each; tables show medians and the spread of the middle half of the rounds. It stops when something is not correct: two holders at once, a fencing token that does not rise, a section that was not run exactly once. [More on how it measures, and what stands in the way where a target is missed](../benchmark/README.md).",
    "## What is reached",
    reached(results),
    "## Tables",
    tables(results)
  ].join("\n\n") + "\n"

/** Writes the page and its picture. */
export const writeBenchmarkPage = (): void => {
  const results: Results = JSON.parse(readFileSync(join(root, "benchmark/results.json"), "utf8"))
  writeFileSync(join(root, "docs/benchmark.md"), page(results))
  mkdirSync(join(root, "docs/public"), { recursive: true })
  copyFileSync(join(root, "benchmark/results.svg"), join(root, "docs/public/benchmark.svg"))
}
