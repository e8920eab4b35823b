/**
 * What an editor shows of a module, read from the declarations that users get: which overloads, options and members
 * of what it exports have no docstring of their own.
 *
 * Read by their syntax alone: TypeScript 7 has no API for programs, and the declarations are all that editors have.
 */
import { parseSync } from "vite"

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

interface Named extends Node {
  readonly key?: Node & { readonly name?: string; readonly value?: unknown }
  readonly id?: Node & { readonly name?: string }
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

const children = (node: Node): ReadonlyArray<Node> => Object.values(node).flat().filter(isNode)

/** A property, a method or a call signature of an interface, a type literal or a class. */
const members: ReadonlySet<string> = new Set([
  "TSPropertySignature",
  "TSMethodSignature",
  "TSCallSignatureDeclaration",
  "PropertyDefinition",
  "TSAbstractPropertyDefinition",
  "MethodDefinition",
  "TSAbstractMethodDefinition"
])

const nameOf = ({ id, key }: Named): string => {
  const { name, value } = (key ?? id ?? {}) as { readonly name?: string; readonly value?: unknown }
  return name ?? (value === undefined ? "" : String(value))
}

/** Whether a comment is a docstring with words of its own, and not tags alone. */
const says = (comment: string): boolean => comment.startsWith("*") && /^[ \t*]*[^@\s*]/m.test(comment.slice(1))

/** Discriminants, and what every error has. */
const obvious: ReadonlySet<string> = new Set(["_tag", "message", "cause", "constructor"])

/** Links that are broken by a line break: editors take the `*` of the next line for the name, and show no link. */
export const tornLinks = (code: string): ReadonlyArray<string> =>
  Array.from(code.matchAll(/\{@link\s*\n[\s*]*([^\s}]+)/g), ([, name]) => name)

/** `Lock.d.ts` as text, and the names of what is exported and undocumented, such as `WithLock.timeout`. */
export const undocumented = (file: string, code: string): ReadonlyArray<string> => {
  const { comments, errors, program } = parseSync(file, code, { lang: "dts" })
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`)
  const docstrings = comments.filter(({ type, value }) => type === "Block" && says(value))
  const ends = new Set(docstrings.map(({ end }) => end))
  const hasDoc = (node: Node): boolean => ends.has(code.slice(0, node.start).trimEnd().length)

  const missing: Array<string> = []
  const visit = (node: Node, path: string): void => {
    const overloads = children(node).filter(({ type }) => type === "TSCallSignatureDeclaration")
    let overload = 0
    for (const child of children(node)) {
      let at = path
      if (members.has(child.type)) {
        const own = nameOf(child as Named)
        if (own !== "") at = `${path}.${own}`
        else if (overloads.length > 1) at = `${path} (overload ${++overload})`
        // If there is only one signature, the docstring of the export says it all.
        const single = child.type === "TSCallSignatureDeclaration" && overloads.length === 1
        if (!single && !obvious.has(own) && !hasDoc(child)) missing.push(at)
      }
      visit(child, at)
    }
  }

  const bases = new Map<string, Node>()
  const seen = new Map<string, number>()
  for (
    const node of program.body as ReadonlyArray<
      Node & {
        readonly declaration?:
          | Named & {
            readonly declarations?: ReadonlyArray<Named>
          }
          | null
      }
    >
  ) {
    const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : undefined
    if (declaration === undefined || declaration === null) {
      // The class that an exported one extends, which only the compiler names.
      if (node.type === "VariableDeclaration") {
        const [variable] = (node as Node & { readonly declarations: ReadonlyArray<Named> }).declarations
        bases.set(nameOf(variable), variable)
      }
      continue
    }
    for (const named of declaration.declarations ?? [declaration]) {
      const name = nameOf(named)
      const count = (seen.get(name) ?? 0) + 1
      seen.set(name, count)
      if (!hasDoc(node)) missing.push(count === 1 ? name : `${name} (overload ${count})`)
      const base = bases.get(`${name}_base`)
      if (base !== undefined) visit(base, name)
      visit(named, name)
    }
  }
  return missing
}
