/**
 * Fencing tokens: the wall clock in microseconds, unless it was set back, since
 * nothing is ever less than what was given out before. A key that leaves the disk
 * leaves its last one in a file that all such keys share.
 */
import * as Duration from "effect/Duration"
import { randomBytes } from "node:crypto"
import { fenceAt } from "../time.ts"
import * as Directory from "./directory.ts"
import * as Host from "./host.ts"
import { fenceName } from "./paths.ts"
import * as State from "./state.ts"

/** Within a process a lock passes on without a file; every such holder needs a fencing token of its own. */
export const handOver = { times: 512, within: Duration.millis(10) }

export interface Fences {
  /** For who has the key after one whose token this was. */
  readonly after: (last: number) => number
  /** The greatest of the keys that were removed. */
  readonly removed: () => number
  /** So that a key which comes again does not begin below what it had. */
  readonly remember: (fence: number) => void
}

export const make = (root: string, now: () => number, wallMillis: () => number): Fences => {
  const path = `${root}/${fenceName}`
  return {
    after: (last) => Math.max(last + handOver.times, fenceAt(wallMillis())),
    removed: () => Directory.look(path).state?.fence ?? 0,
    remember: (fence) => {
      const next = State.make("f", fence, now(), 0, randomBytes(9).toString("base64url"), Host.self)
      while (true) {
        const { state } = Directory.look(path)
        if (state === undefined ? Directory.create(root, path, next) : state.fence >= fence) return
        if (state !== undefined && Directory.move(path, state, next)) return
      }
    }
  }
}
