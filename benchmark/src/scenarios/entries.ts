/** What an entry point weighs: time to import it, and bytes in a bundle. */
import { build } from "esbuild"
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { atMost, check, type Context, type Report, short } from "../lib/scenario.ts"
import { random, Rounds, shuffled, sum } from "../lib/stats.ts"

const library = fileURLToPath(new URL("../../.build/", import.meta.url))
const drivers = ["ioredis", "memjs"]

interface Weight {
  /** What it adds to the bundle of a program, which has Effect anyway. */
  readonly added: number
  /** A bundle of it without Effect, which has the names of all that it uses of Effect. */
  readonly alone: number
  readonly gzipped: number
  /** What it imports at once from outside the library. */
  readonly imports: ReadonlyArray<string>
}

/** What is left of the core when a program uses only this of it. */
const use = `import { InMemoryBackend, Lock } from "./index.js"; console.log(Lock.withLock, InMemoryBackend.layer)`

/** A bundle: what is loaded at once. What is imported on demand is in chunks of its own, which count for those who demand it. */
const bundle = async (file: string, stdin: string | undefined, external: ReadonlyArray<string>) => {
  const { metafile, outputFiles } = await build({
    ...(stdin === undefined
      ? { entryPoints: [library + file] }
      : { stdin: { contents: stdin, resolveDir: library, sourcefile: `.build/${file}` } }),
    bundle: true,
    minify: true,
    format: "esm",
    platform: "node",
    external: [...external, ...drivers],
    splitting: true,
    outdir: library,
    write: false,
    metafile: true
  })
  const imports = new Set<string>()
  const chunks = new Set<string>()
  const visit = (path: string): void => {
    if (chunks.has(path)) return
    chunks.add(path)
    for (const { external, kind, path: imported } of metafile.outputs[path].imports) {
      if (kind !== "import-statement") continue
      if (external === true) imports.add(imported)
      else visit(imported)
    }
  }
  visit(
    Object.entries(metafile.outputs).find(([, { entryPoint }]) =>
      entryPoint?.endsWith(stdin === undefined ? `.build/${file}` : file)
    )![0]
  )
  const paths = [...chunks]
  return {
    imports: [...imports],
    contents: paths.map((path) => outputFiles.find((output) => output.path.endsWith(path))!.contents),
    parts: paths.flatMap((path) => Object.entries(metafile.outputs[path].inputs))
  }
}

const weigh = async (file: string, stdin?: string): Promise<Weight> => {
  const { contents, imports } = await bundle(file, stdin, ["effect", "effect/*"])
  const { parts } = await bundle(file, stdin, [])
  const ours = parts.filter(([path]) => !path.includes("node_modules/"))
  return {
    added: sum(ours.map(([, { bytesInOutput }]) => bytesInOutput)),
    alone: sum(contents.map(({ length }) => length)),
    gzipped: sum(contents.map((content) => gzipSync(content).length)),
    imports
  }
}

/** Milliseconds to import the entry in a fresh process, in which what it needs of others may have been loaded before. */
const importTime = (file: string, before: ReadonlyArray<string>): number => {
  const lines = [
    ...before.map((name) => `await import(${JSON.stringify(name)})`),
    "const start = performance.now()",
    `await import(${JSON.stringify(`./.build/${file}`)})`,
    "console.log(performance.now() - start)"
  ]
  const cwd = fileURLToPath(new URL("../..", import.meta.url))
  return Number(execFileSync(process.execPath, ["--input-type=module", "-e", lines.join("\n")], { cwd }))
}

export const run = async ({ quick, seed }: Context): Promise<Report> => {
  const next = random(seed)
  const files = [
    "index.js",
    ...readdirSync(library).filter((file) => /Backend(Url)?\.js$/.test(file) && file !== "LockBackend.js"),
    "testing/index.js"
  ]
  const weights = new Map<string, Weight>()
  for (const file of files) weights.set(file, await weigh(file))
  const used = await weigh("used.js", use)
  const times = new Rounds()
  for (let round = 0; round < (quick ? 1 : 5); round++) {
    for (const file of shuffled(files, next)) {
      const { imports } = weights.get(file)!
      times.add(file, { all: importTime(file, []), own: importTime(file, imports) })
    }
  }
  const core = weights.get("index.js")!
  const unasked = core.imports.filter((name) => drivers.includes(name))
  check(unasked.length === 0, `the core imports ${unasked.join(" and ")}`)
  const entry = (file: string) =>
    file === "index.js" ? "effect-lock" : `effect-lock/${file.replace(/(\/index)?\.js$/, "")}`
  return {
    tables: [{
      title: "Entry points",
      columns: [
        "",
        "added to a bundle kB",
        "without Effect kB",
        "gzipped kB",
        "import ms",
        "without Effect and driver ms",
        "driver loaded at once"
      ],
      rows: files.map((file) => {
        const { added, alone, gzipped, imports } = weights.get(file)!
        return [
          entry(file),
          short(added / 1000),
          short(alone / 1000),
          short(gzipped / 1000),
          short(times.median(file, "all")),
          short(times.median(file, "own")),
          imports.filter((name) => drivers.includes(name)).join(", ") || "none"
        ]
      }),
      note:
        `A program that uses only \`Lock.withLock\` and \`InMemoryBackend.layer\` has ${
          short(used.added / 1000)
        } kB of it (${short(used.alone / 1000)} without Effect). ` +
        "Minified, each with all that it needs of the library: its share of a bundle that has Effect in it, and a bundle of " +
        "its own without `effect`, `ioredis` and `memjs`, in which the names of all that it uses of Effect stay long."
    }],
    reach: [
      atMost("core, minified beyond Effect", core.added / 1000, 30, " kB"),
      atMost("withLock and InMemory, minified beyond Effect", used.added / 1000, 30, " kB")
    ],
    data: { used, weights: Object.fromEntries(weights), times: times.toJSON() }
  }
}
