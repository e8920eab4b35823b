/**
 * `npm run docs` builds the documentation site, and says where it is. `npm run docs -- dev` serves the pages while
 * they are written, `npm run docs -- preview` what was built.
 *
 * The API reference is written to `docs/api`, the figures of the newest run of the benchmark to `docs/benchmark.md`; the pages
 * of `docs` and the package in `site` do the rest.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { dirname, join, relative } from "node:path"
import { reference } from "./api.ts"
import { writeBenchmarkPage } from "./benchmarkPage.ts"
import { root } from "./doctest.ts"

const site = join(root, "site")
const output = join(root, ".tmp/site")

/** Where the tool that builds the site is, be it in `site` or beside the tools of the project. */
const findVitepress = (): string | undefined => {
  try {
    return join(
      dirname(createRequire(join(site, "package.json")).resolve("vitepress/package.json")),
      "bin/vitepress.js"
    )
  } catch {
    return undefined
  }
}

const run = (command: string, args: ReadonlyArray<string>): void => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit", shell: process.platform === "win32" })
  if (status !== 0) process.exit(status ?? 1)
}

const api = join(root, "docs/api")
rmSync(api, { recursive: true, force: true })
mkdirSync(api, { recursive: true })
const { links, pages } = reference()
for (const { name, text } of pages) writeFileSync(join(api, `${name}.md`), text)
writeFileSync(join(api, "links.json"), JSON.stringify(links, null, 2))
writeBenchmarkPage()

if (findVitepress() === undefined) run("npm", ["ci", "--prefix", "site", "--no-audit", "--no-fund"])
const vitepress = findVitepress()
if (vitepress === undefined) throw new Error("vitepress is not installed in site")

const [command = "build"] = process.argv.slice(2)
run(process.execPath, [vitepress, command, "site"])
if (command === "build") {
  const count = readdirSync(output, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".html")
  ).length
  console.log(`${count} pages in ${relative(process.cwd(), output)}; npm run docs -- preview shows them`)
}
