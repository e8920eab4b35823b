/**
 * Compiles the library, because it is measured as it is shipped, and the programs
 * that are measured, because a loader's thread has work of its own.
 */
import { buildSync } from "esbuild"
import { spawnSync } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { programs } from "./lib/programs.ts"

const benchmark = fileURLToPath(new URL("..", import.meta.url))

export const build = (): void => {
  rmSync(`${benchmark}.build`, { recursive: true, force: true })
  const { status } = spawnSync("tsc", ["-p", "tsconfig.build.json"], { cwd: benchmark, stdio: "inherit", shell: true })
  if (status !== 0) throw new Error("the library does not compile")
  // As the package says of itself, which bundlers look at; and where the programs find it.
  const imports = { "#effect-lock": "./index.js", "#effect-lock/*": "./*.js" }
  writeFileSync(`${benchmark}.build/package.json`, JSON.stringify({ type: "module", sideEffects: [], imports }))
  buildSync({
    entryPoints: programs.map((name) => `${benchmark}src/${name}.ts`),
    outdir: `${benchmark}.build/programs`,
    bundle: true,
    packages: "external",
    external: ["#effect-lock", "#effect-lock/*"],
    platform: "node",
    format: "esm"
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build()
