/**
 * Fencing tokens: the wall clock in microseconds, or more if it was set back, so that they always
 * increase. When a key is removed from the disk, its last token is kept in a file that all removed
 * keys share.
 */
import * as Duration from "effect/Duration"
import { randomBytes } from "node:crypto"
import { fenceAt } from "../time.ts"
import * as Directory from "./directory.ts"
import * as Host from "./host.ts"
import { fenceName } from "./paths.ts"
import * as State from "./state.ts"

/**
 * Within a process a lock is handed over without a file, and each such holder needs its own fencing
 * token.
 */
export const handOver = { times: 512, within: Duration.millis(10) }

export interface Fences {
  /** The token of the next holder, after one with this token. */
  readonly after: (last: number) => number
  /** The greatest token of the removed keys. */
  readonly removed: () => number
  /** So that a key that is created again does not start below its last token. */
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
