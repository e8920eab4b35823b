// Runs the tests again and again on a machine that is busy, since a test that fails then is broken:
//   node scripts/under-load.mjs [runs, 20 by default] [arguments for vitest]
// It says after each run how it went, shows what failed, and goes on, so that one night shows all.
import { spawn } from "node:child_process"
import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"

const [first, ...rest] = process.argv.slice(2)
const [runs, args] = /^\d+$/.test(first ?? "") ? [Number(first), rest] : [20, process.argv.slice(2)]
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url))

// A busy loop that ends when we do, however that happens.
const busy = `
  process.on("disconnect", () => process.exit())
  const spin = () => {
    const end = Date.now() + 50
    while (Date.now() < end);
    setImmediate(spin)
  }
  spin()`

// One for each processor: the tests then get half of the time that they want.
const loops = Array.from(
  { length: availableParallelism() },
  () => spawn(process.execPath, ["--eval", busy], { stdio: ["ignore", "ignore", "inherit", "ipc"] })
)

/** Runs the tests once, and returns how they ended and what they printed. */
const test = () =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [vitest, "run", ...args], { env: { ...process.env, FORCE_COLOR: "0" } })
    let output = ""
    child.stdout.on("data", (bytes) => (output += bytes))
    child.stderr.on("data", (bytes) => (output += bytes))
    child.once("close", (code, signal) => resolve({ ending: signal ?? code, output }))
  })

let failures = 0
for (let run = 1; run <= runs; run++) {
  const startedAt = performance.now()
  const { ending, output } = await test()
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`run ${run} of ${runs}: ${ending === 0 ? "passed" : `failed (${ending})`} in ${seconds} s`)
  if (ending === 0) continue
  failures++
  const lines = output.split("\n")
  const at = lines.findIndex((line) => line.includes("Failed Tests") || line.includes("Failed Suites"))
  console.log(lines.slice(at < 0 ? -60 : at).join("\n"))
}
for (const loop of loops) loop.kill()
console.log(`${failures} of ${runs} runs failed`)
process.exitCode = failures > 0 ? 1 : 0
