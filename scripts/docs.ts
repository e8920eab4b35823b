/** `npm run docs` writes an API reference from the docstrings, a page for each public module, to `.tmp/api`. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import { root } from "./doctest.ts"
import { type Export, type Module, publicModules } from "./modules.ts"

const folder = join(root, ".tmp/api")

/** A docstring as Markdown: without its tags, links as plain code. */
const prose = (doc: string | undefined): string =>
  (doc ?? "").replace(/^@\w+.*$/gm, "").replace(/\{@link ([^}]+)\}/g, "`$1`").trim()

const categoryOf = ({ doc }: Export): string => /^@category (.+)$/m.exec(doc ?? "")?.[1] ?? "other"

const page = ({ doc, exports, name, reExports }: Module): string => {
  const categories = new Set(exports.map(categoryOf).toSorted())
  return [
    `# ${name === "index" ? "effect-lock" : `effect-lock/${name}`}`,
    prose(doc),
    ...reExports.map((other) => `- \`${other.name}\``),
    ...[...categories].flatMap((category) => [
      `## ${category}`,
      ...exports.flatMap((one) =>
        categoryOf(one) === category ? [`### ${one.name}`, `\`\`\`ts\n${one.signature}\n\`\`\``, prose(one.doc)] : []
      )
    ])
  ].join("\n\n") + "\n"
}

rmSync(folder, { recursive: true, force: true })
const modules = publicModules()
for (const module of modules) {
  const file = join(folder, `${module.name}.md`)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, page(module))
}
console.log(`${modules.length} pages in ${relative(process.cwd(), folder)}`)
