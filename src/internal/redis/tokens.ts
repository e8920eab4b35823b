/** What the server may know of our tokens, and what it has to be told once more. */
import type { Attempt } from "../../LockStore.ts"
import { PassingMap } from "../passing.ts"
import type { Place } from "./place.ts"

/** A token of ours that the server may know. */
export interface Known {
  /** Whoever claims it does not know itself, once it is held, that it is ours. */
  readonly isKept: boolean
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

/** Of a token that is ours, where it may be that nothing is kept of it. */
interface Owed {
  readonly key: string
  readonly isAlone: boolean
}

/** What is kept of tokens that are held, every claim of them answered, and that never waited. One for all. */
const held: Known = Object.freeze({
  isKept: true,
  shares: false,
  place: undefined,
  out: 0,
  collected: false,
  sent: true,
  returned: false
})

const none: ReadonlyMap<string, Owed> = new Map()

/**
 * Of those that are held alone, and have not waited, nothing is kept where their holder knows so much itself: there
 * may be very many.
 */
export class Tokens {
  private readonly known = new PassingMap<string, Known>()
  /** Releases that did not get through. */
  private owed = new Map<string, Owed>()

  get(token: string): Known | undefined {
    return this.known.get(token)
  }

  shares(token: string): boolean {
    return this.known.get(token)?.shares === true
  }

  /** A claim of it is on its way. */
  claim(token: string, shares: boolean, isKept = true): Known {
    let known = this.known.get(token)
    if (known === undefined || known === held) {
      known = { isKept, shares, place: undefined, out: 0, collected: false, sent: known === held, returned: false }
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
      if (attempt._tag === "Acquired" || known.place !== undefined) this.owed.set(token, { key, isAlone: false })
      else this.forget(token, known)
    } else if (known.place === undefined) {
      if (attempt._tag === "Held") this.forget(token, known)
      else if (known.out === 0 && !known.shares && this.known.get(token) === known) this.had(token, known)
    }
    return attempt
  }

  private had(token: string, { isKept }: Known): void {
    if (isKept) this.known.set(token, held)
    else this.known.delete(token)
  }

  unanswered(token: string, known: Known, sent: boolean): void {
    known.out--
    known.sent ||= sent
    if (!known.sent) this.forget(token, known)
  }

  /** Its release is confirmed. */
  returned(token: string): void {
    const known = this.known.get(token)
    this.owed.delete(token)
    if (known === undefined) return
    if (known !== held) known.returned = true
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
  owe(token: string, owed: Owed, isOurs: boolean): void {
    if (isOurs || this.known.has(token)) this.owed.set(token, owed)
  }

  /** All that is owed, to be asked for now. */
  takeDebts(): ReadonlyMap<string, Owed> {
    const { owed } = this
    if (owed.size === 0) return none
    this.owed = new Map()
    return owed
  }
}
