/**
 * Locks that our releases granted to waiters elsewhere. If one is not claimed in time, the other
 * waiters are notified, who do not know of it yet: once for each lock and claim, however often it
 * changes hands.
 */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import { claimMillis } from "./scripts.ts"

export interface Recall {
  readonly add: (lock: string) => void
}

/** How long after the end of a grant to look. */
const laterMillis = 10

/** Locks in one script. */
const size = 250

export const make = ({ prefix, scripts, transport }: Ground): Effect.Effect<Recall, never, Scope.Scope> => {
  /** In the order of the grants. */
  const given = new Map<string, number>()
  let timer: ReturnType<typeof setTimeout> | undefined

  const send = (locks: ReadonlyArray<string>): void =>
    transport.send({
      script: scripts.recall,
      keys: 2 * locks.length,
      args: [...locks.flatMap((lock) => [lock, Keys.queueKey(lock)]), Keys.channelPrefix(prefix)],
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
