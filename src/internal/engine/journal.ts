/** What happens in a backend, counted. */
import type { Meter } from "../meter.ts"
import type { Lease } from "./lease.ts"

export class Journal {
  readonly meter: Meter
  /** The backend has failed, and not answered since. */
  isTroubled = false

  constructor(meter: Meter) {
    this.meter = meter
  }

  released({ since }: Lease, at: number): void {
    this.meter.held(at - since)
  }

  lost({ endedAt, since }: Lease): void {
    this.meter.losses++
    this.meter.held(endedAt - since)
  }

  /** Whether that is news. */
  down(): boolean {
    if (this.isTroubled) return false
    this.isTroubled = true
    return true
  }

  /** Whether that is news. */
  up(): boolean {
    if (!this.isTroubled) return false
    this.isTroubled = false
    return true
  }
}
