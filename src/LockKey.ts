/**
 * Keys made of arguments: `LockKey.template("invoice-{customer}-{month}")`.
 *
 * @since 0.1.0
 */
import { show } from "./internal/show.ts"

/**
 * The values that can be part of a key, written as `String(value)` writes them.
 *
 * @category models
 * @since 0.1.0
 */
export type Part = string | number | bigint | boolean

type Digit = "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9"

type NameOf<Text extends string> = Text extends "" ? { readonly error: "a placeholder needs a name, as in {name}" }
  : Text extends `${Digit}${string}`
    ? { readonly error: "a placeholder is named, not numbered: write {name} instead of"; readonly placeholder: Text }
  : Text extends `${string}${"{" | " " | "!" | ":" | "." | "["}${string}`
    ? { readonly error: "a placeholder is a plain name, as in {name}, but there is"; readonly placeholder: Text }
  : Text

/** The names in a template, or an object that says what is wrong with it. */
type Names<Template extends string, Found = never> = Template extends `${infer Before}{${infer Inside}}${infer After}`
  ? Before extends `${string}}${string}` ? { readonly error: "a } without {" }
  : After extends `{${string}`
    ? { readonly error: "put a separator between two placeholders, or different arguments would give one key" }
  : NameOf<Inside> extends infer Name ? Name extends string ? Names<After, Found | Name> : Name
  : never
  : Template extends `${string}${"{" | "}"}${string}` ? { readonly error: "a { without }" }
  : Found

/**
 * The arguments of a template: one for each of its placeholders.
 *
 * @category models
 * @since 0.1.0
 */
export type Arguments<Template extends string> = string extends Template ? Readonly<Record<string, Part>>
  : Names<Template> extends infer Name ? [Name] extends [string] ? { readonly [K in Name]: Part } : never
  : never

/**
 * A function from the arguments of a template to a key.
 *
 * @category models
 * @since 0.1.0
 */
export interface Template<T extends string> {
  (args: Arguments<T>): string
  /** The template as it was given. */
  readonly template: T
}

type Valid<T extends string> = string extends T ? T
  : Names<T> extends infer Name ? [Name] extends [string] ? T : Name
  : never

interface Piece {
  readonly name: string
  readonly after: string
}

/** The types of a `Part`. */
const kinds: ReadonlyArray<string> = ["string", "number", "bigint", "boolean"]

const placeholder = /\{([^{}]*)\}/
const brace = /[{}]/

const mistake = (template: string, what: string): RangeError =>
  new RangeError(`Lock key template ${JSON.stringify(template)}: ${what}`)

const parse = (template: string): { readonly start: string; readonly pieces: ReadonlyArray<Piece> } => {
  if (typeof template !== "string") {
    throw new RangeError(`A lock key template has to be a string, and not ${show(template)}`)
  }
  const complain = (what: string): never => {
    throw mistake(template, what)
  }
  const [start, ...rest] = template.split(placeholder)
  const pieces: Array<Piece> = []
  for (let i = 0; i < rest.length; i += 2) pieces.push({ name: rest[i], after: rest[i + 1] })
  if (pieces.some(({ after }) => brace.test(after)) || brace.test(start)) complain("unbalanced braces")
  pieces.forEach(({ after, name }, i) => {
    if (name === "") complain("a placeholder needs a name, as in {name}")
    if (/^\d/.test(name)) complain(`a placeholder is named, not numbered: write {name} instead of {${name}}`)
    if (!/^[A-Za-z_$][\w$]*$/.test(name)) complain(`a placeholder is a plain name, as in {name}, not {${name}}`)
    if (after === "" && i + 1 < pieces.length) {
      complain("put a separator between two placeholders, or different arguments would give one key")
    }
  })
  return { start, pieces }
}

/** The characters that may start an escape sequence; the first that occurs in no separator is used. */
const marks = ["%", "~", "^", "!", "="]

/** Separators inside a value are written `%…;`, so that different arguments never give the same key. */
const makeEscape = (
  separators: ReadonlyArray<string>,
  complain: (what: string) => never
): (value: string) => string => {
  if (separators.length === 0) return (value) => value
  const text = separators.join("")
  const mark = marks.find((mark) => !text.includes(mark)) ??
    complain(`one of ${marks.join(" ")} has to be left out of the separators`)
  const special = new Set([mark, ...text])
  return (value) => {
    let escaped = ""
    for (const char of value) escaped += special.has(char) ? `${mark}${char.codePointAt(0)!.toString(16)};` : char
    return escaped
  }
}

/**
 * Makes keys from named arguments. The compiler checks the names: one that is missing or unknown
 * does not compile, and neither does `{0}` or a stray brace.
 *
 * **Details**
 *
 * Different arguments give different keys: a separator that occurs inside a value is escaped
 * (`%2d;` for `-`, or with another mark if `%` is a separator), but only in templates in which it
 * separates two placeholders, so that keys stay readable.
 *
 * A template that the compiler does not know is checked when it is made; a `RangeError` says what
 * is wrong with it. A key with a missing argument throws one, too, and so does an object as an
 * argument, since all objects would give the same key.
 *
 * **Example** (Naming the parts)
 *
 * ```ts
 * import { LockKey } from "effect-lock"
 *
 * const invoice = LockKey.template("invoice-{customer}-{month}")
 *
 * invoice({ customer: 7, month: "may" }) // => "invoice-7-may"
 * invoice({ customer: "a-b", month: "c" }) === invoice({ customer: "a", month: "b-c" }) // => false
 * ```
 *
 * **Example** (A function whose arguments choose the lock)
 *
 * ```ts
 * import { Effect, Option } from "effect"
 * import { InMemoryBackend, Lock, LockKey } from "effect-lock"
 *
 * const invoiceKey = LockKey.template("invoice-{customer}-{month}")
 *
 * // Effect.fn passes the arguments on to the combinators that follow the body
 * const sendInvoice = Effect.fn("sendInvoice")(
 *   function*(customer: number, month: string) {
 *     return `sent ${month} to ${customer}`
 *   },
 *   (effect, customer, month) => Lock.once(effect, invoiceKey({ customer, month }))
 * )
 *
 * await Effect.runPromise(Effect.provide(sendInvoice(7, "may"), InMemoryBackend.layer)) // => Option.some("sent may to 7")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const template = <const T extends string>(template: T & Valid<T>): Template<T> => {
  const text: T = template
  const { pieces, start } = parse(text)
  const escape = makeEscape(pieces.slice(0, -1).map((piece) => piece.after), (what) => {
    throw mistake(text, what)
  })
  const render = (args: Readonly<Record<string, Part | undefined>>): string => {
    let key = start
    for (const { after, name } of pieces) {
      const value = Object.hasOwn(args ?? {}, name) ? args[name] : undefined
      if (value === undefined || value === null) {
        throw mistake(text, `argument "${name}" is missing`)
      }
      // All objects would give one key.
      if (!kinds.includes(typeof value)) {
        throw mistake(text, `argument "${name}" is of type ${typeof value}, and has to be one of ${kinds.join(", ")}`)
      }
      key += escape(String(value)) + after
    }
    return key
  }
  return Object.assign((args: Arguments<T>) => render(args), { template: text })
}
