/** Shows errors of clients and drivers. */

/** The message of an error. Node's error for a name with several addresses has none of its own. */
export const messageOf = (cause: unknown): string => {
  if (typeof cause !== "object" || cause === null) return String(cause)
  const message = "message" in cause && typeof cause.message === "string" ? cause.message : "something that is no error"
  return message === "" && cause instanceof AggregateError && cause.errors.length > 0
    ? messageOf(cause.errors[0])
    : message
}

const deepest = 5

/**
 * Clients attach all kinds of data to their errors, such as the command, whose arguments may be a
 * password or a token. The shown error only has the name, message, code and stack, and those of its
 * causes.
 */
export const rebuild = (cause: unknown, depth = deepest): Error => {
  const clean = new Error(messageOf(cause))
  if (!(cause instanceof Error)) return clean
  clean.name = cause.name
  if (cause.stack !== undefined) clean.stack = cause.stack
  if ("code" in cause && typeof cause.code === "string") Object.assign(clean, { code: cause.code })
  if (cause.cause !== undefined && depth > 1) clean.cause = rebuild(cause.cause, depth - 1)
  return clean
}
