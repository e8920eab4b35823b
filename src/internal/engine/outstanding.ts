/** Unanswered calls that set a token's lease in the store, and how long their effect may last there. */
import type { Call } from "./call.ts"

/** One such call. A class and no object literal: see `passing.ts`. */
export class Sent {
  readonly call: Call<unknown>
  readonly millis: number
  /** The shortest lease that it may leave: a shorter one sent beside it may be executed after it. */
  sure: number

  constructor(call: Call<unknown>, millis: number, sure = millis) {
    this.call = call
    this.millis = millis
    this.sure = sure
  }
}

export const nothingSent: ReadonlyArray<Sent> = []

/** Adds a call, which may overtake the others and be overtaken. `alike` is one object for all leases of a batch. */
export const alsoSent = (out: ReadonlyArray<Sent>, alike: Sent): ReadonlyArray<Sent> => {
  if (out.length === 0) return [alike]
  const sent = new Sent(alike.call, alike.millis, alike.sure)
  const others = out.map((other) => {
    sent.sure = Math.min(sent.sure, other.millis)
    return other.sure <= sent.millis ? other : new Sent(other.call, other.millis, sent.millis)
  })
  return [...others, sent]
}

/** Removes a call that has been answered. */
export const without = (out: ReadonlyArray<Sent>, call: Call<unknown>): ReadonlyArray<Sent> =>
  out.length === 1 ? nothingSent : out.filter((sent) => sent.call !== call)
