/** Characters that a store cannot have in a name, written as `\u` and their code; a backslash is doubled. */

/** `special` is global, matches single UTF-16 units, and a backslash among them. */
export const escape = (text: string, special: RegExp): string =>
  text.replace(special, (unit) => unit === "\\" ? "\\\\" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

const escaped = /\\(?:\\|u([0-9a-f]{4}))/g

export const unescape = (text: string): string =>
  text.replace(
    escaped,
    (_, code?: string) => code === undefined ? "\\" : String.fromCharCode(Number.parseInt(code, 16))
  )
