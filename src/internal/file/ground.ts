/** What all parts of a store share: its directory, its clock, and its tokens. */
import type { Fences } from "./fences.ts"
import type { IsThere } from "./lease.ts"

export interface Ground {
  /** The directory of all locks. */
  readonly root: string
  /**
   * In microseconds, by the clock that all processes of the host share. Read the clock after the
   * state that it is compared with.
   */
  readonly now: () => number
  readonly fences: Fences
  readonly isThere: IsThere
}
