import type { Effect, Fiber, Scope } from "effect"
import type { LockBackend, LockError, LockStore } from "effect-lock"
import { TestProcess } from "effect-lock/testing"
import { typeOf } from "./same.ts"

declare const store: LockStore.LockStore
declare const process: TestProcess.TestProcess
declare const work: Effect.Effect<"done", LockError.LockError, LockBackend.LockBackend | Scope.Scope>

typeOf(TestProcess.make(store, { name: "ada" })).is<
  Effect.Effect<TestProcess.TestProcess, never, Scope.Scope>
>()
typeOf(process.state).is<Effect.Effect<TestProcess.State>>()
// The process has a backend, and the rest comes from around it.
typeOf(process.fork(work)).is<Effect.Effect<Fiber.Fiber<"done", LockError.LockError>, never, Scope.Scope>>()
typeOf(process.kill).is<Effect.Effect<void>>()
