/** What has been sent that sets the lease of a token in the store, and how long what came of it may last there. */
import type { Call } from "./call.ts"

/** A call that does so, not yet answered. No object literal: see `passing.ts`. */
export class Sent {
  readonly call: Call<unknown>
  readonly millis: number
  /** How long a lease it leaves for sure: a shorter one that was out beside it may be executed after it. */
  sure: number

  constructor(call: Call<unknown>, millis: number, sure = millis) {
    this.call = call
    this.millis = millis
    this.sure = sure
  }
}

export const nothingSent: ReadonlyArray<Sent> = []

/** One more is sent, which others that are out may overtake, and it them. `alike` is shared by those that are sent together. */
export const alsoSent = (out: ReadonlyArray<Sent>, alike: Sent): ReadonlyArray<Sent> => {
  if (out.length === 0) return [alike]
  const sent = new Sent(alike.call, alike.millis, alike.sure)
  const others = out.map((other) => {
    sent.sure = Math.min(sent.sure, other.millis)
    return other.sure <= sent.millis ? other : new Sent(other.call, other.millis, sent.millis)
  })
  return [...others, sent]
}

/** One of them is not out any more. */
export const without = (out: ReadonlyArray<Sent>, call: Call<unknown>): ReadonlyArray<Sent> =>
  out.length === 1 ? nothingSent : out.filter((sent) => sent.call !== call)
