/** A process's hold of a key. */
import type { Holding } from "../LockStore.ts"
import type { Running } from "./call.ts"
import type { HeldLease } from "./lease.ts"
import type { Line } from "./line.ts"

/** Why a lease ended before its holder gave it back. */
export type Why = "Expired" | "Taken" | "Closed"

/** An extension, or an earlier claim, that is out. */
export interface Sent {
  readonly call: Running<unknown, unknown>
  readonly expiresMillis: number
}

const none: ReadonlyArray<Sent> = []

/**
 * From the store's answer to the release of the token. Fibers of this process
 * may have it one after the other; the keeper renews it throughout.
 */
export class Tenure {
  readonly line: Line
  readonly token: string
  readonly renew: boolean
  readonly fencingToken: number
  /** When it became ours. */
  readonly since: number
  /** How long an extension lasts. */
  expiresMillis: number
  /** We count as the holder until then, by the monotonic clock. */
  deadline: number
  renewAt: number
  /** How often it has been handed over. */
  handed = 0
  /** Whose it is; undefined while it passes from fiber to fiber. */
  lease: HeldLease | undefined
  state: "Held" | "Lost" | "Released" = "Held"
  #out: ReadonlyArray<Sent> = none
  #holding: Holding | undefined

  constructor(
    line: Line,
    token: string,
    renew: boolean,
    expiresMillis: number,
    fencingToken: number,
    since: number,
    deadline: number
  ) {
    this.line = line
    this.token = token
    this.renew = renew
    this.expiresMillis = expiresMillis
    this.fencingToken = fencingToken
    this.since = since
    this.deadline = deadline
    this.renewAt = renew ? since + (deadline - since) / 3 : Infinity
  }

  get key(): string {
    return this.line.key
  }

  /** What the store is told. Kept, since a lock that is held for long is renewed again and again. */
  get holding(): Holding {
    const { expiresMillis, key, token } = this
    if (this.#holding?.expiresMillis !== expiresMillis) this.#holding = { key, token, expiresMillis }
    return this.#holding
  }

  /**
   * What an extension that is sent now is sure to leave us: a shorter one whose
   * reply is still out may be executed after it, even if it is answered before.
   */
  get extensionMillis(): number {
    return this.#out.reduce((least, { expiresMillis }) => Math.min(least, expiresMillis), this.expiresMillis)
  }

  sentShorter(expiresMillis: number): ReadonlyArray<Sent["call"]> {
    return this.#out.filter((sent) => sent.expiresMillis < expiresMillis).map(({ call }) => call)
  }

  /** `sent` is a list of one, which those that are sent together share. */
  sending(sent: ReadonlyArray<Sent>): void {
    this.#out = this.#out.length === 0 ? sent : [...this.#out, ...sent]
  }

  answered(call: Sent["call"]): void {
    this.#out = this.#out.length === 1 && this.#out[0].call === call
      ? none
      : this.#out.filter((sent) => sent.call !== call)
  }
}
