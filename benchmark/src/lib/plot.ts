/** The figures as horizontal bars, in an SVG. */
import { writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type Results, units } from "./results.ts"
import type { Report, Table } from "./scenario.ts"

interface Bar {
  readonly label: string
  readonly value: number
}

interface Panel {
  readonly title: string
  readonly unit: string
  readonly bars: ReadonlyArray<Bar>
  /** Where values differ by powers of ten. */
  readonly log: boolean
}

const width = 460
const labelWidth = 200
const barHeight = 15
const gap = 5
const headHeight = 44
const columns = 2

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;")

const number = (cell: string | number): number => {
  const text = String(cell)
  return parseFloat(text) * (text.endsWith("k") ? 1000 : 1)
}

const heightOf = ({ bars }: Panel): number => headHeight + bars.length * (barHeight + gap) + 16

const draw = (panel: Panel, x: number, y: number): string => {
  const { bars, log, title, unit } = panel
  const space = width - labelWidth - 70
  const most = Math.max(...bars.map(({ value }) => value))
  const least = Math.min(...bars.map(({ value }) => value).filter((value) => value > 0))
  const from = log ? Math.floor(Math.log10(least)) - 0.15 : 0
  const length = (value: number) => {
    if (!(value > 0)) return 0
    return log ? space * (Math.log10(value) - from) / (Math.log10(most) - from) : space * value / most
  }
  const lines = bars.map(({ label, value }, i) => {
    const top = headHeight + i * (barHeight + gap)
    const own = label.startsWith("effect-lock")
    const shown = value >= 10_000 ? `${(value / 1000).toFixed(1)}k` : value >= 100 ? value.toFixed(0) : `${value}`
    return [
      `<text class="label${own ? " own" : ""}" x="${labelWidth - 8}" y="${top + 12}">${escape(label)}</text>`,
      `<rect class="${own ? "own" : "other"}" x="${labelWidth}" y="${top}" width="${
        length(value).toFixed(1)
      }" height="${barHeight}"/>`,
      `<text class="value" x="${(labelWidth + length(value) + 5).toFixed(1)}" y="${top + 12}">${shown}</text>`
    ].join("")
  })
  return [
    `<g transform="translate(${x} ${y})">`,
    `<text class="title" x="0" y="16">${escape(title)}</text>`,
    `<text class="unit" x="0" y="33">${escape(unit)}${log ? ", logarithmic" : ""}</text>`,
    ...lines,
    "</g>"
  ].join("\n")
}

const style = `
svg { background: #fff; font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 12px; fill: #1f2328 }
.title { font-weight: bold; font-size: 14px } .unit { fill: #59636e } .label { text-anchor: end }
rect.own { fill: #0969da } rect.other { fill: #afb8c1 } text.own { font-weight: bold }
@media (prefers-color-scheme: dark) {
  svg { background: #161b22; fill: #e6edf3 } .unit { fill: #9198a1 } rect.own { fill: #6ea2ff } rect.other { fill: #545d68 }
}
`

const findTable = (scenarios: Record<string, Report>, name: string, title: string): Table | undefined =>
  units.filter((unit) => unit.split("/")[0] === name).flatMap((unit) => scenarios[unit]?.tables ?? [])
    .find((table) => table.title.startsWith(title))

const panelOf = (
  table: Table | undefined,
  column: string,
  title: string,
  unit: string,
  log = false
): ReadonlyArray<Panel> => {
  if (table === undefined) return []
  const at = table.columns.indexOf(column)
  const bars = table.rows.map((row) => ({ label: String(row[0]), value: number(row[at]) }))
  return [{ title, unit, bars, log }]
}

/** Of a peer's default and best settings, the best. */
const bestOfEach = (panel: Panel): Panel => {
  const best = new Map<string, Bar>()
  for (const { label, value } of panel.bars) {
    const [name] = label.split(",")
    if (!(value <= (best.get(name)?.value ?? -1))) best.set(name, { label: name, value })
  }
  return { ...panel, bars: [...best.values()] }
}

export const plot = ({ scenarios }: Results): void => {
  const panels = [
    ...panelOf(
      findTable(scenarios, "inProcess", "In one process: a section"),
      "synchronous ns",
      "In one process: a section under a free lock",
      "nanoseconds, less is better"
    ),
    ...panelOf(
      findTable(scenarios, "inProcess", "In one process: many"),
      "1000 waiters",
      "In one process: 1,000 waiters for one key",
      "microseconds each, less is better"
    ),
    ...[1, 16, 256].flatMap((n) =>
      panelOf(
        findTable(scenarios, "uncontended", `Redis, uncontended, ${n} at a time`),
        "cycles/s",
        `Redis, uncontended, ${n} at a time`,
        "acquire and release per second, more is better"
      )
    ),
    ...panelOf(
      findTable(scenarios, "uncontended", "Redis, uncontended, 256 at a time"),
      "client CPU µs",
      "Redis, uncontended, 256 at a time",
      "client CPU per cycle in microseconds, less is better",
      true
    ),
    ...[0, 1].flatMap((millis) =>
      panelOf(
        findTable(scenarios, "contended", `Redis, one key, 2 x 32 waiters, sections of ${millis} ms`),
        "hand-offs/s",
        `Redis, one key, 2 x 32 waiters, sections of ${millis} ms`,
        "true hand-offs per second at best settings, more is better",
        true
      ).map(bestOfEach)
    )
  ]
  const parts: Array<string> = []
  let y = 16
  for (let i = 0; i < panels.length; i += columns) {
    const row = panels.slice(i, i + columns)
    parts.push(...row.map((panel, j) => draw(panel, 16 + j * (width + 24), y)))
    y += Math.max(...row.map(heightOf))
  }
  const total = 32 + columns * width + (columns - 1) * 24
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${y}" width="${total}" height="${y}">`,
    `<style>${style}</style>`,
    ...parts,
    "</svg>",
    ""
  ].join("\n")
  writeFileSync(fileURLToPath(new URL("../../results.svg", import.meta.url)), svg)
}
