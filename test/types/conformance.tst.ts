import { Effect, type Scope } from "effect"
import type { LockStore } from "effect-lock"
import { conformance } from "effect-lock/testing"
import { typeOf } from "./same.ts"

declare const store: LockStore.LockStore
declare const failure: conformance.ConformanceFailure

const cases = conformance.conformance({ name: "mine", make: Effect.succeed({ one: store, other: store }) })
typeOf(cases).is<ReadonlyArray<conformance.ConformanceCase>>()
typeOf(cases[0].run).is<Effect.Effect<void, conformance.ConformanceFailure, Scope.Scope>>()
typeOf(conformance.register((name, test) => [name, test()], cases)).is<void>()

// A store may need a scope, and may fail to be made.
declare const make: Effect.Effect<conformance.Subject, "broken", Scope.Scope>
conformance.conformance({ name: "mine", time: "test", lease: "2 seconds", make })
// @ts-expect-error: but nothing else
conformance.conformance({ name: "mine", make: make as Effect.Effect<conformance.Subject, never, "service"> })
// @ts-expect-error: one store is not two processes
conformance.conformance({ name: "mine", make: Effect.succeed(store) })

typeOf(failure._tag).is<"ConformanceFailure">()
typeOf(new conformance.ConformanceFailure({ store: "mine", name: "a case", description: "why" }).message).is<string>()

typeOf(conformance.serve((_argument: string) => Effect.succeed(store))).is<Effect.Effect<void>>()
declare const connect: (port: string) => Effect.Effect<LockStore.LockStore, "broken", Scope.Scope>
typeOf(conformance.serve(connect)).is<Effect.Effect<void, "broken">>()
// @ts-expect-error: the argument is text
conformance.serve((_port: number) => Effect.succeed(store))
