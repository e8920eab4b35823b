/** What matters of a key only once somebody in this process waits for it, or is refused: most keys are had at once. */
import type { BackendFailure } from "../../LockError.ts"
import type { Held } from "../../LockStore.ts"
import { type Front, Queue } from "./queue.ts"

export class Contest extends Queue {
  /** Whom a shared lease that comes back can serve. */
  front: Front | undefined = undefined
  /** Others stood in front of the last one here that got to share the key: whoever is next takes a place in the queue at once. */
  isSought = false
  /** The lease is on its way to the next holder. */
  isPassing = false
  /** What the turn has heard last from the store. */
  heard: Held | BackendFailure | undefined = undefined
  /** That was a lease which was over by then. */
  wasOver = false
  /** When the store has last said anything of the key, or had its time to. */
  saidAt = -Infinity
  /** How often the lease that the process has was handed over here, and when the first of them got it. */
  handed = 0
  leasedAt = 0

  /** The key is had, and nobody has heard anything since. */
  isHad(at: number, isSought: boolean): void {
    this.isSought = isSought
    this.saidAt = at
    this.heard = undefined
    this.wasOver = false
    this.handed = 0
  }
}
