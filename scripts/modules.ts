/** The exports of the public modules and their docstrings, read from the sources. */
import { readFileSync } from "node:fs"
import { dirname, posix } from "node:path"
import { parseSync } from "vite"
import { type Fence, filesIn, root } from "./doctest.ts"

export interface Export {
  readonly name: string
  readonly line: number
  readonly kind: "value" | "class" | "type"
  /** The docstring without its frame, or undefined. */
  readonly doc: string | undefined
  /** The declaration as written, without a body and without the docstrings in it. */
  readonly signature: string
  /** What has a docstring of its own inside: overloads, options and members, in their order. */
  readonly parts: ReadonlyArray<Part>
}

export interface Part {
  /** Undefined for an overload. */
  readonly name: string | undefined
  /** The names of what it is in, outermost first: `["hold"]` for an option of a method. */
  readonly within: ReadonlyArray<string>
  readonly doc: string
  readonly signature: string
}

/** A name that a module passes on from another file; as a namespace when `imported` is undefined. */
interface ReExport {
  readonly name: string
  readonly line: number
  readonly file: string
  readonly imported: string | undefined
  readonly doc: string | undefined
}

export interface Module {
  /** `src/Lock.ts` */
  readonly file: string
  /** `Lock`, `testing/TestBackend` */
  readonly name: string
  readonly doc: string | undefined
  readonly exports: ReadonlyArray<Export>
  readonly reExports: ReadonlyArray<ReExport>
}

const unframe = (comment: string): string =>
  comment.slice(1).split("\n").map((line) => line.replace(/^\s*\* ?/, "")).join("\n").trim()

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/** What can have a docstring inside an export: of types, of classes, and the fields of a schema. */
const inner: ReadonlySet<string> = new Set([
  "TSPropertySignature",
  "TSMethodSignature",
  "TSCallSignatureDeclaration",
  "PropertyDefinition",
  "MethodDefinition",
  "Property"
])

const nameOf = (node: Node & { readonly key?: { readonly name?: string; readonly value?: unknown } }) =>
  node.key === undefined ? undefined : node.key.name ?? String(node.key.value)

const readModule = (file: string): Module => {
  const code = readFileSync(root + file, "utf8")
  const { comments, program } = parseSync(file, code, { lang: "ts" })
  const docstrings = comments.filter(({ type, value }) => type === "Block" && value.startsWith("*"))
  const lineOf = (offset: number) => code.slice(0, offset).split("\n").length
  const docBefore = (offset: number): string | undefined => {
    const comment = docstrings.findLast(({ end }) => end <= offset && code.slice(end, offset).trim() === "")
    return comment === undefined ? undefined : unframe(comment.value)
  }

  /** Code without its docstrings, and without the lines that they leave empty. */
  const textOf = (start: number, end: number): string => {
    let text = ""
    let at = start
    for (const comment of docstrings) {
      if (comment.start < at || comment.end > end) continue
      text += code.slice(at, comment.start)
      at = comment.end
    }
    const lines = (text + code.slice(at, end)).split("\n").filter((line, index) => index === 0 || line.trim() !== "")
    // Indented like its last line, which closes what the first one opens.
    const indent = lines.length > 1 ? /^ */.exec(lines.at(-1) ?? "")?.[0].length ?? 0 : 0
    return lines.map((line, index) => index === 0 ? line : line.slice(Math.min(indent, line.search(/\S/)))).join("\n")
      .trim()
  }
  const partsOf = (node: Node, within: ReadonlyArray<string>): ReadonlyArray<Part> =>
    Object.values(node).flat().filter(isNode).flatMap((child) => {
      if (child.type === "BlockStatement") return []
      if (node.type === "TSUnionType") {
        // A variant goes by its tag.
        const tag = /\b_tag: "(\w+)"/.exec(code.slice(child.start, child.end))?.[1]
        if (tag !== undefined) return partsOf(child, [...within, tag])
      }
      const doc = inner.has(child.type) ? docBefore(child.start) : undefined
      if (doc === undefined) return partsOf(child, within)
      const name = nameOf(child)
      const { body } = (child as Node & { readonly value?: { readonly body?: Node } }).value ?? {}
      const signature = textOf(child.start, body?.start ?? child.end).replace(/[,;]$/, "")
      return [{ name, within, doc, signature }, ...partsOf(child, name === undefined ? within : [...within, name])]
    })

  const exports: Array<Export> = []
  const reExports: Array<ReExport> = []
  for (const node of program.body) {
    if (node.type === "ExportAllDeclaration" || (node.type === "ExportNamedDeclaration" && node.source !== null)) {
      const from = node.source?.value ?? ""
      if (!from.startsWith(".")) continue
      const target = posix.join(dirname(file), from)
      const names = node.type === "ExportAllDeclaration"
        ? [{ node, exported: node.exported, imported: undefined }]
        : node.specifiers.map((specifier) => ({
          node: specifier,
          exported: specifier.exported,
          imported: specifier.local
        }))
      for (const name of names) {
        const text = (id: { readonly start: number; readonly end: number } | null | undefined) =>
          id === null || id === undefined ? undefined : code.slice(id.start, id.end)
        reExports.push({
          name: text(name.exported) ?? "*",
          line: lineOf(name.node.start),
          file: target,
          imported: text(name.imported) ?? (name.exported === null ? "*" : undefined),
          doc: docBefore(name.node.start) ?? docBefore(node.start)
        })
      }
    } else if (node.type === "ExportNamedDeclaration" && node.declaration !== null) {
      const { declaration } = node
      const doc = docBefore(node.start)
      const add = (id: { readonly start: number; readonly end: number }, kind: Export["kind"], end = node.end) => {
        const name = /^[\w$]+/.exec(code.slice(id.start, id.end))?.[0] ?? ""
        const signature = textOf(node.start, end).replace(/(?:\s|=>)+$/, "")
        // Overloads share the docstring of the first.
        if (doc === undefined && exports.some((other) => other.name === name && other.kind === kind)) return
        exports.push({ name, line: lineOf(node.start), kind, doc, signature, parts: partsOf(node, []) })
      }
      if (declaration.type === "VariableDeclaration") {
        for (const { id, init } of declaration.declarations) {
          add(id, "value", init?.type === "ArrowFunctionExpression" ? init.body.start : id.end)
        }
      } else if (declaration.type === "ClassDeclaration" && declaration.id !== null) {
        add(declaration.id, "class", declaration.body.start)
      } else if (declaration.type === "FunctionDeclaration" || declaration.type === "TSDeclareFunction") {
        if (declaration.id !== null) add(declaration.id, "value", declaration.body?.start)
      } else if ("id" in declaration && declaration.id !== null) {
        add(declaration.id, "type")
      }
    }
  }

  // The first docstring is the module's own, unless it belongs to an export.
  const header = docstrings.find(({ start }) => code.slice(0, start).trim() === "")
  const first = program.body[0]
  const owned = first !== undefined && first.type.startsWith("Export") &&
    header === docstrings.findLast(({ end }) => end <= first.start)
  return {
    file,
    name: file.slice("src/".length, -".ts".length).replace(/(^|\/)index$/, "") || "index",
    doc: header === undefined || owned ? undefined : unframe(header.value),
    exports: exports.filter(({ doc }) => doc === undefined || !/@internal\b/.test(doc)),
    reExports
  }
}

/** The modules that `exports` of package.json lets users import. */
export const publicModules = (): ReadonlyArray<Module> =>
  filesIn("src", ".ts", true).filter((file) => !file.includes("/internal/")).map(readModule)

/** Whose names a fence uses: `Lock.withLock` as `"src/Lock.ts withLock"`, a module itself as `"src/Lock.ts"`. */
export const usedBy = (fence: Fence, modules: ReadonlyArray<Module>): ReadonlySet<string> => {
  const used = new Set<string>()
  const moduleAt = (file: string) => modules.find((module) => module.file === file)

  const useNamespace = (module: Module, local: string): void => {
    used.add(module.file)
    for (const [, member] of fence.code.matchAll(new RegExp(`\\b${local}\\.(\\w+)`, "g"))) {
      useMember(module, member, `${local}.${member}`)
    }
  }
  const useMember = (module: Module, name: string, local: string): void => {
    used.add(module.file)
    used.add(`${module.file} ${name}`)
    for (const other of module.reExports) {
      const target = moduleAt(other.file)
      if (target === undefined) continue
      if (other.name === name && other.imported === undefined) useNamespace(target, local)
      else if (other.name === name) useMember(target, other.imported ?? name, local)
      else if (other.name === "*") useMember(target, name, local)
    }
  }

  for (const { entries, moduleRequest } of parseSync("example.ts", fence.code, { lang: "ts" }).module.staticImports) {
    const path = /^effect-lock(?:\/(.+))?$/.exec(moduleRequest.value)
    if (path === null) continue
    const name = path[1] ?? "index"
    const module = modules.find((one) => one.name === name)
    if (module === undefined) continue
    for (const { importName, localName } of entries) {
      if (importName.kind === "Name") useMember(module, importName.name ?? "", localName.value)
      else useNamespace(module, localName.value)
    }
  }

  // Errors are used by tag: Effect.catchReason("LockError", "LockTimeout", …), { LockTimeout: … }.
  if (used.size > 0) {
    for (const module of modules) {
      for (const { kind, name } of module.exports) {
        if (kind === "class" && new RegExp(`["']${name}["']|\\b${name}:`).test(fence.code)) {
          used.add(`${module.file} ${name}`)
        }
      }
    }
  }
  return used
}
