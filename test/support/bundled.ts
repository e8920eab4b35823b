/** Programs for tests to start, bundled: they start in a tenth of the time that their thousand sources take. */
import { Effect } from "effect"
import { build } from "esbuild"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { filesIn } from "../../scripts/doctest.ts"
import { once } from "./once.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Those that read a file beside them, and so run as they are. */
export const asTheyAre: ReadonlySet<string> = new Set(["examples/leader-tab.ts"])

const programs = [
  ...filesIn("examples", ".ts", false).filter((file) => !asTheyAre.has(file)),
  ...filesIn("test/support/programs", ".ts", false),
  "test/cluster/runner.ts",
  "test/faults/leader.ts",
  "test/faults/worker.mjs",
  "test/file/worker.ts",
  "test/memcached/fixture.ts",
  "test/redis/clone.ts",
  "test/redis/lingering.ts",
  "test/redis/worker.ts",
  "test/support/sharing/worker.ts"
]

/** All of them at once, once in a run: what they share is read and written, and later compiled, once. */
const bundles: Effect.Effect<string> = Effect.promise(() =>
  once("programs", (outdir) =>
    build({
      absWorkingDir: root,
      entryPoints: programs,
      outbase: ".",
      outdir,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["esbuild", "playwright-core", "pg-native"],
      // For what is in them of CommonJS.
      banner: { js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url)` },
      logLevel: "error"
    }))
)

/** The program of this source, as a file that Node runs. */
export const bundled = (source: URL): Effect.Effect<string> => {
  const path = relative(root, fileURLToPath(source)).replaceAll("\\", "/")
  if (!programs.includes(path)) return Effect.die(new Error(`${path} is none of the programs that are bundled`))
  return Effect.map(bundles, (folder) => join(folder, path.replace(/\.\w+$/, ".js")))
}
