/**
 * The state of a key, which is the name of an empty file in the key's directory. Whoever changes the
 * state renames that file, and the kernel lets only one caller do so; the others are told that there is
 * no such file. So a rename is a compare-and-set on everything that the name says, and no name ever
 * comes twice.
 *
 *     <tag>,<fence>,<since>,<expires>,<token>,<owner>
 *     <tag>,<fence>,<since>,<expires>,<token>,<owner>,<permits>.<limit>
 *
 * - `h` held, from `since` (microseconds by the host's monotonic clock) for `expires` milliseconds
 * - `g` granted to a waiter that has not responded yet, for that short time
 * - `f` free, since then; `d` free and about to be removed
 * - `s` shared, until the end of the last lease; its token is that of a list, see `sharers.ts`
 * - `q` not a state but a waiter's ticket beside it: since when it waits, and for how long the key may be granted to it
 *
 * The lines of a list are such names, too: `h` or `g` for each sharer of the key. These, and the tickets
 * of those who want to share, say how many permits of which limit.
 */
import type { Share } from "../../LockStore.ts"

type Tag = "h" | "g" | "f" | "d" | "s" | "q"

export interface State {
  readonly tag: Tag
  readonly fence: number
  readonly since: number
  readonly expires: number
  readonly token: string
  /** The process, see `host.ts`. */
  readonly owner: string
  readonly share: Share | undefined
  readonly name: string
}

export const make = (
  tag: Tag,
  fence: number,
  since: number,
  expires: number,
  token: string,
  owner: string,
  share?: Share
): State => ({
  tag,
  fence,
  since,
  expires,
  token,
  owner,
  share,
  name: `${tag},${fence},${since},${expires},${token},${owner}` +
    (share === undefined ? "" : `,${share.permits}.${share.limit}`)
})

const pattern = /^([hgfdsq]),(\d{1,16}),(\d{1,16}),(\d{1,15}),([\w.-]+),([\w-]*)(?:,(\d{1,16})\.(\d{1,16}))?$/

/** Parses the name of a file; undefined if it is not ours. */
export const parse = (name: string): State | undefined => {
  const match = pattern.exec(name)
  if (match === null) return undefined
  const [, tag, fence, since, expires, token, owner, permits, limit] = match
  const share = permits === undefined ? undefined : { permits: +permits, limit: +limit }
  return { tag: tag as Tag, fence: +fence, since: +since, expires: +expires, token, owner, share, name }
}

const isHeld = (tag: Tag): boolean => tag === "h" || tag === "g" || tag === "s"

/** The clocks of two processors may differ, but not by a second. */
const graceMicros = 1_000_000

const isBeforeReboot = (since: number, now: number): boolean => since > now + graceMicros

/**
 * Whether the lease is live. A lease that starts in the future was written before the host
 * rebooted, and its holder is gone.
 *
 * `now` must have been read after the state, or a lease that began in between would look like one from
 * before a reboot.
 */
export const isLive = ({ expires, since, tag }: State, now: number): boolean =>
  isHeld(tag) && now < since + expires * 1000 && !isBeforeReboot(since, now)

/** How long the key has been free, in microseconds; zero or less while it may be held. */
export const idleMicros = ({ expires, since, tag }: State, now: number): number => {
  if (isBeforeReboot(since, now)) return Infinity
  return now - since - (isHeld(tag) ? expires * 1000 : 0)
}

/** Of two names seen while one was being renamed to the other, the later. */
export const isLater = (one: State, other: State): boolean =>
  one.fence > other.fence || (one.fence === other.fence && one.since > other.since)
