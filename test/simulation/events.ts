/** Hears what a backend tells of its locks, and objects to what makes no sense. */
import { Duration } from "effect"
import type { LockEvent } from "effect-lock"
import type { Host } from "./witness.ts"

/** How often it was told of a fencing token that a lease of it was passed on, had, and over. */
interface Leases {
  passedOn: number
  acquired: number
  ended: number
}

/** How often it was told of a key that somebody waits, has got it, and goes without. */
interface Waits {
  waiting: number
  acquired: number
  without: number
  /** Those who were refused at once have not waited. */
  refused: number
}

export class Events {
  private readonly leases = new Map<string, Leases>()
  private readonly waits = new Map<string, Waits>()
  private readonly host: Host
  private readonly object: (text: string) => void

  constructor(host: Host, object: (text: string) => void) {
    this.host = host
    this.object = object
    host.subject.backend.listen((event) => this.hear(event), () => {})
  }

  private leaseOf(key: string, fencingToken: number): Leases {
    const name = `${key} ${fencingToken}`
    const lease = this.leases.get(name) ?? { passedOn: 0, acquired: 0, ended: 0 }
    this.leases.set(name, lease)
    return lease
  }

  private waitsFor(key: string): Waits {
    const waits = this.waits.get(key) ?? { waiting: 0, acquired: 0, without: 0, refused: 0 }
    this.waits.set(key, waits)
    return waits
  }

  private hear(event: LockEvent.LockEvent): void {
    if (!("key" in event)) return
    const { key } = event
    const waits = this.waitsFor(key)
    switch (event._tag) {
      case "Waiting": {
        waits.waiting++
        return
      }
      case "Acquired": {
        waits.acquired++
        const lease = this.leaseOf(key, event.fencingToken)
        // One more than were passed on: that which the store has given.
        if (++lease.acquired > lease.passedOn + 1) this.wrong(event)
        return
      }
      case "HandedOver": {
        this.leaseOf(key, event.fencingToken).passedOn++
        return
      }
      case "Released":
      case "Lost": {
        const lease = this.leaseOf(key, event.fencingToken)
        if (++lease.ended > lease.passedOn + lease.acquired) this.wrong(event)
        return
      }
      case "GaveUp": {
        if (++waits.without > waits.waiting) this.wrong(event)
        return
      }
      case "TimedOut": {
        if (Duration.toMillis(event.waited) === 0) waits.refused++
        else if (++waits.without > waits.waiting) this.wrong(event)
      }
    }
  }

  private wrong({ _tag, key }: { readonly _tag: string; readonly key: string }): void {
    this.object(`${this.host.process.name} ${_tag} ${key} follows nothing`)
  }

  /** Nobody has or wants anything any more. */
  end(): void {
    const { closed, process } = this.host
    if (closed || process.crashed) return
    for (const [name, { acquired, ended, passedOn }] of this.leases) {
      if (ended < Math.max(acquired, passedOn)) this.object(`${process.name} is not told of the end of ${name}`)
    }
    for (const [key, { acquired, refused, waiting, without }] of this.waits) {
      if (waiting > acquired + without + refused) {
        this.object(`${process.name} is not told of the end of a wait for ${key}`)
      }
    }
  }
}
