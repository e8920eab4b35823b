import { Effect, type Layer } from "effect"
import type { LockBackend, LockStore } from "effect-lock"
import { TestBackend } from "effect-lock/testing"
import { typeOf } from "./same.ts"

declare const store: LockStore.LockStore
declare const test: TestBackend.TestBackend["Service"]

typeOf(TestBackend.layer).is<Layer.Layer<LockBackend.LockBackend | TestBackend.TestBackend>>()
typeOf(TestBackend.make(store)).is<Effect.Effect<TestBackend.TestBackend["Service"]>>()
typeOf(Effect.map(TestBackend.TestBackend, (test) => test.store)).is<
  Effect.Effect<LockStore.LockStore, never, TestBackend.TestBackend>
>()

typeOf(test.hold("key", { for: "1 second" })).is<Effect.Effect<void>>()
typeOf(test.free("key")).is<Effect.Effect<boolean>>()
typeOf(test.fail("extend", { times: 2, kind: "Loading", retryable: false })).is<Effect.Effect<void>>()
typeOf(test.delay("any", 100)).is<Effect.Effect<void>>()
typeOf(test.calls).is<Effect.Effect<ReadonlyArray<TestBackend.Call>>>()
// @ts-expect-error: not an operation
test.fail("acquire")
// @ts-expect-error: not a kind of failure
test.fail("extend", { kind: "Tired" })
