/** The API reference: a page for each public module, from the docstrings, with every overload, option and member. */
import { type Export, type Module, type Part, publicModules } from "./modules.ts"

/** What the site and a reader of the repository are told of a module. */
interface Page {
  /** `Lock`, `testing-TestBackend`: the page is `api/Lock.md`. */
  readonly name: string
  readonly text: string
}

interface Reference {
  readonly pages: ReadonlyArray<Page>
  /** Where a name in code is explained: `Lock.withLock` and `LockError` to `/api/Lock#withLock`. */
  readonly links: Readonly<Record<string, string>>
}

const repository = "https://github.com/effect-lock/effect-lock/blob/main"

/** The order in which readers should meet the modules; the others come last. */
const order = [
  "Lock",
  "Lease",
  "LockError",
  "LockEvent",
  "Leader",
  "LockConfig",
  "LockKey",
  "InMemoryBackend",
  "RedisBackend",
  "SqlBackend",
  "MemcacheBackend",
  "FileBackend",
  "BrowserBackend",
  "KeyValueBackend",
  "OpenBackend",
  "BackendUrl",
  "LockBackend",
  "LockStore"
]

const rank = ({ name }: Module): number => {
  const index = order.indexOf(name)
  return index === -1 ? order.length : index
}

const pageOf = (module: Module): string => module.name.replace("/", "-")
const importOf = (module: Module): string => `effect-lock/${module.name.replace(/\/.*/, "")}`

const tag = (doc: string | undefined, name: string): string | undefined =>
  new RegExp(`^@${name} (.+)$`, "m").exec(doc ?? "")?.[1]

const categoryOf = ({ doc }: Export): string => tag(doc, "category") ?? "other"

/** The anchors of exports, in lower case. An interface and a value may have the same name; the second one's has its kind, too. */
const anchors = (module: Module): ReadonlyMap<Export, string> => {
  const taken = new Set<string>()
  return new Map(module.exports.map((one) => {
    const name = one.name.toLowerCase()
    const anchor = taken.has(name) ? `${name}-${one.kind}` : name
    taken.add(anchor)
    return [one, anchor]
  }))
}

const linksOf = (modules: ReadonlyArray<Module>): Record<string, string> => {
  // Without the names that every object has, such as `toString`.
  const links: Record<string, string> = Object.create(null)
  for (const module of modules) {
    const at = `/api/${pageOf(module)}`
    const namespace = module.name.split("/").at(-1) ?? ""
    links[namespace] ??= at
    for (const [{ kind, name }, anchor] of anchors(module)) {
      links[`${namespace}.${name}`] ??= `${at}#${anchor}`
      // A type is known by its own name.
      if (kind !== "value") links[name] = `${at}#${anchor}`
    }
  }
  return links
}

const prose = (module: Module, links: Record<string, string>, doc: string | undefined): string =>
  (doc ?? "").replace(/^@\w+.*$/gm, "").trim().replace(
    /\{@link ([\w.]+)(?:[ |]+([^}]+))?\}/g,
    (_, path: string, label: string | undefined) => {
      const namespace = module.name.split("/").at(-1) ?? ""
      const target = links[`${namespace}.${path}`] ?? links[path] ??
        // A member, which has no page of its own: `LockStore.listen`.
        links[path.replace(/\.\w+$/, "")]
      return target === undefined
        ? `\`${label ?? path}\``
        : `[\`${label ?? path}\`](${target.replace(/(#|$)/, ".md$1")})`
    }
  )

const fence = (code: string): string => `\`\`\`ts signature\n${code}\n\`\`\``

const overload = (name: string, { signature }: Part): string => `function ${name}${signature}`

const shown = ({ signature }: Export): string => signature.replace(/^export (?:declare )?/, "")

const one = (
  module: Module,
  links: Record<string, string>,
  anchor: string,
  { doc, line, name, parts, signature }: Export
) => {
  const overloads = parts.filter((part) => part.name === undefined)
  const members = parts.filter((part) => part.name !== undefined)
  const since = tag(doc, "since")
  return [
    `### ${name} {#${anchor}}`,
    ...(overloads.length > 1 ? [] : [fence(shown({ signature } as Export))]),
    prose(module, links, doc),
    ...(overloads.length > 1
      ? overloads.flatMap((part) => [fence(overload(name, part)), prose(module, links, part.doc)])
      : []),
    ...members.flatMap((part) => [
      `#### ${[...part.within, part.name].join(" › ")} {#${
        [anchor, ...part.within, part.name].join("-").toLowerCase()
      }}`,
      fence(part.signature.replace(/^(?:override )?(?:readonly )?/, "")),
      prose(module, links, part.doc)
    ]),
    `<p class="source">${
      since === undefined ? "" : `Since ${since} · `
    }[${module.file}:${line}](${repository}/${module.file}#L${line})</p>`
      .replace(/\[(.+)\]\((.+)\)/, `<a href="$2">$1</a>`)
  ]
}

/** Headings that would have the same name get a number. */
const unique = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const taken = new Map<string, number>()
  return lines.map((line) =>
    line.replace(/^(#+ .+ \{#)(.+)\}$/, (_, start: string, id: string) => {
      const count = (taken.get(id) ?? 0) + 1
      taken.set(id, count)
      return `${start}${count === 1 ? id : `${id}-${count}`}}`
    })
  )
}

const page = (module: Module, links: Record<string, string>): string => {
  const ids = anchors(module)
  const categories = [...new Set(module.exports.map(categoryOf))]
  const namespace = module.name.split("/").at(-1)
  const how = module.name.includes("/")
    ? `import { ${namespace} } from "${importOf(module)}"`
    : `import * as ${namespace} from "${importOf(module)}"`
  return unique([
    `# ${namespace} {#module}`,
    `\`\`\`ts signature\n${how}\n\`\`\``,
    prose(module, links, module.doc),
    ...categories.flatMap((category) => [
      `## ${category[0].toUpperCase()}${category.slice(1)} {#category-${category.replace(/\W+/g, "-")}}`,
      ...module.exports.filter((other) => categoryOf(other) === category)
        .flatMap((other) => one(module, links, ids.get(other) ?? other.name, other))
    ])
  ]).join("\n\n") + "\n"
}

/** The first sentence of a docstring. */
const summary = (module: Module, links: Record<string, string>): string =>
  prose(module, links, module.doc).split("\n\n")[0].replace(/\n/g, " ")

export const reference = (): Reference => {
  // Barrels have no text of their own.
  const modules = publicModules().filter(({ exports }) => exports.length > 0)
    .toSorted((a, b) => rank(a) - rank(b))
  const links = linksOf(modules)
  const index = [
    "# API reference",
    "Written from the docstrings of the sources, with every overload, option, unit and default. Each example is run by the tests.",
    ...modules.map((module) => `- [${module.name}](./${pageOf(module)}.md): ${summary(module, links)}`)
  ].join("\n\n").replace(/\n\n- /g, "\n- ").replace("tests.\n- ", "tests.\n\n- ") + "\n"
  return {
    links,
    pages: [
      { name: "index", text: index },
      ...modules.map((module) => ({ name: pageOf(module), text: page(module, links) }))
    ]
  }
}
