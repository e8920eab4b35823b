/** The store in memory, which engines of one process call in place. */
import { Effect, Option } from "effect"
import { InMemoryBackend, type LockStore } from "effect-lock"
import type { Backing, Link } from "./server.ts"
import type { Process, World } from "./world.ts"

export class Memory implements Backing {
  readonly forgotten = new Set<string>()
  private readonly store: LockStore.LockStore
  private readonly world: World
  private readonly process: Process
  private readonly keys: ReadonlyArray<string>

  constructor(world: World, process: Process, keys: ReadonlyArray<string>) {
    this.world = world
    this.process = process
    this.keys = keys
    this.store = Effect.runSync(Effect.provide(InMemoryBackend.makeStore, process.context))
  }

  link(): Link {
    return { owned: new Set(), forcing: new Set(), isReleasing: () => false, heal: () => {}, store: this.store }
  }

  /** It is the store itself that is called, so nobody sees what it gives to whom. */
  tokenOf(): undefined {}

  endOf(key: string, token: string): number {
    const holder = this.occupant(key)
    return holder?.token === token ? this.world.now + holder.remainingMillis! : -Infinity
  }

  holder(key: string): string | undefined {
    return this.occupant(key)?.token
  }

  wanted(key: string): boolean {
    return this.occupant(key) !== undefined
  }

  get held(): ReadonlyArray<string> {
    return this.keys.filter((key) => this.wanted(key))
  }

  get listening(): number {
    return this.keys.reduce((sum, key) => sum + (this.occupant(key)?.waiters ?? 0), 0)
  }

  forget(key: string): void {
    const holder = this.occupant(key)
    if (holder === undefined) return
    this.world.log(() => `memory      forgets ${key}`)
    this.forgotten.add(holder.token)
    this.process.act(() => Effect.runSync(this.store.release(key, holder.token)))
  }

  flush(): void {
    for (const key of this.keys) this.forget(key)
  }

  private occupant(key: string): LockStore.Occupant | undefined {
    return Option.getOrUndefined(Effect.runSync(this.store.inspect(key)))
  }
}
