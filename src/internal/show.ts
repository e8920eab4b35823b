/** Shows an unexpected value in an error message: briefly, whatever it is. */
import * as Duration from "effect/Duration"

const longest = 100

const named = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" || (typeof value === "number" && !Number.isFinite(value)) ? String(value) : value

const textOf = (value: unknown): string => {
  try {
    if (Duration.isDuration(value)) return Duration.format(value)
    if (value instanceof Error) return String(value)
    if (typeof value === "string" || typeof value === "object") return JSON.stringify(value, named)
  } catch {
    // A circular value is shown by its name.
  }
  try {
    return String(value)
  } catch {
    return `an ${typeof value} that has no text`
  }
}

export const show = (value: unknown): string => {
  const text = textOf(value)
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
