/**
 * Shows that the model sees: each mutant puts one mistake into the scripts, and the
 * runs against the model have to find it. `npm run mutants:redis`, or with names of some.
 */
import { spawnSync } from "node:child_process"
import { fileURLToPath } from "node:url"
import { isThere, mutants } from "./mistakes.ts"

const test = fileURLToPath(new URL("model.test.ts", import.meta.url))
const wanted = process.argv.slice(2)
for (const [name, mutant] of Object.entries(mutants)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const { from, mistake, to } = mutant
  if (!isThere(mutant)) throw new Error(`no script says: ${from}`)
  const { status, stderr, stdout } = spawnSync("npx", ["vitest", "run", test], {
    env: { ...process.env, SHARING_SEEDS: "200", SHARING_MISTAKE: JSON.stringify([from, to]) },
    encoding: "utf8"
  })
  const found = /seed \d+ \([^\n]*|AssertionError[^\n]*/.exec(stdout + stderr)?.[0]
  if (status === 0 || found === undefined) process.exitCode = 1
  const verdict = status === 0 ? "NOT FOUND" : found ?? `it fails otherwise: ${(stdout + stderr).slice(-500)}`
  console.log(`${name} (${mistake}): ${verdict}`)
}
