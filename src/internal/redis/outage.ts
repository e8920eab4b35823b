/** Whether nothing can be sent, and why, as far as that is known. */
import { constVoid } from "effect/Function"
import * as Failure from "./failure.ts"

/** Finds out what is wrong with the connection, if possible. */
export type Diagnose = () => Promise<unknown>

export const closedError = new Error("Connection is closed.")

export class Outage {
  /** An attempt to connect has failed, or the connection was of no use, and no other has come since. */
  isOn = false
  /** The last error of the client. */
  lastError: unknown = closedError
  /**
   * Whether a server has ever answered. A connection alone does not suffice: the server may refuse
   * us afterwards.
   */
  wasAnswered = false
  /** Why there is no connection, if that is known; undefined once a server has answered. */
  private reason: unknown
  private closed = false
  private diagnosing = false
  private readonly diagnose: Diagnose | undefined
  private readonly isConnected: () => boolean
  private readonly told: (cause: unknown, isFirst: boolean) => void

  /**
   * `diagnose` is asked why no connection has worked yet, in case the client does not know; `told`
   * is told why nothing can be sent, each time that fails.
   */
  constructor(
    diagnose: Diagnose | undefined,
    isConnected: () => boolean,
    told: (cause: unknown, isFirst: boolean) => void
  ) {
    this.diagnose = diagnose
    this.isConnected = isConnected
    this.told = told
  }

  get cause(): unknown {
    return this.reason ?? this.lastError
  }

  /** A server has answered. */
  hear(): void {
    this.wasAnswered = true
    this.reason = undefined
  }

  /** Commands can be sent. */
  end(): void {
    this.isOn = false
    this.lastError = closedError
  }

  /** An attempt to connect has failed, or the connection was of no use. */
  begin(): void {
    const { diagnose } = this
    const isKnown = diagnose === undefined || this.wasAnswered || this.closed
    if (isKnown || Failure.classify(this.lastError).kind !== "Unreachable") return this.tell(this.lastError)
    if (this.diagnosing) return
    this.diagnosing = true
    void diagnose().catch(constVoid).then((found) => {
      this.diagnosing = false
      if (this.closed || this.wasAnswered) return
      if (found !== undefined || !this.isConnected()) this.tell(found ?? this.lastError)
    })
  }

  /** For good. */
  close(): void {
    this.closed = true
    this.tell(new Failure.Closed())
  }

  private tell(cause: unknown): void {
    // A reset may overtake the reason for it; then the reason of the previous attempt holds.
    if (!(Failure.isReset(cause) && Failure.isOfTls(this.reason))) this.reason = cause
    const isFirst = !this.isOn
    this.isOn = true
    this.told(this.reason, isFirst)
  }
}
