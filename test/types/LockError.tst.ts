import { type DateTime, type Duration, Effect, Schema } from "effect"
import { LockError } from "effect-lock"
import { typeOf } from "./same.ts"

declare const locked: Effect.Effect<"done", "own" | LockError.LockError, "service">
declare const error: LockError.LockError
declare const unknown: unknown

typeOf(error.reason).is<
  | LockError.LockTimeout
  | LockError.LockLost
  | LockError.LockReentered
  | LockError.BackendFailure
  | LockError.InvalidOptions
>()
typeOf(error.message).is<string>()
typeOf(error._tag).is<"LockError">()

// Each reason is handled by name and brings its facts.
Effect.catchReason(locked, "LockError", "LockTimeout", (reason) => {
  typeOf(reason).is<LockError.LockTimeout>()
  typeOf(reason.key).is<string>()
  typeOf(reason.timeout).is<Duration.Duration>()
  typeOf(reason.waited).is<Duration.Duration>()
  typeOf(reason.holder).is<LockError.Holder | undefined>()
  typeOf(reason.holder?.owner).is<string | undefined>()
  typeOf(reason.holder?.since).is<DateTime.Utc | undefined>()
  typeOf(reason.holder?.remaining).is<Duration.Duration | undefined>()
  return Effect.succeed("busy")
})
Effect.catchReason(locked, "LockError", "LockLost", (reason) => {
  typeOf(reason.why).is<"Expired" | "Taken" | "Closed" | "Released">()
  typeOf(reason.held).is<Duration.Duration>()
  return Effect.void
})
Effect.catchReason(locked, "LockError", "BackendFailure", (reason) => {
  typeOf(reason.kind).is<LockError.FailureKind>()
  typeOf(reason.retryable).is<boolean>()
  typeOf(reason.cause).is<unknown>()
  return Effect.void
})
Effect.catchReason(locked, "LockError", "InvalidOptions", (reason) => {
  typeOf(reason.option).is<string>()
  typeOf(reason.value).is<string>()
  typeOf(reason.expected).is<string>()
  return Effect.void
})
// @ts-expect-error: no such reason
Effect.catchReason(locked, "LockError", "Timeout", () => Effect.void)
// @ts-expect-error: no such error
Effect.catchReason(locked, "LockTimeout", "LockTimeout", () => Effect.void)

// Handling a reason changes the result, and keeps the work's own error and services.
typeOf(Effect.catchReason(locked, "LockError", "LockTimeout", () => Effect.succeed("busy" as const))).is<
  Effect.Effect<"done" | "busy", "own" | LockError.LockError, "service">
>()
typeOf(Effect.catchReasons(locked, "LockError", {
  LockTimeout: () => Effect.succeed("busy" as const),
  BackendFailure: () => Effect.succeed("down" as const)
})).is<Effect.Effect<"done" | "busy" | "down", "own" | LockError.LockError, "service">>()
typeOf(Effect.catchTag(locked, "LockError", () => Effect.succeed("stuck" as const))).is<
  Effect.Effect<"done" | "stuck", "own", "service">
>()

// Errors are schemas, and so are their reasons.
typeOf(Schema.decodeUnknownSync(LockError.LockError)(unknown)).is<LockError.LockError>()
typeOf(Schema.decodeUnknownSync(LockError.LockErrorReason)(unknown)).is<LockError.LockErrorReason>()
typeOf(Schema.decodeUnknownSync(LockError.FailureKind)(unknown)).is<LockError.FailureKind>()
LockError.LockError.make({ reason: new LockError.InvalidOptions({ option: "key", value: "", expected: "a name" }) })
// @ts-expect-error: an error has a reason
LockError.LockError.make({})
// @ts-expect-error: not a kind of failure
LockError.BackendFailure.make({ backend: "b", operation: "o", kind: "Tired", retryable: true })

if (LockError.isLockError(unknown)) typeOf(unknown).is<LockError.LockError>()
