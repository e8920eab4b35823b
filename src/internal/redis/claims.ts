/** Claims by a script of their own: those that wait in the queue, share the lock, follow another token, or are strict. */
import type { Attempt, Claim } from "../../LockStore.ts"
import type { Settling } from "../shortcuts.ts"
import { acquired, AskedAttempt, held, type Told } from "./asked.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import { Place } from "./place.ts"
import * as Reply from "./reply.ts"
import { nobody, type Script } from "./scripts.ts"
import type { Command } from "./transport.ts"

export class Claims {
  private readonly ground: Ground
  private readonly told: Told

  constructor(ground: Ground, told: Told) {
    this.ground = ground
    this.told = told
  }

  /**
   * Claims with a place in the queue, if the claim waits; releases `previous` in the same script,
   * if there is one. Also claims to share.
   */
  queue(claim: Claim, previous: string | undefined, call: Settling<Attempt>, isKept: boolean): void {
    const { expiresMillis, key, share, token, wait } = claim
    const { prefix, scripts } = this.ground
    const { tokens, waiting } = this.told
    const known = tokens.claim(token, share !== undefined, isKept)
    const lock = Keys.lockKey(prefix, key)
    const place = known.place ??= wait ? new Place(lock, token, expiresMillis, share) : undefined
    const mode = wait ? waiting.modeOf(token) : 0
    if (place !== undefined && mode !== 0) place.enter(mode)
    const args = [Keys.channelPrefix(prefix), token, expiresMillis, mode, place?.arrival ?? "", place?.stale ?? ""]
    if (previous !== undefined) args.push(previous)
    if (share !== undefined) {
      if (previous === undefined) args.push(nobody)
      args.push(share.permits, share.limit)
    }
    this.send(scripts.claim, args, new AskedAttempt(claim, lock, known, call), {
      operation: previous === undefined ? "acquire" : "release",
      heard: ({ holder, micros }) => {
        if (previous !== undefined) tokens.released(previous)
        if (place?.arrival === "") place.arrival = String(micros)
        return holder !== undefined && place !== undefined && !known.released &&
          waiting.settle(place, holder.restMillis)
      }
    })
  }

  /** Transfers the lock from `previous`, without a place in the queue. */
  transfer(claim: Claim, previous: string, call: Settling<Attempt>): void {
    const { expiresMillis, key, token } = claim
    const known = this.told.tokens.claim(token, false)
    const asked = new AskedAttempt(claim, Keys.lockKey(this.ground.prefix, key), known, call)
    this.send(this.ground.scripts.transfer, [previous, token, expiresMillis], asked, {
      operation: "acquire",
      heard: () => false
    })
  }

  /**
   * Sends a script that replies as a claim does. `heard` says whether the store looks at the lock
   * when the holder's lease ends.
   */
  private send(
    script: Script,
    args: ReadonlyArray<string | number>,
    asked: AskedAttempt,
    { heard, operation }: { readonly operation: string; readonly heard: (claimed: Reply.Claimed) => boolean }
  ): void {
    const { now, transport } = this.ground
    const { answers, waiting } = this.told
    const sentAt = now()
    const keys = this.keysOf(asked.lock)
    const command: Command = {
      script,
      keys: keys.length,
      args: [...keys, ...args],
      sent: false,
      succeed: (reply) => {
        const claimed = Reply.claimed(reply)
        if (claimed === undefined) return command.fail(Reply.notUnderstood(reply))
        const { holder, micros } = claimed
        waiting.observe(sentAt, micros)
        const watched = heard(claimed)
        answers.attempted(asked, holder === undefined ? acquired(micros) : held(holder, watched))
        this.told.heard()
      },
      fail: (cause) => answers.unattempted(operation, asked, command.sent, cause)
    }
    transport.send(command)
  }

  /** The keys of a script that makes a fencing token. */
  private keysOf(lock: string): ReadonlyArray<string> {
    return this.ground.strict ? [lock, Keys.queueKey(lock), Keys.fenceKey(lock)] : [lock, Keys.queueKey(lock)]
  }
}
