/** The page of figures, made of the newest run of the benchmark. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { root } from "./doctest.ts"

interface Table {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string | number>>
  readonly note?: string | undefined
}

interface Reached {
  readonly what: string
  readonly target: string
  readonly value: string
  readonly met: boolean
}

interface Results {
  readonly machine: { readonly cores: number; readonly node: string }
  readonly scenarios: Readonly<
    Record<string, { readonly tables: ReadonlyArray<Table>; readonly reach: ReadonlyArray<Reached> }>
  >
}

const row = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`

const isOurs = (name: string | number): boolean => /^effect-lock\b/.test(String(name))

const table = ({ columns, note, rows, title }: Table): ReadonlyArray<string> => [
  `### ${title}`,
  [
    row(columns),
    row(columns.map((_, index) => index === 0 ? "---" : "--:")),
    ...rows.map((cells) => row(isOurs(cells[0]) ? cells.map((cell) => `**${cell}**`) : cells))
  ].join("\n"),
  ...(note === undefined ? [] : [note])
]

const page = ({ machine, scenarios }: Results): string => {
  const all = Object.values(scenarios)
  return [
    "# The benchmark",
    `The figures of the newest run, on ${machine.cores} cores with Node ${machine.node}. On a machine that has other work to do the ratios are what to look at.`,
    "![Bars of the main figures](./public/benchmark.svg)",
    "## How to repeat it",
    "```sh\ncd benchmark\nnpm ci\nnpm run bench              # everything\nnpm run bench -- --quick   # for a first look\n```",
    "It needs `redis-server` and `memcached`, and starts its own. Every contestant has its turn in every round, in an order drawn anew for each; tables show medians and the spread of the middle half of the rounds. It stops when something is not correct: two holders at once, a fencing token that does not rise, a section that was not run exactly once. [More on how it measures, and what stands in the way where a target is missed](../benchmark/README.md).",
    "## What is reached",
    [
      row(["", "target", "reached", ""]),
      row(["---", "--:", "--:", "---"]),
      ...all.flatMap(({ reach }) => reach)
        .map(({ met, target, value, what }) =>
          row([what, target.replace("<", "&lt;").replace(">", "&gt;"), value, met ? "yes" : "**no**"])
        )
    ].join("\n"),
    "## Tables",
    ...all.flatMap(({ tables }) => tables.flatMap(table))
  ].join("\n\n") + "\n"
}

/** Writes the page and its picture. */
export const writeBenchmarkPage = (): void => {
  const results: Results = JSON.parse(readFileSync(join(root, "benchmark/results.json"), "utf8"))
  writeFileSync(join(root, "docs/benchmark.md"), page(results))
  mkdirSync(join(root, "docs/public"), { recursive: true })
  copyFileSync(join(root, "benchmark/results.svg"), join(root, "docs/public/benchmark.svg"))
}
