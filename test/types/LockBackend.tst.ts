import { Effect, type Layer, type Scope } from "effect"
import { InMemoryBackend, LockBackend, type LockError, type LockStore, OpenBackend } from "effect-lock"
import { typeOf } from "./same.ts"

declare const store: LockStore.LockStore
declare const makeStore: Effect.Effect<LockStore.LockStore, "broken", "service" | Scope.Scope>

typeOf(LockBackend.make(store)).is<Effect.Effect<LockBackend.LockBackend["Service"], never, Scope.Scope>>()
typeOf(LockBackend.layer(makeStore)).is<Layer.Layer<LockBackend.LockBackend, "broken", "service">>()
typeOf(LockBackend.layer(Effect.succeed(store))).is<Layer.Layer<LockBackend.LockBackend>>()
// @ts-expect-error: a store is made by an effect
LockBackend.layer(store)

typeOf(InMemoryBackend.layer).is<Layer.Layer<LockBackend.LockBackend>>()
typeOf(InMemoryBackend.layerFresh).is<Layer.Layer<LockBackend.LockBackend>>()
typeOf(OpenBackend.layer).is<Layer.Layer<LockBackend.LockBackend>>()
typeOf(InMemoryBackend.makeStore).is<Effect.Effect<LockStore.LockStore>>()

// Four operations are a store; its failures are of the one kind that the engine knows.
const four: LockStore.LockStore = {
  name: "four",
  tryAcquire: () => Effect.succeed({ _tag: "Held" }),
  extend: () => Effect.succeed(true),
  release: () => Effect.succeed(false),
  inspect: () => Effect.succeedNone
}
typeOf(four.release("key", "token")).is<Effect.Effect<boolean, LockError.BackendFailure>>()
// @ts-expect-error: an operation is missing
const three: LockStore.LockStore = {
  name: "three",
  tryAcquire: four.tryAcquire,
  extend: four.extend,
  release: four.release
}
// @ts-expect-error: another failure
const other: LockStore.LockStore = { ...four, extend: () => Effect.fail("no") }
typeOf(three).is<LockStore.LockStore>()
typeOf(other).is<LockStore.LockStore>()
