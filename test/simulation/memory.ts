/** The store in memory, which engines of one process call in place. */
import { Effect, Option } from "effect"
import { InMemoryBackend, type LockStore } from "effect-lock"
import { shortcutsOf, withShortcuts } from "../../src/internal/shortcuts.ts"
import type { Backing, Link } from "./store.ts"
import type { Process, World } from "./world.ts"

export class Memory implements Backing {
  readonly drift = 0
  readonly forgotten = new Set<string>()
  private readonly store: LockStore.LockStore
  private readonly world: World
  private readonly keys: ReadonlyArray<string>

  constructor(world: World, process: Process, keys: ReadonlyArray<string>) {
    this.world = world
    this.keys = keys
    this.store = Effect.runSync(Effect.provide(InMemoryBackend.makeStore, process.context))
  }

  link(owns: (token: string) => boolean): Link {
    const forcing = new Set<string>()
    const { release } = this.store
    return {
      forcing,
      heal: () => {},
      store: withShortcuts({
        ...this.store,
        release: (key, token) =>
          Effect.suspend(() => {
            if ((!owns(token) || forcing.has(key)) && this.holder(key)?.token === token) this.forgotten.add(token)
            return release(key, token)
          })
      }, shortcutsOf(this.store))
    }
  }

  endOf(key: string, token: string): number {
    const holder = this.holder(key)
    return holder?.token === token ? this.world.now + holder.remainingMillis! : -Infinity
  }

  get held(): ReadonlyArray<string> {
    return this.keys.filter((key) => this.holder(key) !== undefined)
  }

  get listening(): number {
    return this.keys.reduce((sum, key) => sum + (this.holder(key)?.waiters ?? 0), 0)
  }

  forget(key: string): void {
    const holder = this.holder(key)
    if (holder === undefined) return
    this.world.log(() => `memory      forgets ${key}`)
    this.forgotten.add(holder.token)
    Effect.runSync(this.store.release(key, holder.token))
  }

  flush(): void {
    for (const key of this.keys) this.forget(key)
  }

  private holder(key: string): LockStore.Occupant | undefined {
    return Option.getOrUndefined(Effect.runSync(this.store.inspect(key)))
  }
}
