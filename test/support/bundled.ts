/** Bundled programs, which tests start in a tenth of the time that a thousand source files take. */
import { Effect } from "effect"
import { build, type Plugin } from "esbuild"
import { cpSync, existsSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { forNode } from "../../cli/build.ts"
import { filesIn } from "../../scripts/doctest.ts"
import { once } from "./once.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

const programs = [
  ...filesIn("examples", ".ts", false),
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

/** `Effect` of "effect" is the module "effect/Effect". */
const straight = (statement: string, names: string, name: string): string =>
  names.split(",").map((one) => one.trim()).filter((one) => one !== "" && !one.startsWith("type ")).map((one) =>
    existsSync(join(root, "node_modules", name.replace(/^(@effect\/)?[^/]+/, "$&/dist"), `${one}.js`))
      ? `import * as ${one} from "${name}/${one}"`
      : statement.replace(names, one)
  ).join("; ")

/**
 * Imports modules instead of their index: otherwise what one program uses of an index is loaded by every program that imports
 * it, and all take twice the time to start.
 */
const withoutIndexes: Plugin = {
  name: "without indexes",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8").replace(
        /^import \{([^}]+)\} from "(effect(?:\/cli)?|@effect\/platform-node)"$/gm,
        straight
      ),
      loader: "ts"
    }))
}

/** Bundles all of them together, once in a run: what they share is read and written, and later compiled, once. */
const bundles: Effect.Effect<string> = Effect.promise(() =>
  once("programs", (outdir) => {
    // What they read beside them.
    cpSync(join(root, "examples/support"), join(outdir, "examples/support"), { recursive: true })
    return build({
      absWorkingDir: root,
      entryPoints: programs,
      outbase: ".",
      outdir,
      ...forNode,
      plugins: [withoutIndexes],
      external: ["esbuild", "playwright-core", "pg-native"]
    })
  })
)

/** The program of this source, as a file that Node runs. */
export const bundled = (source: URL): Effect.Effect<string> => {
  const path = relative(root, fileURLToPath(source)).replaceAll("\\", "/")
  if (!programs.includes(path)) return Effect.die(new Error(`${path} is none of the programs that are bundled`))
  return Effect.map(bundles, (folder) => join(folder, path.replace(/\.\w+$/, ".js")))
}
