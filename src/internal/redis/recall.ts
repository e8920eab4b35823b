/**
 * Locks that we gave to waiters elsewhere. One that is not claimed in time is
 * called for, since the other waiters do not know of it yet. Once for each lock
 * and claim, however often it changes hands.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import * as Keys from "./keys.ts"
import { claimMillis, type Scripts } from "./scripts.ts"
import type { Transport } from "./transport.ts"

export interface Recall {
  readonly add: (lock: string) => void
}

/** How long after the end of a claim we look. */
const laterMillis = 10

/** Locks in one script. */
const size = 250

export const make = (
  transport: Transport,
  scripts: Scripts,
  channels: string
): Effect.Effect<Recall, never, Scope.Scope> => {
  /** By when they were given, the first first. */
  const given = new Map<string, number>()
  let timer: ReturnType<typeof setTimeout> | undefined

  const send = (locks: ReadonlyArray<string>): void =>
    transport.send({
      script: scripts.recall,
      keys: 2 * locks.length,
      args: [...locks.flatMap((lock) => [lock, Keys.queueKey(lock)]), channels],
      sent: false,
      succeed: constVoid,
      fail: constVoid
    })

  const look = (): void => {
    const at = performance.now() - claimMillis
    const due: Array<string> = []
    timer = undefined
    for (const [lock, since] of given) {
      if (since > at) {
        arm(since - at)
        break
      }
      due.push(lock)
      given.delete(lock)
    }
    if (transport.isDown()) return
    const most = transport.single ? size : 1
    for (let i = 0; i < due.length; i += most) send(due.slice(i, i + most))
  }

  const arm = (millis: number): void => {
    timer ??= setTimeout(look, millis + laterMillis)
    timer.unref?.()
  }

  return Effect.acquireRelease(
    Effect.succeed({
      add: (lock: string) => {
        if (given.has(lock)) return
        given.set(lock, performance.now())
        arm(claimMillis)
      }
    }),
    () => Effect.sync(() => clearTimeout(timer))
  )
}
