/** The store in memory, which engines of one process call in place. */
import { Effect } from "effect"
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
    const holder = this.occupants(key).find((occupant) => occupant.token === token)
    return holder === undefined ? -Infinity : this.world.now + holder.remainingMillis!
  }

  /** As long ago as its lease says. */
  givenAt(): undefined {}

  holders(key: string): ReadonlyArray<string> {
    return this.occupants(key).map(({ token }) => token)
  }

  /** Fencing tokens do not say it: who asks again, since its lease came late, keeps its place and has a new one. */
  orderOf(): undefined {}

  fits(key: string, share: LockStore.Share | undefined): boolean {
    const others = this.occupants(key)
    if (share === undefined) return others.length === 0
    if (others.some(({ permits }) => permits === undefined)) return false
    return others.reduce((used, { permits }) => used + permits!, share.permits) <= share.limit
  }

  wanted(key: string): boolean {
    return this.occupants(key).length > 0
  }

  /** Its queue is made of those who run, and wait. */
  isHeldUp(): boolean {
    return false
  }

  get held(): ReadonlyArray<string> {
    return this.keys.filter((key) => this.wanted(key))
  }

  get listening(): number {
    return this.keys.reduce((sum, key) => sum + (this.occupants(key)[0]?.waiters ?? 0), 0)
  }

  forget(key: string): void {
    for (const { token } of this.occupants(key)) {
      this.world.log(() => `memory      forgets ${key} of ${this.world.alias(token)}`)
      this.forgotten.add(token)
      this.process.act(() => Effect.runSync(this.store.release(key, token)))
    }
  }

  flush(): void {
    for (const key of this.keys) this.forget(key)
  }

  private occupants(key: string): ReadonlyArray<LockStore.Holder> {
    return Effect.runSync(this.store.holders!(key))
  }
}
