import { type Effect, type Layer, type Option, Schedule, type Stream } from "effect"
import { Leader, type Lock, type LockBackend, type LockError } from "effect-lock"
import { typeOf } from "./same.ts"

declare const work: Effect.Effect<"done", "own", "service" | Leader.Leadership>
declare const withLease: (lease: Lock.Lease) => typeof work
declare const services: Layer.Layer<"provided", "own", "service" | Leader.Leadership>

type Needed = "service" | LockBackend.LockBackend
type Led = Effect.Effect<"done", "own" | LockError.LockError, Needed>

// The work has its leadership from the call, both ways round.
typeOf(Leader.lead(work, "key")).is<Led>()
typeOf(work.pipe(Leader.lead("key", { expires: "5 seconds", restart: Schedule.spaced("1 second") }))).is<Led>()
typeOf(Leader.lead(withLease, "key")).is<Led>()
typeOf(Leader.lead("key", { rest: "2 seconds" })(withLease)).is<Led>()
// @ts-expect-error: no key
Leader.lead(work)
// @ts-expect-error: a campaign has no end
work.pipe(Leader.lead("key", { timeout: "1 second" }))

// Services that live while leading are provided to nobody, and their failures are logged.
type Background = Layer.Layer<never, LockError.LockError, Needed>
typeOf(Leader.layer(services, "key")).is<Background>()
typeOf(services.pipe(Leader.layer("key", { expires: "5 seconds" }))).is<Background>()
// @ts-expect-error: no layer
Leader.layer(work, "key")

// Only the work of a leader can resign.
typeOf(Leader.resign).is<Effect.Effect<never, never, Leader.Leadership>>()

typeOf(Leader.current("key")).is<
  Effect.Effect<Option.Option<LockError.Holder>, LockError.LockError, LockBackend.LockBackend>
>()
typeOf(Leader.changes("key")).is<
  Stream.Stream<Option.Option<LockError.Holder>, LockError.LockError, LockBackend.LockBackend>
>()
