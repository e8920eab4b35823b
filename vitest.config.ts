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

// The oldest Node, for which no tool of ours is made any more, has the core, files and Redis.
const notOfOldest = Number.parseInt(process.versions.node) < 22
  ? [
    "test/{postgres,memcached,sql,cluster,simulation,types}/**",
    "test/redis/sharing/model.test.ts",
    "test/docs*.test.ts"
  ]
  : []

const without = [
  ...configDefaults.exclude,
  ...notOfOldest,
  ...missing.flatMap((name) => name === "redis" ? ["test/redis/**", "test/cli/**"] : `test/${name}/**`)
]

// What takes more than half of all time, and is left out of `npm test`: what the library is shipped in, what becomes of it
// when processes and servers are killed, other ways to reach the same servers, and random worlds on real servers.
const slow = [
  "test/{faults,browser,cli,package,site}/**/*.test.ts",
  "test/examples.test.ts",
  "test/{redis,postgres}/{clients,tls}.test.ts",
  "test/{redis,postgres}/sharing/{model,processes}.test.ts",
  "test/file/processes.test.ts",
  "test/postgres/faults.test.ts"
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
        test: {
          name: "library",
          include: ["test/**/*.test.ts"],
          exclude: [...without, ...slow, ...alone],
          isolate: false
        }
      },
      { extends: true, test: { name: "slow", include: slow, exclude: without, isolate: false } },
      { extends: true, test: { name: "alone", include: alone, exclude: without } }
    ]
  }
})
