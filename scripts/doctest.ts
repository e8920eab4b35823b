/**
 * Examples in docstrings and Markdown, as modules that can be checked and run.
 *
 * An example is a fence marked `ts`. A further word says how to treat it: `no-run` is only type-checked, `redis`
 * and `memcached` run with that server's address in the environment.
 *
 * A comment `// => value` asserts the value of the statement that ends just before it. The value is an expression,
 * which may go on in the comment lines below.
 */
import { readdirSync, readFileSync } from "node:fs"
import { sep } from "node:path"
import { fileURLToPath } from "node:url"
import { parseSync } from "vite"

export const root: string = fileURLToPath(new URL("../", import.meta.url))

/** The files of a folder that end in `extension`, as paths from the root. */
export const filesIn = (folder: string, extension: string, recursive: boolean): ReadonlyArray<string> => {
  try {
    return readdirSync(root + folder, { recursive, encoding: "utf8" })
      .filter((file) => file.endsWith(extension))
      .map((file) => `${folder}/${file.split(sep).join("/")}`.replace(/^\.\//, ""))
      .toSorted()
  } catch {
    return []
  }
}

export interface Fence {
  readonly file: string
  /** Where the code begins, counted from one. */
  readonly line: number
  readonly tags: ReadonlyArray<string>
  readonly code: string
}

/** The examples of a file, in order. Prose and other languages are not examples. */
export const fencesOf = (file: string, text: string = readFileSync(root + file, "utf8")): ReadonlyArray<Fence> => {
  const found: Array<Fence> = []
  let open: { readonly line: number; readonly tags: ReadonlyArray<string>; readonly lines: Array<string> } | undefined
  for (const [index, raw] of text.split("\n").entries()) {
    // In code only docstrings count, without their margin.
    const line = file.endsWith(".md") ? raw : /^\s*\* ?(.*)$/.exec(raw)?.[1]
    if (line === undefined) {
      open = undefined
    } else if (open === undefined) {
      const info = /^\s*```(\S.*)$/.exec(line)?.[1].trim().split(/\s+/)
      if (info !== undefined) open = { line: index + 2, tags: info, lines: [] }
    } else if (/^\s*```\s*$/.test(line)) {
      const [language, ...tags] = open.tags
      if (language === "ts") found.push({ file, line: open.line, tags, code: open.lines.join("\n") })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  return found
}

/** The code with its lines where they are in the file, so that what tools say of it points there. */
export const padded = (fence: Fence): string => "\n".repeat(fence.line - 1) + fence.code + "\n"

interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
}

interface Declarator extends Node {
  readonly id: Node & { readonly name: string }
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

const walk = (value: unknown, visit: (node: Node) => void): void => {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (isNode(value)) {
    visit(value)
    for (const child of Object.values(value)) walk(child, visit)
  }
}

class DoctestError extends Error {
  override readonly name = "DoctestError"
}

const isExpression = (text: string): boolean => parseSync("value.ts", `(${text}\n)`, { lang: "ts" }).errors.length === 0

interface Instrumented {
  /** The padded code, with a call `__check(line, actual, () => expected)` for each assertion. */
  readonly code: string
  /** The lines with an assertion. */
  readonly lines: ReadonlyArray<number>
}

/** Turns the assertions of an example into calls. */
export const instrument = (fence: Fence): Instrumented => {
  const code = padded(fence)
  const at = (offset: number) => code.slice(0, offset).split("\n").length
  const fail = (offset: number, message: string): never => {
    throw new DoctestError(`${fence.file}:${at(offset)}: ${message}`)
  }

  const parsed = parseSync("example.ts", code, { lang: "ts" })
  if (parsed.errors.length > 0) fail(parsed.errors[0].labels[0]?.start ?? 0, parsed.errors[0].message)

  // What an assertion can be about: an expression that is a statement, or the one name of a declaration.
  const subjects: Array<{ readonly start: number; readonly end: number; readonly name?: string }> = []
  walk(
    parsed.program,
    (node: Node & { readonly expression?: Node; readonly declarations?: ReadonlyArray<Declarator> }) => {
      if (node.type === "ExpressionStatement" && node.expression !== undefined) subjects.push(node.expression)
      if (node.type === "VariableDeclaration" && node.declarations?.length === 1) {
        const [{ end, id, start }] = node.declarations
        if (id.type === "Identifier") subjects.push({ start, end, name: id.name })
      }
    }
  )

  const edits: Array<{ readonly offset: number; readonly text: string }> = []
  const lines: Array<number> = []
  const comments = parsed.comments.filter((comment) => comment.type === "Line")
  for (const [index, comment] of comments.entries()) {
    const first = /^\s*=>(.*)$/.exec(comment.value)?.[1]
    if (first === undefined) continue

    let value = first.trim()
    for (let next = index + 1; !isExpression(value) && next < comments.length; next++) {
      if (at(comments[next].start) !== at(comments[next - 1].start) + 1) break
      value += ` ${comments[next].value.trim()}`
    }
    if (!isExpression(value)) fail(comment.start, `not an expression: ${value}`)

    const subject = subjects.findLast(({ end }) =>
      end <= comment.start && /^\s*;?\s*$/.test(code.slice(end, comment.start))
    )
    if (subject === undefined) return fail(comment.start, "nothing ends just before this assertion")
    const line = at(comment.start)
    lines.push(line)
    if (subject.name === undefined) {
      edits.push({ offset: subject.start, text: `__check(${line}, (` })
      edits.push({ offset: subject.end, text: `), () => (${value}))` })
    } else {
      edits.push({ offset: subject.end, text: `; __check(${line}, ${subject.name}, () => (${value}))` })
    }
  }

  const instrumented = edits.toSorted((a, b) => b.offset - a.offset)
    .reduce((text, { offset, text: inserted }) => text.slice(0, offset) + inserted + text.slice(offset), code)
  return { code: instrumented, lines }
}
