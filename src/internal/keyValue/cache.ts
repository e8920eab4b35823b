/** What a cache of strings must do for locks to be kept in it. */
import type * as Effect from "effect/Effect"

export interface Cache<E> {
  readonly get: (key: string) => Effect.Effect<string | null | undefined, E>
  readonly set: (key: string, value: string, ttlMillis: number) => Effect.Effect<unknown, E>
  readonly delete: (key: string) => Effect.Effect<unknown, E>
}
