/** `npm run example NAME` runs `examples/NAME.ts`; without a name it lists what there is. */
import { existsSync, readdirSync } from "node:fs"

const examples = new URL("../examples/", import.meta.url)
const name = (process.argv[2] ?? "").replace(/\.ts$/, "")

if (name !== "" && existsSync(new URL(`${name}.ts`, examples))) {
  await import(`../examples/${name}.ts`)
} else {
  const names = readdirSync(examples).filter((file) => file.endsWith(".ts")).map((file) => file.slice(0, -3)).toSorted()
  console.error(name === "" ? "Which example? One of:" : `No example "${name}". There is:`)
  for (const one of names) console.error(`  npm run example ${one}`)
  process.exitCode = 1
}
