/** What all parts of a store share. */
import type { Notices } from "../notices.ts"
import type * as Failure from "./failure.ts"
import type { Scripts } from "./scripts.ts"
import type { Transport } from "./transport.ts"

export interface Ground {
  readonly transport: Transport
  readonly scripts: Scripts
  /** What the names of all keys and channels start with. */
  readonly prefix: string
  /** Whether fencing tokens are strict: no server gives a smaller one, whatever its clock says. */
  readonly strict: boolean
  /** In milliseconds, by a clock that is never set. */
  readonly now: () => number
  readonly failure: Failure.Of
  readonly notices: Notices
}
