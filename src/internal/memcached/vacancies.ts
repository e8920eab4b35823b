/** Items that nobody holds, and who may acquire them. */
import { type Expiring, ExpiringMap } from "../expiringMap.ts"
import type { Content } from "./content.ts"

/** An item without a holder, and for how long we have seen it like that. */
interface Vacancy extends Expiring {
  readonly mark: string
  readonly lookedAt: number
  readonly silentMillis: number
}

/**
 * If the next waiter has not come after this long, it is skipped, and so are all before the one
 * that notices.
 */
const silenceMillis = 300

/** The most that a pause between two looks counts: if it was longer, this process did not run. */
const longestPause = 100

export class Vacancies {
  private readonly seen = new ExpiringMap<Vacancy>()

  /**
   * Whether a token may acquire an item that nobody holds: if it is next, or if those before it
   * have not come for so long that they count as gone.
   */
  mayTake(key: string, { time, waiters }: Content, token: string, at: number): boolean {
    const place = waiters.indexOf(token)
    if (place === 0 || waiters.length === 0) return true
    const mark = `${time} ${waiters[0]}`
    const seen = this.seen.get(key)
    const silentMillis = seen?.mark === mark ? seen.silentMillis + Math.min(at - seen.lookedAt, longestPause) : 0
    this.seen.set(key, { mark, lookedAt: at, silentMillis, endsAt: at + 10 * silenceMillis }, at)
    // The nearest notices first.
    return silentMillis >= silenceMillis + 20 * Math.min(place < 0 ? 10 : place, 10)
  }
}
