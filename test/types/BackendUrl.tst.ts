import type { Config, Layer } from "effect"
import { Redacted } from "effect"
import { type LockBackend, type LockError } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import { typeOf } from "./same.ts"

declare const text: string

typeOf(BackendUrl.layer(text)).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()
typeOf(BackendUrl.layer(Redacted.make(text))).is<Layer.Layer<LockBackend.LockBackend, LockError.LockError>>()
typeOf(BackendUrl.layerConfig).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError | Config.ConfigError>
>()
typeOf(BackendUrl.layerConfigWith({ variable: "SHOP_LOCKS", required: true })).is<
  Layer.Layer<LockBackend.LockBackend, LockError.LockError | Config.ConfigError>
>()
// @ts-expect-error: not a URL object
BackendUrl.layer(new URL("redis://localhost"))
