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

export class Outstanding {
  /** Not answered. */
  out: ReadonlyArray<Sent> = nothingSent
  /** The latest end in the store of what has been. */
  lastEnd = 0

  endsAt(end: number): void {
    if (end > this.lastEnd) this.lastEnd = end
  }

  /** One is sent, which others that are out may overtake, and it them. `alike` is shared by those that are sent together. */
  add(alike: Sent): void {
    const { out } = this
    if (out.length === 0) {
      this.out = [alike]
      return
    }
    const sent = new Sent(alike.call, alike.millis, alike.sure)
    const others = out.map((other) => {
      sent.sure = Math.min(sent.sure, other.millis)
      return other.sure <= sent.millis ? other : new Sent(other.call, other.millis, sent.millis)
    })
    this.out = [...others, sent]
  }

  /** One is answered at `at`: whether it was executed or not, what it left may last until then. */
  answered(call: Call<unknown>, at: number): Sent | undefined {
    const { out } = this
    const sent = out.find((other) => other.call === call)
    if (sent === undefined) return undefined
    this.endsAt(at + sent.millis)
    this.out = out.length === 1 ? nothingSent : out.filter((other) => other !== sent)
    return sent
  }
}
