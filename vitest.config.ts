import { availableParallelism } from "node:os"
import { fileURLToPath } from "node:url"
import { configDefaults, defineConfig } from "vitest/config"
import { isInstalled, names } from "./scripts/installed.ts"
import "./scripts/node20.mjs"
import LongFirst from "./scripts/sequencer.ts"

const src = fileURLToPath(new URL("./src/", import.meta.url))

// What needs a program that is not there is left out, and said to be.
const missing = names.filter((name) => !isInstalled(name))
for (const name of missing) console.warn(`${name} is not installed: its tests do not run`)

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-lock$/, replacement: `${src}index.ts` },
      { find: /^effect-lock\/testing$/, replacement: `${src}testing/index.ts` },
      { find: /^effect-lock\/(.+)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    include: ["test/**/*.test.ts"],
    exclude: [
      ...configDefaults.exclude,
      ...missing.flatMap((name) => name === "redis" ? ["test/redis/**", "test/cli/**"] : `test/${name}/**`)
    ],
    reporters: ["default", "./scripts/counts.ts"],
    globalSetup: "test/support/once.ts",
    pool: "forks",
    // Most files mostly wait.
    maxWorkers: 2 * availableParallelism(),
    sequence: { sequencer: LongFirst },
    testTimeout: 20_000,
    hookTimeout: 30_000
  }
})
