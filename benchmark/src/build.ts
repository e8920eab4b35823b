/** Compiles the library, because it is measured as it is shipped. */
import { spawnSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const benchmark = fileURLToPath(new URL("..", import.meta.url))

export const build = (): void => {
  rmSync(`${benchmark}.build`, { recursive: true, force: true })
  const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { cwd: benchmark, stdio: "inherit", shell: true })
  if (status !== 0) throw new Error("the library does not compile")
  // As the package says of itself, which bundlers look at.
  writeFileSync(`${benchmark}.build/package.json`, JSON.stringify({ type: "module", sideEffects: [] }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build()
