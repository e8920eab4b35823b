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

// The oldest Node, for which no tool of ours is made any more.
const isOldest = Number.parseInt(process.versions.node) < 22

// What is the same on every version of Node: the attacks, the browser, the command line, the simulation, the types, the texts,
// the package but for its installation, and what happens in other stores than Redis when they are asked all that a store is.
const sameEverywhere = [
  "test/{faults,browser,cli,simulation,types,site}/**",
  `test/package/!(install|runtimes${isOldest ? "|cli" : ""}).test.ts`,
  "test/{sql,postgres,memcached}/conformance.test.ts",
  "test/{redis,postgres}/sharing/model.test.ts",
  "test/{examples,docs,docs.harness}.test.ts"
]

// The oldest has the core, Redis, and the command line tool as it is installed.
const notOfOldest = ["test/{postgres,memcached,sql,cluster}/**"]

const without = [
  ...configDefaults.exclude,
  ...(process.env.TESTS === "of-node" ? [...sameEverywhere, ...(isOldest ? notOfOldest : [])] : []),
  ...missing.flatMap((name) => name === "redis" ? ["test/redis/**", "test/cli/**"] : `test/${name}/**`)
]

// What measures memory, or runs programs in its own process, has that to itself.
const alone = ["test/docs.test.ts", "test/internal/passing.test.ts"]

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-lock$/, replacement: `${src}index.ts` },
      { find: /^effect-lock\/testing$/, replacement: `${src}testing/index.ts` },
      { find: /^effect-lock\/(.+)$/, replacement: `${src}$1.ts` }
    ]
  },
  test: {
    reporters: ["default", "./scripts/counts.ts"],
    globalSetup: "test/support/once.ts",
    pool: "forks",
    // Most files mostly wait, and so do the tests of a file that run side by side.
    maxWorkers: 3 * availableParallelism(),
    maxConcurrency: 10,
    sequence: { sequencer: LongFirst },
    // What waits for an event does so on the slowest of machines, too: this is for what hangs.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // A browser that has been closed takes its time to end.
    teardownTimeout: 60_000,
    projects: [
      // To load all that a file needs takes longer than most files do.
      {
        extends: true,
        test: { name: "together", include: ["test/**/*.test.ts"], exclude: [...without, ...alone], isolate: false }
      },
      { extends: true, test: { name: "alone", include: alone, exclude: without } }
    ]
  }
})
