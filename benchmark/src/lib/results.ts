/** What was measured, when and of what: `results.json`, and the tables that are made of it. */
import type { Report, Table } from "./scenario.ts"

/** Every scenario, in order, with the parts that can be run each by itself. */
export const scenarios: Readonly<Record<string, ReadonlyArray<string>>> = {
  inProcess: [],
  calls: [],
  events: [],
  uncontended: ["1", "16", "256"],
  fresh: [],
  contended: ["1x64-0ms", "1x64-1ms", "2x32-0ms", "2x32-1ms"],
  sharing: [],
  holding: ["effect-lock", "redlock", "redis-semaphore", "redlock-universal"],
  memcached: [],
  stall: [],
  files: ["free", "many", "pair", "waiting", "stale"],
  postgres: ["free", "hand-over", "held"],
  growth: [],
  entries: []
}

/** What one run can be of: a scenario, or a part of one, as `contended/2x32-1ms`. */
export const units: ReadonlyArray<string> = Object.entries(scenarios).flatMap(([name, parts]) =>
  parts.length === 0 ? [name] : parts.map((part) => `${name}/${part}`)
)

export interface Run extends Report {
  readonly quick: boolean
  readonly seed: number
  /** The day, as `2026-05-01`. */
  readonly date: string
  /** How long it took, without what is built before it. */
  readonly seconds?: number
  readonly node: string
  /** The version of effect-lock, and of what it was measured with. */
  readonly versions: Readonly<Record<string, string>>
}

export interface Results {
  machine: { cores: number }
  /** By unit. */
  scenarios: Record<string, Run>
}

const line = (cells: ReadonlyArray<string | number>): string => `| ${cells.join(" | ")} |`

const isOurs = (name: string | number): boolean => /^effect-lock\b/.test(String(name))

/** Of which run a figure is. */
export const describeRun = ({ date, node, quick, versions }: Run): string => {
  const { "effect-lock": version, ...others } = versions
  return [
    `${date}, effect-lock ${version}, Node ${node}`,
    ...Object.entries(others).map(([name, other]) => `${name} ${other}`),
    ...(quick ? ["a short run (`--quick`)"] : [])
  ].join(", ")
}

interface Shown extends Table {
  readonly runs: ReadonlyArray<Run>
}

/** In the order of the scenarios. Parts that measure the same of others have one table. */
const tablesOf = ({ scenarios }: Results): ReadonlyArray<Shown> => {
  const tables = new Map<string, Shown>()
  for (const run of inOrder(scenarios)) {
    for (const table of run.tables) {
      const shown = tables.get(table.title)
      tables.set(
        table.title,
        shown === undefined
          ? { ...table, runs: [run] }
          : { ...shown, rows: [...shown.rows, ...table.rows], runs: [...shown.runs, run] }
      )
    }
  }
  return [...tables.values()]
}

const inOrder = (runs: Results["scenarios"]): ReadonlyArray<Run> =>
  units.flatMap((unit) => unit in runs ? [runs[unit]] : [])

export const tables = (results: Results): string =>
  tablesOf(results).map(({ columns, note, rows, runs, title }) =>
    [
      `### ${title}`,
      [
        line(columns),
        line(columns.map((_, index) => index === 0 ? "---" : "--:")),
        ...rows.map((cells) => line(isOurs(cells[0]) ? cells.map((cell) => `**${cell}**`) : cells))
      ].join("\n"),
      ...(note === undefined ? [] : [note]),
      `Run: ${[...new Set(runs.map(describeRun))].join("; and ")}.`
    ].join("\n\n")
  ).join("\n\n")

export const reached = ({ scenarios }: Results): string =>
  [
    line(["", "target", "reached", "", "run"]),
    line(["---", "--:", "--:", "---", "---"]),
    ...inOrder(scenarios).flatMap(({ date, quick, reach, versions }) =>
      reach.map(({ met, target, value, what }) =>
        line([
          what,
          target.replace("<", "&lt;").replace(">", "&gt;"),
          value,
          met ? "yes" : "**no**",
          `${date}, ${versions["effect-lock"]}${quick ? ", short" : ""}`
        ])
      )
    )
  ].join("\n")

/** What the README of the project shows: the table of one key that everybody wants, and four more figures. */
export const summary = (results: Results): string => {
  const contended = tablesOf(results).find(({ title }) => title.endsWith("2 x 32 waiters, sections of 1 ms"))
  if (contended === undefined) throw new Error("contended/2x32-1ms was never run")
  const { columns, rows, runs } = contended
  const shown: ReadonlyArray<readonly [column: string, title: string]> = [
    ["hand-offs/s", "true hand-offs/s"],
    ["Jain", "fairness (Jain, 1 is best)"],
    ["starved", "waiters that got nothing in a second"],
    ["commands/hand-off", "commands per hand-off"]
  ]
  const whole = (cell: string | number) => String(cell).replace(/\.0+$/, "")
  const peers = rows.filter(([name]) => !String(name).includes(", every"))
  const cells = (row: ReadonlyArray<string | number>) =>
    shown.map(([column]) => {
      const at = columns.indexOf(column)
      const best = rows.find(([name]) => String(name).startsWith(`${row[0]}, every`))
      return best === undefined ? `**${whole(row[at])}**` : `${whole(row[at])} (${whole(best[at])})`
    })
  const value = (unit: string, what: string) => {
    const found = results.scenarios[unit]?.reach.find((one) => one.what.endsWith(what))
    if (found === undefined) throw new Error(`${unit} has no figure of ${what}`)
    return found.value
  }
  const raw = (n: number) => value(`uncontended/${n}`, ": of ioredis alone")
  const others = ["uncontended/1", "uncontended/16", "uncontended/256", "holding/effect-lock", "entries"]
  const dates = [...new Set(others.map((unit) => results.scenarios[unit]).map(describeShort))]
  return [
    [
      line(["", ...shown.map(([, title]) => title)]),
      line(["---", ...shown.map(() => "--:")]),
      ...peers.map((row) =>
        line([isOurs(row[0]) ? `**${row[0]}**` : String(row[0]).replace("@5", " 5"), ...cells(row)])
      )
    ].join("\n"),
    `Run: ${runs.map(describeRun).join("; ")}.`,
    `Taking a free lock and giving it back runs at ${
      raw(1)
    } of the rate of the raw client with one caller at a time, at ${raw(16)} with 16 and at ${
      raw(256)
    } with 256, because calls of the same moment share a command. ` +
    `Ten thousand held locks cost ${value("holding/effect-lock", "held locks: of a core")} of a core to keep alive, ` +
    `and the whole core adds ${value("entries", "core, minified beyond Effect")} to a bundle that has Effect in it. (${
      dates.join("; ")
    }.)`
  ].join("\n\n")
}

const describeShort = ({ date, quick, versions }: Run): string =>
  `${date}, effect-lock ${versions["effect-lock"]}${quick ? ", a short run" : ""}`
