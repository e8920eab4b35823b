/** Tables in `README.md`, between the markers. */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { plot } from "./plot.ts"
import type { Report, Table } from "./scenario.ts"

interface Results {
  readonly machine: Record<string, string | number>
  readonly scenarios: Record<string, Report & { readonly quick: boolean }>
}

const readme = fileURLToPath(new URL("../../README.md", import.meta.url))

const table = ({ columns, note, rows, title }: Table): string => {
  const line = (cells: ReadonlyArray<string | number>) => `| ${cells.join(" | ")} |`
  return [
    `### ${title}`,
    "",
    line(columns),
    line(columns.map((_, i) => i === 0 ? "---" : "--:")),
    ...rows.map((row) => line(row[0] === "effect-lock" ? row.map((cell) => `**${cell}**`) : row)),
    ...(note === undefined ? [] : ["", note])
  ].join("\n")
}

const reached = (results: Results): string =>
  [
    "| | target | reached | |",
    "| --- | --: | --: | --- |",
    ...Object.values(results.scenarios).flatMap(({ reach }) =>
      reach.map(({ met, target, value, what }) => `| ${what} | ${target} | ${value} | ${met ? "yes" : "**no**"} |`)
    )
  ].join("\n")

const between = (text: string, marker: string, content: string): string => {
  const [start, end] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`]
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from === -1 || to === -1) throw new Error(`README.md has no ${start} … ${end}`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

export const write = (results: Results): void => {
  const { cores, node } = results.machine
  const short = Object.values(results.scenarios).some(({ quick }) => quick)
  const machine = `Measured on ${cores} cores with Node ${node}` + (short ? ", in part with `--quick`." : ".")
  const tables = Object.values(results.scenarios).flatMap(({ tables }) => tables.map(table))
  let text = readFileSync(readme, "utf8")
  text = between(text, "machine", machine)
  text = between(text, "reach", reached(results))
  text = between(text, "tables", tables.join("\n\n"))
  writeFileSync(readme, text)
  plot(results.scenarios)
}
