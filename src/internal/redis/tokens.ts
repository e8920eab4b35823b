/** What the server may know of our tokens, and what it has to be told once more. */
import type { Attempt } from "../../LockStore.ts"
import { PassingMap } from "../passing.ts"
import type { Place } from "./place.ts"

/** A token of ours that the server may know. */
export interface Known {
  /** It shares its lock. */
  readonly shares: boolean
  /** Its place in a queue, which it keeps; none if it never waited. */
  place: Place | undefined
  /** Claims without reply. */
  out: number
  /** A claim of it has been collected and not handed to the client yet. */
  collected: boolean
  /** A claim of it may have been executed. */
  sent: boolean
  /** Its release is confirmed, so what it is still given has to be given back. */
  returned: boolean
}

/** What tokens mostly are: held, every claim of them answered, and never waiting. One for all, as there may be very many. */
const held: Known = Object.freeze({
  shares: false,
  place: undefined,
  out: 0,
  collected: false,
  sent: true,
  returned: false
})

const none: ReadonlyMap<string, string> = new Map()

export class Tokens {
  private readonly known = new PassingMap<string, Known>()
  /** Releases that did not get through, with their keys. */
  private owed = new Map<string, string>()

  get(token: string): Known | undefined {
    return this.known.get(token)
  }

  shares(token: string): boolean {
    return this.known.get(token)?.shares === true
  }

  /** A claim of it is on its way. */
  claim(token: string, shares: boolean): Known {
    let known = this.known.get(token)
    if (known === undefined || known === held) {
      known = { shares, place: undefined, out: 0, collected: false, sent: known === held, returned: false }
      this.known.set(token, known)
    }
    known.out++
    return known
  }

  answered(key: string, token: string, known: Known, attempt: Attempt): Attempt {
    known.out--
    known.sent = true
    if (known.returned) {
      // Executed after its release, as a command that was redirected or sent once more may be.
      if (attempt._tag === "Acquired" || known.place !== undefined) this.owed.set(token, key)
      else this.forget(token, known)
    } else if (known.place === undefined) {
      if (attempt._tag === "Held") this.forget(token, known)
      else if (known.out === 0 && !known.shares && this.known.get(token) === known) this.known.set(token, held)
    }
    return attempt
  }

  unanswered(token: string, known: Known, sent: boolean): void {
    known.out--
    known.sent ||= sent
    if (!known.sent) this.forget(token, known)
  }

  /** Its release is confirmed. */
  returned(token: string): void {
    const known = this.known.get(token)
    if (known === undefined) return
    if (known !== held) known.returned = true
    this.owed.delete(token)
    this.forget(token, known)
  }

  /** It is somebody else's from now on. */
  drop(token: string): void {
    this.known.delete(token)
  }

  private forget(token: string, known: Known): void {
    if (known.out === 0 && !this.owed.has(token)) this.known.delete(token)
  }

  /**
   * Its release may not have reached the server. It is owed if the token is ours:
   * nobody wants somebody else's lock freed at some later time.
   */
  owe(token: string, key: string): void {
    if (this.known.has(token)) this.owed.set(token, key)
  }

  /** All that is owed, to be asked for now. */
  takeDebts(): ReadonlyMap<string, string> {
    const { owed } = this
    if (owed.size === 0) return none
    this.owed = new Map()
    return owed
  }
}
