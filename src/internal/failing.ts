/**
 * Makes a `LockError` that points to the program's calls, as far as Effect knows
 * them (`Effect.fn`, `Effect.withSpan`), and to none of ours. Capturing a stack
 * would cost more than all the rest, and would only tell of the engine.
 */
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { StackFrame } from "effect/References"
import { LockError, type LockErrorReason } from "../LockError.ts"

const deepest = 10

/** Our own spans, which do not locate the call in the program. */
const ours = new Set(["Lock.wait", "Lock.hold"])

const framesOf = (fiber: Fiber.Fiber<unknown, unknown> | undefined): string => {
  let text = ""
  let frame: StackFrame | undefined = fiber?.cache.stackFrame
  for (let i = 0; frame !== undefined && i < deepest; i++, frame = frame.parent) {
    if (ours.has(frame.name)) continue
    const place = frame.stack()
    text += `\n    at ${frame.name}`
    if (place !== undefined) text += ` (${/\((.*)\)/.exec(place)?.[1] ?? place.trim().replace(/^at /, "")})`
  }
  return text
}

/** Runs what makes an error without a stack of its own. */
const withoutStack = <A>(make: () => A): A => {
  const { stackTraceLimit } = Error
  if (typeof stackTraceLimit !== "number" || stackTraceLimit === 0) return make()
  try {
    Error.stackTraceLimit = 0
    return make()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

export const lockError = (reason: () => LockErrorReason, caller?: Fiber.Fiber<unknown, unknown>): LockError => {
  const error = withoutStack(() => new LockError({ reason: reason() }))
  const frames = framesOf(caller)
  if (frames !== "") error.stack = `${error.name}: ${error.message}${frames}`
  return error
}

/** A lock call that fails, with the store's reason or one made here. */
export const failWith = (
  reason: LockErrorReason | (() => LockErrorReason),
  caller?: Fiber.Fiber<unknown, unknown>
): Exit.Exit<never, LockError> => Exit.fail(lockError(typeof reason === "function" ? reason : () => reason, caller))

/** A failure of the store that may pass: calls with time left wait, and watchers go on. */
export const isPassing = ({ reason }: LockError): boolean => reason._tag === "BackendFailure" && reason.retryable
