// Format, lint, Effect-aware diagnostics and types. Every step runs, so that one run shows everything.
import { spawnSync } from "node:child_process"

const steps = [
  ["dprint", "check"],
  ["oxlint"],
  ["effect-tsgo", "diagnostics", "--project", "tsconfig.json", "--format", "text", "--strict"],
  ["tsc", "--noEmit"]
]

const failed = steps.filter(([command, ...args]) => {
  console.log(`> ${[command, ...args].join(" ")}`)
  return spawnSync(command, args, { stdio: "inherit", shell: process.platform === "win32" }).status !== 0
})

if (failed.length > 0) {
  console.error(`failed: ${failed.map(([command]) => command).join(", ")}`)
  process.exitCode = 1
}
