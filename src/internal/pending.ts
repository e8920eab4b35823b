/** An operation on its way: what the engine needs to know of a fiber, or of a call that calls back. */
import type * as Exit from "effect/Exit"

export interface Pending<A, E> {
  readonly pollUnsafe: () => Exit.Exit<A, E> | undefined
  readonly addObserver: (observer: (exit: Exit.Exit<A, E>) => void) => () => void
  readonly interruptUnsafe: () => void
}

export class Called<A, E> implements Pending<A, E> {
  private exit: Exit.Exit<A, E> | undefined = undefined
  private observers: Array<(exit: Exit.Exit<A, E>) => void> = []

  readonly settle = (exit: Exit.Exit<A, E>): void => {
    if (this.exit !== undefined) return
    this.exit = exit
    const { observers } = this
    this.observers = []
    for (const observer of observers) observer(exit)
  }

  pollUnsafe(): Exit.Exit<A, E> | undefined {
    return this.exit
  }

  addObserver(observer: (exit: Exit.Exit<A, E>) => void): () => void {
    if (this.exit !== undefined) observer(this.exit)
    else this.observers.push(observer)
    return () => {
      this.observers = this.observers.filter((other) => other !== observer)
    }
  }

  /** Nobody can call it back. */
  interruptUnsafe(): void {}
}
