/** `npm run example NAME` runs `examples/NAME.ts`; without a name it lists what there is. */
import { existsSync, readdirSync, readFileSync } from "node:fs"

const examples = new URL("../examples/", import.meta.url)
const name = (process.argv[2] ?? "").replace(/\.ts$/, "")

/** What the comment at its top says first. */
const about = (file: string): string => {
  const comment = /^\/\*\*([^]*?)\*\//.exec(readFileSync(new URL(file, examples), "utf8"))?.[1] ?? ""
  const [paragraph] = comment.replace(/^ *\* ?/gm, "").trim().split("\n\n")
  return paragraph.replace(/\s+/g, " ").replace(/(?<=[.:]) .*$/, "").replace(/:$/, ".")
}

if (name !== "" && existsSync(new URL(`${name}.ts`, examples))) {
  await import(`../examples/${name}.ts`)
} else {
  const files = readdirSync(examples).filter((file) => file.endsWith(".ts")).toSorted()
  const width = Math.max(...files.map((file) => file.length))
  console.error(name === "" ? "Which example? One of:" : `No example "${name}". There is:`)
  for (const file of files) {
    console.error(`  npm run example ${file.slice(0, -".ts".length).padEnd(width)}${about(file)}`)
  }
  process.exitCode = 1
}
