/** What all parts of a store stand on: its directory, and what they know of the host. */
import type { Fences } from "./fences.ts"
import type { IsThere } from "./lease.ts"

export interface Ground {
  /** The directory of all locks. */
  readonly root: string
  /** In microseconds, by the clock that all processes of the host share. Read it after the state that it is compared with. */
  readonly now: () => number
  readonly fences: Fences
  readonly isThere: IsThere
}
