/** Our tokens that the server may know, and the releases to retry. */
import type { Attempt } from "../../LockStore.ts"
import { PassingMap } from "../passing.ts"
import type { Place } from "./place.ts"

/** A token of ours that the server may know. */
export interface Known {
  /**
   * Its entry is kept while it is held, since its caller may release it without saying that it is
   * ours.
   */
  readonly isKept: boolean
  /** It shares its lock. */
  readonly shares: boolean
  /** Its place in a queue, which it keeps; undefined if it never waited. */
  place: Place | undefined
  /** The claims in flight. */
  out: number
  /** A claim of it is collected, but not yet sent. */
  collected: boolean
  /** A claim of it may have been executed. */
  sent: boolean
  /** Its release is confirmed, so whatever a late claim of it gets has to be released. */
  released: boolean
}

/** How a token of ours may hold its lock: exclusively and without having waited, or in any way. */
export type Hold = "exclusive" | "any"

/** A failed release of a token of ours, which may have no entry. */
interface Owed {
  readonly key: string
  readonly hold: Hold
}

/** The one entry of all tokens that are held, never waited, and have no claims in flight. */
const held: Known = Object.freeze({
  isKept: true,
  shares: false,
  place: undefined,
  out: 0,
  collected: false,
  sent: true,
  released: false
})

const none: ReadonlyMap<string, Owed> = new Map()

/**
 * A token that is held exclusively and has not waited needs no entry if its holder says that it is
 * ours: there may be very many.
 */
export class Tokens {
  private readonly known = new PassingMap<string, Known>()
  /** Failed releases. */
  private owed = new Map<string, Owed>()

  get(token: string): Known | undefined {
    return this.known.get(token)
  }

  shares(token: string): boolean {
    return this.known.get(token)?.shares === true
  }

  /** A claim of it is sent. */
  claim(token: string, shares: boolean, isKept = true): Known {
    let known = this.known.get(token)
    if (known === undefined || known === held) {
      known = { isKept, shares, place: undefined, out: 0, collected: false, sent: known === held, released: false }
      this.known.set(token, known)
    }
    known.out++
    return known
  }

  answered(key: string, token: string, known: Known, attempt: Attempt): Attempt {
    known.out--
    known.sent = true
    if (known.released) {
      // A command that was redirected or sent again may be executed after the release.
      if (attempt._tag === "Acquired" || known.place !== undefined) this.owed.set(token, { key, hold: "any" })
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
  released(token: string): void {
    const known = this.known.get(token)
    this.owed.delete(token)
    if (known === undefined) return
    if (known !== held) known.released = true
    this.forget(token, known)
  }

  /** It belongs to somebody else from now on. */
  drop(token: string): void {
    this.known.delete(token)
  }

  private forget(token: string, known: Known): void {
    if (known.out === 0 && !this.owed.has(token)) this.known.delete(token)
  }

  /**
   * Its release may not have reached the server. It is retried only if the token is ours: somebody
   * else's lock must not be freed at some later time.
   */
  owe(key: string, token: string, hold: Hold | undefined): void {
    if (hold !== undefined || this.known.has(token)) this.owed.set(token, { key, hold: hold ?? "any" })
  }

  /** The failed releases, which the caller now retries. */
  takeDebts(): ReadonlyMap<string, Owed> {
    const { owed } = this
    if (owed.size === 0) return none
    this.owed = new Map()
    return owed
  }
}
