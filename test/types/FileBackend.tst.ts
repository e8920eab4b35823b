import { Config, type Effect, type Layer, type Scope } from "effect"
import type { LockBackend, LockError, LockStore } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import { typeOf } from "./same.ts"

type Locks<E = never> = Layer.Layer<LockBackend.LockBackend, LockError.LockError | E>

typeOf(FileBackend.layer({ directory: "/var/lock/app" })).is<Locks>()
typeOf(FileBackend.layer({ directory: new URL("file:///var/lock/app"), poll: "2 seconds", detectDead: false }))
  .is<Locks>()
typeOf(FileBackend.layerConfig({ directory: Config.String("LOCKS") })).is<Locks<Config.ConfigError>>()
typeOf(FileBackend.layerConfig({ directory: Config.URL("LOCKS"), keepIdle: Config.Duration("KEEP") }))
  .is<Locks<Config.ConfigError>>()
typeOf(FileBackend.makeStore({ directory: "locks" })).is<
  Effect.Effect<LockStore.LockStore, LockError.LockError, Scope.Scope>
>()

// @ts-expect-error: a directory is needed
FileBackend.layer()
// @ts-expect-error: not an option
FileBackend.layer({ directory: "locks", url: "file:///locks" })
// @ts-expect-error: not a duration
FileBackend.layer({ directory: "locks", poll: "often" })
