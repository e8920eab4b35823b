/** Calls as parts of scripts, and what their answers mean for their callers and tokens. */
import * as Exit from "effect/Exit"
import type { Attempt, Claim } from "../../LockStore.ts"
import { settleBoolean, type Settling } from "../shortcuts.ts"
import { undone } from "../undone.ts"
import * as Failure from "./failure.ts"
import { soonAfter } from "./looks.ts"
import type { Recall } from "./recall.ts"
import type { Holder } from "./reply.ts"
import type { Hold, Known, Tokens } from "./tokens.ts"
import type { Waiting } from "./waiting.ts"

/** One call, as part of a script. A class and not an object literal: see `passing.ts`. */
class Asked<A> {
  readonly key: string
  readonly token: string
  readonly lock: string
  readonly call: Settling<A>

  constructor(key: string, token: string, lock: string, call: Settling<A>) {
    this.key = key
    this.token = token
    this.lock = lock
    this.call = call
  }
}

export class AskedAttempt extends Asked<Attempt> {
  readonly known: Known
  readonly expiresMillis: number

  constructor({ expiresMillis, key, token }: Claim, lock: string, known: Known, call: Settling<Attempt>) {
    super(key, token, lock, call)
    this.known = known
    this.expiresMillis = expiresMillis
  }
}

export class AskedRelease extends Asked<boolean> {
  /** Undefined if the caller does not know whether the token is ours. */
  readonly hold: Hold | undefined

  constructor(key: string, token: string, lock: string, call: Settling<boolean>, hold: Hold | undefined) {
    super(key, token, lock, call)
    this.hold = hold
  }
}

export const acquired = (micros: number): Attempt => ({ _tag: "Acquired", fencingToken: micros })

/**
 * A waiter that is not watched retries when the lease ends, and not at the same moment as all
 * others.
 */
export const held = ({ restMillis, token, waiters }: Holder, watched: boolean): Attempt => ({
  _tag: "Held",
  ...(token !== undefined && { token }),
  remainingMillis: watched || restMillis === undefined ? restMillis : soonAfter(restMillis),
  watched,
  waiters
})

/** What replies are reported to. */
export interface Told {
  readonly tokens: Tokens
  readonly answers: Answers
  readonly waiting: Waiting
  readonly recall: Recall
  /** The server answers. */
  readonly heard: () => void
}

export class Answers {
  private readonly tokens: Tokens
  private readonly failure: Failure.Of

  constructor(tokens: Tokens, failure: Failure.Of) {
    this.tokens = tokens
    this.failure = failure
  }

  attempted({ call, key, known, token }: AskedAttempt, attempt: Attempt): void {
    call.settle(Exit.succeed(this.tokens.answered(key, token, known, attempt)))
  }

  /** `sent`: the server may have seen the claim. If it cannot know the token, nothing has to be released. */
  unattempted(operation: string, { call, key, known, token }: AskedAttempt, sent: boolean, cause: unknown): void {
    this.tokens.unanswered(token, known, sent)
    const failure = this.failure(operation, key, cause)
    call.settle(Exit.fail(known.sent ? failure : undone(failure)))
  }

  released({ call, token }: AskedRelease, isOurs: boolean): void {
    this.tokens.released(token)
    settleBoolean(call, isOurs)
  }

  unreleased({ call, hold, key, token }: AskedRelease, cause: unknown): void {
    if (Failure.isLost(cause)) this.tokens.owe(key, token, hold)
    call.settle(Exit.fail(this.failure("release", key, cause)))
  }
}
