import type { Effect } from "effect"
import type { LockStore } from "effect-lock"
import { TestNetwork } from "effect-lock/testing"
import { typeOf } from "./same.ts"

declare const store: LockStore.LockStore
declare const network: TestNetwork.TestNetwork

typeOf(TestNetwork.make(store)).is<Effect.Effect<TestNetwork.TestNetwork>>()
typeOf(TestNetwork.make(store, { latency: "20 millis", onMessage: (_message: TestNetwork.Message) => {} })).is<
  Effect.Effect<TestNetwork.TestNetwork>
>()
typeOf(network.store).is<LockStore.LockStore>()
typeOf(network.cut).is<Effect.Effect<void>>()
typeOf(network.loseReply({ operation: "extend", times: 2 })).is<Effect.Effect<void>>()
// @ts-expect-error: not an operation
network.loseRequest({ operation: "acquire" })
// @ts-expect-error: news are of no operation
network.loseNews({ operation: "extend" })
