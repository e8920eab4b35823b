/** Tables in `README.md`, here and of the project, between the markers. */
import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { plot } from "./plot.ts"
import { reached, type Results, summary, tables } from "./results.ts"

const between = (text: string, marker: string, content: string): string => {
  const [start, end] = [`<!-- ${marker} -->`, `<!-- /${marker} -->`]
  const from = text.indexOf(start)
  const to = text.indexOf(end)
  if (from === -1 || to === -1) throw new Error(`README.md has no ${start} … ${end}`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

const fill = (path: string, parts: Readonly<Record<string, string>>): void => {
  const file = fileURLToPath(new URL(path, import.meta.url))
  const text = Object.entries(parts).reduce(
    (text, [marker, content]) => between(text, marker, content),
    readFileSync(file, "utf8")
  )
  writeFileSync(file, text)
}

export const write = (results: Results): void => {
  fill("../../README.md", {
    machine: `Measured on ${results.machine.cores} cores. Under each table is of which run it is.`,
    reach: reached(results),
    tables: tables(results)
  })
  fill("../../../README.md", { benchmark: summary(results) })
  plot(results)
}
