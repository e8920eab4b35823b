/**
 * Escapes characters that a store cannot have in a name, as `\u` and their code; a backslash is
 * doubled.
 */

/** `special` is a global pattern for single UTF-16 units, which must include the backslash. */
export const escape = (text: string, special: RegExp): string =>
  text.replace(special, (unit) => unit === "\\" ? "\\\\" : `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

const escaped = /\\(?:\\|u([0-9a-f]{4}))/g

export const unescape = (text: string): string =>
  text.replace(
    escaped,
    (_, code?: string) => code === undefined ? "\\" : String.fromCharCode(Number.parseInt(code, 16))
  )
