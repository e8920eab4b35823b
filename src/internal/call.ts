/** A call to a store, from when it is made until the store answers, which may be long after anybody waits for it. */
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Alarm, Alarms } from "./alarms.ts"

/** What ends some time: a call or a fiber. */
export interface Running<A, E> {
  addObserver(observer: (exit: Exit.Exit<A, E>) => void): unknown
}

/** Knows the calls that are out. */
export interface Book {
  readonly alarms: Alarms
  readonly out: Set<Call<unknown, unknown>>
}

export class Call<A, E> implements Running<A, E>, Alarm {
  index = -1
  exit: Exit.Exit<A, E> | undefined
  /** What runs it, for a store that does not call back. */
  fiber: Fiber.Fiber<A, E> | undefined
  #waiter: ((exit: Exit.Exit<A, E> | undefined) => void) | undefined
  #observers: Array<(exit: Exit.Exit<A, E>) => void> | undefined
  readonly #book: Book

  constructor(book: Book) {
    this.#book = book
    book.out.add(this as Call<unknown, unknown>)
  }

  /** The store has answered. */
  settle(exit: Exit.Exit<A, E>): void {
    if (this.exit !== undefined) return
    this.exit = exit
    this.#book.out.delete(this as Call<unknown, unknown>)
    const observers = this.#observers
    this.#observers = undefined
    observers?.forEach((observer) => observer(exit))
    this.#end(exit)
  }

  /** Calls `observer` with the answer, whenever it comes. */
  addObserver(observer: (exit: Exit.Exit<A, E>) => void): void {
    if (this.exit !== undefined) observer(this.exit)
    else (this.#observers ??= []).push(observer)
  }

  /** Calls `waiter` with the answer, or with nothing if there is none by `until`. It is for the one who made the call. */
  wait(until: number, waiter: (exit: Exit.Exit<A, E> | undefined) => void): void {
    if (this.exit !== undefined) return waiter(this.exit)
    this.#waiter = waiter
    this.#book.alarms.set(this, until)
  }

  /** Nobody waits for it any more. */
  leave(): void {
    this.#waiter = undefined
    this.#book.alarms.cancel(this)
  }

  ring(): void {
    this.#end(undefined)
  }

  #end(exit: Exit.Exit<A, E> | undefined): void {
    const waiter = this.#waiter
    this.leave()
    waiter?.(exit)
  }
}
