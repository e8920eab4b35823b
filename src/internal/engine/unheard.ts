/** Calls that nobody waits for any more. The store may still execute them, until they have been silent for too long. */
import type { Alarm, Alarms } from "./alarms.ts"
import type { Call } from "./call.ts"

/** How long the answer to such a call is still of interest. */
export const horizonMillis = 30_000

export class Unheard implements Alarm {
  index = -1
  private readonly alarms: Alarms
  private readonly abandon: (call: Call<unknown>) => void
  /** When each was left, the oldest first. */
  private readonly calls = new Map<Call<unknown>, number>()

  constructor(alarms: Alarms, abandon: (call: Call<unknown>) => void) {
    this.alarms = alarms
    this.abandon = abandon
  }

  add(call: Call<unknown>): void {
    if (this.calls.has(call)) return
    const at = this.alarms.now()
    this.calls.set(call, at)
    if (this.index === -1) this.alarms.set(this, at + horizonMillis)
  }

  /** It has been answered or abandoned. */
  remove(call: Call<unknown>): void {
    if (this.calls.size > 0 && this.calls.delete(call) && this.calls.size === 0) this.alarms.cancel(this)
  }

  ring(): void {
    const at = this.alarms.now()
    for (const [call, since] of Array.from(this.calls)) if (since + horizonMillis <= at) this.abandon(call)
    for (const since of this.calls.values()) {
      if (this.index === -1) this.alarms.set(this, since + horizonMillis)
      break
    }
  }
}
