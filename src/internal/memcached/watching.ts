/**
 * Waiting for a key. memcached does not notify, so a waiter polls the item: often if something has
 * just changed and it is next, and less often the longer nothing happens and the further back it
 * is.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { soonerAfterFailure } from "../retry.ts"
import { monotonicMillis } from "../time.ts"

/** What a look at the item shows. */
export interface Sight {
  /** Whether a claim is worthwhile. */
  readonly open: boolean
  /** Changes when the holder changes. */
  readonly mark: string
  /** How many waiters are before this one. */
  readonly ahead: number
}

/** The pause before the next look, having seen no change for so long. */
export const pause = (unchangedMillis: number, ahead: number): number =>
  Math.min(Math.max(2, unchangedMillis / 6) * (1 + ahead), ahead === 0 ? 100 : 250)

/** Calls `notify` when a claim is worthwhile, and when a server that did not answer is back; never ends. */
export const watch = Effect.fnUntraced(function*(look: Effect.Effect<Option.Option<Sight>>, notify: () => void) {
  const clock = yield* Clock.Clock
  let since = monotonicMillis(clock)
  let seen: Sight | undefined
  while (true) {
    yield* Effect.sleep(pause(monotonicMillis(clock) - since, seen?.ahead ?? 0))
    const sight = yield* look
    if (sight._tag === "None") {
      seen = undefined
      continue
    }
    const { ahead, mark, open } = sight.value
    if (mark !== seen?.mark || ahead !== seen.ahead) since = monotonicMillis(clock)
    if (open || seen === undefined) notify()
    seen = sight.value
  }
})

/** When to claim without a notification: seldom, since polling suffices while the server answers. */
export const retry = soonerAfterFailure(Schedule.spaced("1 second"))
