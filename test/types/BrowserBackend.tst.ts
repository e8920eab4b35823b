import { Config, Effect, type Layer, type Scope } from "effect"
import type { LockBackend, LockError, LockStore } from "effect-lock"
import * as BrowserBackend from "effect-lock/BrowserBackend"
import { typeOf } from "./same.ts"

type Store = Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope>

typeOf(BrowserBackend.layer()).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()
typeOf(BrowserBackend.layer({ name: "shop" })).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()
typeOf(BrowserBackend.layerConfig({ name: Config.String("LOCK_NAME") })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError | Config.ConfigError>
>()
typeOf(BrowserBackend.makeStore()).is<Store>()

// @ts-expect-error: a name is a string
BrowserBackend.layer({ name: 7 })
// @ts-expect-error: not an option
BrowserBackend.layer({ url: "browser://" })
// @ts-expect-error: not options
BrowserBackend.makeStore(Effect.void)
