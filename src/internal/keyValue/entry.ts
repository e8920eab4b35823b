/** The record of a lock, and how long it counts. */
import type * as Clock from "effect/Clock"
import * as Schema from "effect/Schema"
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import { monotonicMillis } from "../time.ts"

/** `lease` says how long before `expiresAt` the record was written, in milliseconds; records of 0.1 do not have it. */
export interface Entry {
  readonly token: string
  readonly expiresAt: number
  readonly lease?: number | undefined
  readonly fence: number
}

export const decode = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({
    token: Schema.String,
    expiresAt: Schema.Finite,
    lease: Schema.optional(Schema.Finite),
    fence: Schema.Int
  }))
)

export const encode = (entry: Entry): string => JSON.stringify(entry)

export const isSame = (one: Entry | undefined, other: Entry | undefined): boolean =>
  one?.token === other?.token && one?.expiresAt === other?.expiresAt

/** Judges whether leases are over, whose ends were set by their writers' clocks. */
export class Ends {
  private readonly clock: Clock.Clock
  /** Until when records from the future count, by name. */
  private readonly doubted = new ExpiringMap<Expiring & { readonly expiresAt: number; readonly token: string }>()

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  /**
   * How long a record counts, or undefined if it is over. An end further off than the length of the
   * lease comes from a clock ahead of ours: such a record counts for one lease from when it was
   * first seen.
   */
  remaining(name: string, entry: Entry): number | undefined {
    const millis = this.millisOf(name, entry)
    return millis > 0 ? millis : undefined
  }

  private millisOf(name: string, { expiresAt, lease, token }: Entry): number {
    const remaining = expiresAt - this.clock.currentTimeMillisUnsafe()
    if (lease === undefined || remaining <= lease) return remaining
    const now = monotonicMillis(this.clock)
    let doubt = this.doubted.get(name)
    if (doubt?.token !== token || doubt.expiresAt !== expiresAt) {
      doubt = { token, expiresAt, endsAt: now + lease }
      this.doubted.set(name, doubt, now)
    }
    return doubt.endsAt - now
  }
}
