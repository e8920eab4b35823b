/** The events of a backend: always counted, and told to listeners. Without listeners, telling is one comparison. */
import * as Duration from "effect/Duration"
import { constVoid } from "effect/Function"
import type { LockRequest } from "../../LockConfig.ts"
import type { BackendFailure } from "../../LockError.ts"
import type { LockEvent } from "../../LockEvent.ts"
import type { Meter } from "../meter.ts"
import type { Lease } from "./lease.ts"

interface Listener {
  readonly hear: (event: LockEvent) => void
  /** There will be no more events. */
  readonly end: () => void
}

const attempt = (listener: () => void): void => {
  try {
    listener()
  } catch {
    // Its own fault: nobody else is concerned.
  }
}

export class Journal {
  readonly meter: Meter
  private listeners: ReadonlyArray<Listener> | undefined = undefined
  private isClosed = false

  constructor(meter: Meter) {
    this.meter = meter
  }

  /** Tells of all events from now on, until the returned function is called. */
  listen(hear: Listener["hear"], end: Listener["end"]): () => void {
    if (this.isClosed) {
      attempt(end)
      return constVoid
    }
    const listener = { hear, end }
    this.listeners = [...this.listeners ?? [], listener]
    return () => {
      const others = this.listeners?.filter((other) => other !== listener) ?? []
      this.listeners = others.length === 0 ? undefined : others
    }
  }

  close(): void {
    this.isClosed = true
    this.listeners?.forEach(({ end }) => attempt(end))
    this.listeners = undefined
  }

  /** Called in the middle of an operation, which goes on whatever a listener throws. */
  private tell(event: LockEvent): void {
    this.listeners?.forEach(({ hear }) => attempt(() => hear(event)))
  }

  // ---------------------------------------------------------------------------
  // Of locks
  // ---------------------------------------------------------------------------

  waiting({ key, owner }: LockRequest): void {
    if (this.listeners !== undefined) this.tell({ _tag: "Waiting", key, owner })
  }

  acquired({ fencingToken, key }: Lease, waitedMillis: number): void {
    this.meter.waited(waitedMillis)
    if (this.listeners === undefined) return
    this.tell({ _tag: "Acquired", key, fencingToken, waited: Duration.millis(waitedMillis) })
  }

  /** A wait has ended without the lock. */
  without({ key }: LockRequest, waitedMillis: number, isTimeout: boolean): void {
    if (this.listeners === undefined) return
    this.tell({ _tag: isTimeout ? "TimedOut" : "GaveUp", key, waited: Duration.millis(waitedMillis) })
  }

  /** A call has been refused because somebody else holds the lock. */
  timedOut(request: LockRequest, waitedMillis: number): void {
    this.meter.timeouts++
    // For a call that waited, the end of the wait is told, whether it failed or not.
    if (waitedMillis === 0 && this.listeners !== undefined) {
      this.tell({ _tag: "TimedOut", key: request.key, waited: Duration.zero })
    }
  }

  handedOver({ fencingToken, key }: Lease): void {
    this.meter.handOvers++
    if (this.listeners !== undefined) this.tell({ _tag: "HandedOver", key, fencingToken })
  }

  released(lease: Lease, at: number): void {
    this.meter.held(at - lease.since)
    this.unused(lease, at)
  }

  /** A lease that was on its way to its holder, and never arrived. */
  unused({ fencingToken, key, since }: Lease, at: number): void {
    if (this.listeners === undefined) return
    this.tell({ _tag: "Released", key, fencingToken, held: Duration.millis(at - since) })
  }

  lost({ fencingToken, key, since, endedAt = since, why = "Released" }: Lease): void {
    this.meter.losses++
    this.meter.held(endedAt - since)
    if (this.listeners === undefined) return
    this.tell({ _tag: "Lost", key, fencingToken, why, held: Duration.millis(endedAt - since) })
  }

  // ---------------------------------------------------------------------------
  // Of the backend
  // ---------------------------------------------------------------------------

  down(failure: BackendFailure): void {
    if (this.listeners !== undefined) this.tell({ _tag: "BackendDown", failure })
  }

  /** The backend answers again, after so many milliseconds. */
  up(millis: number): void {
    if (this.listeners !== undefined) this.tell({ _tag: "BackendUp", after: Duration.millis(millis) })
  }

  /** Waiters poll from now on, for this reason; or are notified again, if there is none. */
  polling(reason: string | undefined): void {
    if (this.listeners === undefined) return
    this.tell(reason === undefined ? { _tag: "PollingEnded" } : { _tag: "PollingBegan", reason })
  }
}
