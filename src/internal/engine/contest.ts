/**
 * State of a key that is only needed once somebody in this process has to wait for it, or is refused. Most keys are
 * free.
 */
import type { BackendFailure } from "../../LockError.ts"
import type { Held } from "../../LockStore.ts"
import { type Front, Queue } from "./queue.ts"

export class Contest extends Queue {
  /** The caller that a shared lease which is given back can be passed to. */
  front: Front | undefined = undefined
  /**
   * The last sharer of this process had to wait behind others in the store, so the next one takes a place in the
   * queue at once.
   */
  isSought = false
  /** The lease is being handed to the next holder. */
  isPassing = false
  /** The store's last answer to whoever has the turn. */
  heard: Held | BackendFailure | undefined = undefined
  /** The last answer was a lease that was over on arrival. */
  wasOver = false
  /** When the store last said anything of the key, or had its time to. */
  saidAt = -Infinity
  /** How often the current lease has been handed over in this process, and when the first holder got it. */
  handed = 0
  leasedAt = 0

  /** The key has been acquired, which clears what was heard before. */
  isHad(at: number, isSought: boolean): void {
    this.isSought = isSought
    this.saidAt = at
    this.heard = undefined
    this.wasOver = false
    this.handed = 0
  }
}
