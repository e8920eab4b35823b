/**
 * The local queue of one key: fibers of this process that want it, first come
 * first served. Whoever is at the front has the turn; only the turn talks to
 * the store, so a process is one contender however many of its fibers wait.
 */
import * as Effect from "effect/Effect"
import type { LockRequest } from "../LockConfig.ts"
import type { BackendFailure } from "../LockError.ts"
import type { Held } from "../LockStore.ts"
import type { Alarm } from "./alarms.ts"
import type { Contender } from "./contender.ts"
import type { Place } from "./keyMap.ts"
import type { Tenure } from "./tenure.ts"

/** What comes with the turn. */
export type Baton =
  /** Nothing: try the store. */
  | { readonly _tag: "Turn" }
  /** The previous holder has already claimed the key for us. */
  | { readonly _tag: "Claimed"; readonly contender: Contender }
  /** The previous holder's lease, handed over. */
  | { readonly _tag: "Tenure"; readonly tenure: Tenure }
  /** The wait is over without a turn. */
  | { readonly _tag: "TimedOut" }
  | { readonly _tag: "Closed" }

export const turn: Baton = { _tag: "Turn" }

export class Waiter implements Alarm {
  index = -1
  readonly request: LockRequest
  readonly line: Line
  previous: Waiter | undefined
  next: Waiter | undefined
  /** Set when the waiter has left the line. */
  baton: Baton | undefined
  resume: ((effect: Effect.Effect<void>) => void) | undefined

  constructor(request: LockRequest, line: Line) {
    this.request = request
    this.line = line
    line.push(this)
  }

  /** The timeout has passed. */
  ring(): void {
    this.line.remove(this)
    this.baton = { _tag: "TimedOut" }
    this.resume?.(Effect.void)
  }
}

export class Line implements Place {
  readonly key: string
  vacant = true
  head: Waiter | undefined
  #last: Waiter | undefined
  /** The lease that this process has on the key. */
  tenure: Tenure | undefined
  /** Who has the turn and asks the store. */
  contender: Contender | undefined
  /** What the turn heard last from the store, for those who time out behind it. */
  heard: Held | BackendFailure | undefined

  constructor(key: string) {
    this.key = key
  }

  push(waiter: Waiter): void {
    waiter.previous = this.#last
    if (this.#last === undefined) this.head = waiter
    else this.#last.next = waiter
    this.#last = waiter
  }

  remove(waiter: Waiter): void {
    if (waiter.previous === undefined) this.head = waiter.next
    else waiter.previous.next = waiter.next
    if (waiter.next === undefined) this.#last = waiter.previous
    else waiter.next.previous = waiter.previous
    waiter.previous = waiter.next = undefined
  }
}
