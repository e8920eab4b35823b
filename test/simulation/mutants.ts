/**
 * Shows that the simulator and the tests see: each mutant puts one mistake into a copy of
 * the engine, and what is named there has to find it where it finds nothing without.
 * `npm run mutants`, or `npm run mutants -- NAME …` for some of them.
 */
import { spawnSync } from "node:child_process"
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { changed, type Mutant, mutants, root, type Simulated, type Tested } from "./mistakes.ts"

const copy = `${root}.tmp/mutant/`

const prepare = (mutant?: Mutant): void => {
  rmSync(copy, { recursive: true, force: true })
  for (const part of ["src", "test", "scripts", "tsconfig.json", "vitest.config.ts", "package.json"]) {
    cpSync(`${root}${part}`, `${copy}${part}`, { recursive: true })
  }
  if (mutant !== undefined) { for (const [file, text] of changed(copy, mutant)) writeFileSync(file, text) }
}

const run = (command: string, args: ReadonlyArray<string>) =>
  spawnSync(command, args, { cwd: copy, encoding: "utf8", shell: true, timeout: 300_000 })

/** What is found, and how soon. */
interface Found {
  readonly what: string
  readonly at: number
}

/** The first seed at which the simulator finds something, and what it is. */
const simulate = ({ kind, rules, where, worlds }: Simulated): Found | undefined => {
  const seeds = ["--seeds", `1-${worlds}`, "--kind", kind, "--only", rules.join(), "--first"]
  const { status, stderr, stdout } = run("tsx", [
    "test/simulation/command.ts",
    ...seeds,
    ...where === undefined ? [] : [`--${where}`]
  ])
  if (status === 0) return undefined
  const said = /^ {2}(\w+) 1: (\d+)$/m.exec(stdout)
  if (said === null) throw new Error(`the simulator fails: ${stderr}`)
  return { what: `${said[1]} at ${kind} ${said[2]}`, at: Number(said[2]) }
}

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly assertionResults: ReadonlyArray<{
      readonly status: string
      readonly fullName: string
      readonly failureMessages: ReadonlyArray<string>
    }>
  }>
}

/** The first test that fails with a word: one that runs out of time has none. */
const test = ({ tests }: Tested): Found | undefined => {
  rmSync(`${copy}report.json`, { force: true })
  const { stderr } = run("vitest", ["run", ...tests, "--reporter=json", "--outputFile=report.json"])
  const { testResults }: Report = JSON.parse(readFileSync(`${copy}report.json`, "utf8"))
  const all = testResults.flatMap(({ assertionResults }) => assertionResults)
  if (all.length === 0) throw new Error(`the tests do not run: ${stderr}`)
  for (const { failureMessages: [said = ""], fullName, status } of all) {
    if (status === "failed" && !/timed out/i.test(said)) return { what: `${fullName}: ${said.split("\n")[0]}`, at: 0 }
  }
  return undefined
}

const look = (mutant: Mutant): Found | undefined => "tests" in mutant ? test(mutant) : simulate(mutant)

const wanted = process.argv.slice(2)
for (const [name, mutant] of Object.entries(mutants)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  prepare()
  const without = look(mutant)
  prepare(mutant)
  const found = look(mutant)
  const isFound = found !== undefined && (without === undefined || found.at < without.at)
  if (!isFound) process.exitCode = 1
  const beside = without === undefined ? "" : `, and without it ${without.what}`
  console.log(`${name} (${mutant.mistake}): ${found?.what ?? "NOT FOUND"}${beside}`)
}
rmSync(copy, { recursive: true, force: true })
