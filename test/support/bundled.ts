/** Programs for tests to start, each in one file: that starts in a tenth of the time that its thousand sources take. */
import { Effect } from "effect"
import { build } from "esbuild"
import { join, parse, relative } from "node:path"
import { fileURLToPath } from "node:url"
import { once } from "./once.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** Bundles programs together, and gives the folder with a `.js` for each. */
const bundle = (name: string, programs: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.promise(() =>
    once(name, (outdir) =>
      build({
        absWorkingDir: root,
        entryPoints: [...programs],
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
  const path = relative(root, fileURLToPath(source))
  return Effect.map(
    bundle(path.replace(/\W+/g, "-"), [path]),
    (folder) => join(folder, `${parse(path).name}.js`)
  )
}

/** The programs of a folder, by name. */
export const bundledAll = (folder: string, names: ReadonlyArray<string>): Effect.Effect<(name: string) => string> =>
  Effect.map(
    bundle(folder, names.map((name) => `${folder}/${name}.ts`)),
    (bundles) => (name) => join(bundles, `${name}.js`)
  )
