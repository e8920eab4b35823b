/** Other processes, which hold keys of a store, and steal them. They die if the store fails. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Grant, LockStore, Share } from "../../LockStore.ts"

type Notify = (grant: Grant | undefined) => void

interface HoldOptions {
  readonly for?: Duration.Input | undefined
  readonly share?: Share | undefined
}

/** How long they hold a key by default: longer than tests last, and short enough for every store. */
const longest = Duration.days(28)

export class Others {
  private readonly store: LockStore
  private readonly nextToken: () => string
  private readonly longestMillis: number
  private readonly tokens = new Map<string, ReadonlyArray<string>>()
  /** Keys that are being stolen. A waiter that heard of one would be faster than the thief. */
  private stealing = 0
  private unheard: Array<() => void> = []

  constructor(store: LockStore, nextToken: () => string) {
    this.store = store
    this.nextToken = nextToken
    this.longestMillis = Math.min(
      Duration.toMillis(longest),
      store.maxExpires === undefined ? Infinity : Duration.toMillis(store.maxExpires)
    )
  }

  /** Tells once nothing is being stolen. */
  hearing(notify: Notify): Notify {
    return (grant) => {
      if (this.stealing === 0) notify(grant)
      else this.unheard.push(() => notify(grant))
    }
  }

  hold(key: string, options: HoldOptions | undefined): Effect.Effect<void> {
    return Effect.flatMap(
      this.tryHold(key, options),
      (holds) => holds ? Effect.void : Effect.die(new Error(`TestBackend.hold: "${key}" is held already, use steal`))
    )
  }

  /** Whether they held it. */
  free(key: string): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const tokens = this.tokens.get(key) ?? []
      this.tokens.delete(key)
      return Effect.map(
        Effect.forEach(tokens, (token) => Effect.orDie(this.store.release(key, token))),
        (released) => released.includes(true)
      )
    })
  }

  steal(key: string, options: HoldOptions | undefined): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.stealing++
      return Effect.ensuring(
        Effect.andThen(this.drop(key), this.tryHold(key, options)),
        Effect.sync(() => {
          if (--this.stealing > 0) return
          const news = this.unheard
          this.unheard = []
          for (const tell of news) tell()
        })
      )
    })
  }

  /** Makes the store forget the key, whoever holds it. */
  drop(key: string): Effect.Effect<void> {
    const { store, tokens } = this
    return Effect.orDie(Effect.suspend(() => {
      tokens.delete(key)
      const holders = store.holders?.(key) ?? Effect.map(store.inspect(key), Option.toArray)
      return Effect.flatMap(
        holders,
        (found) => Effect.forEach(found, ({ token }) => store.release(key, token), { discard: true })
      )
    }))
  }

  private tryHold(key: string, options: HoldOptions | undefined): Effect.Effect<boolean> {
    const { store, tokens } = this
    return Effect.suspend(() => {
      const share = options?.share
      const [own] = tokens.get(key) ?? []
      const token = share === undefined && own !== undefined ? own : this.nextToken()
      const expiresMillis = options?.for === undefined
        ? this.longestMillis
        : Duration.toMillis(Duration.fromInputUnsafe(options.for))
      const claim = { key, token, expiresMillis, wait: false, ...(share !== undefined && { share }) }
      return Effect.map(Effect.orDie(store.tryAcquire(claim)), (attempt) => {
        if (attempt._tag === "Held") return false
        tokens.set(key, Array.from(new Set([...tokens.get(key) ?? [], token])))
        return true
      })
    })
  }
}
