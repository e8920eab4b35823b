/**
 * Shows that the simulator sees: each mutant puts one mistake into a copy of the
 * engine, and the simulator has to find it where it finds nothing without.
 * `npm run mutants`, or `npm run mutants -- NAME …` for some of them.
 */
import { spawnSync } from "node:child_process"
import { cpSync, rmSync, writeFileSync } from "node:fs"
import { changed, type Mutant, mutants, root } from "./mistakes.ts"

const copy = `${root}.tmp/mutant/`

const prepare = (mutant?: Mutant): void => {
  rmSync(copy, { recursive: true, force: true })
  for (const part of ["src", "test/simulation", "tsconfig.json", "package.json"]) {
    cpSync(`${root}${part}`, `${copy}${part}`, { recursive: true })
  }
  if (mutant !== undefined) { for (const [file, text] of changed(copy, mutant)) writeFileSync(file, text) }
}

/** The first seed at which the simulator finds something, and what it is. */
const simulate = (
  { kind, rules, where, worlds }: Mutant
): { readonly rule: string; readonly seed: number } | undefined => {
  const args = [
    "test/simulation/command.ts",
    "--seeds",
    `1-${worlds}`,
    "--kind",
    kind,
    "--only",
    rules.join(),
    "--first",
    ...where === undefined ? [] : [`--${where}`]
  ]
  const { status, stderr, stdout } = spawnSync("tsx", args, { cwd: copy, encoding: "utf8", shell: true })
  if (status === 0) return undefined
  const said = /^ {2}(\w+) 1: (\d+)$/m.exec(stdout)
  if (said === null) throw new Error(`the simulator fails: ${stderr}`)
  return { rule: said[1], seed: Number(said[2]) }
}

const wanted = process.argv.slice(2)
for (const [name, mutant] of Object.entries(mutants)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  prepare()
  const without = simulate(mutant)
  prepare(mutant)
  const found = simulate(mutant)
  const isFound = found !== undefined && (without === undefined || found.seed < without.seed)
  if (!isFound) process.exitCode = 1
  const verdict = found === undefined ? "NOT FOUND" : `${found.rule} at ${mutant.kind} ${found.seed}`
  const beside = without === undefined ? "" : `, and without it ${without.rule} at ${without.seed}`
  console.log(`${name} (${mutant.mistake}): ${verdict}${beside}`)
}
rmSync(copy, { recursive: true, force: true })
