/** The notices of a store about its state, for its observers. */
import type { BackendFailure } from "../LockError.ts"
import type { Observer } from "../LockStore.ts"

/** How long the connection for notifications may be missing before that is reported. */
const briefMillis = 1000

const wordsOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

export class Notices {
  private observers: ReadonlyArray<Observer> = []
  private isDown = false
  /** Why waiters poll, once that has lasted. */
  private polls: string | undefined = undefined
  private cause: unknown
  private timer: ReturnType<typeof setTimeout> | undefined

  readonly observe = (observer: Observer): () => void => {
    this.observers = [...this.observers, observer]
    if (this.polls !== undefined) observer.polling(this.polls)
    return () => {
      this.observers = this.observers.filter((other) => other !== observer)
    }
  }

  down(failure: BackendFailure): void {
    this.isDown = true
    for (const { down } of this.observers) down(failure)
  }

  up(): void {
    this.isDown = false
    for (const { up } of this.observers) up()
  }

  polling(cause: unknown): void {
    this.cause = cause
    if (this.polls !== undefined) return
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      // A server that is down sends no notifications either, which is reported already.
      if (this.isDown) return
      const reason = this.polls = wordsOf(this.cause)
      for (const { polling } of this.observers) polling(reason)
    }, briefMillis)
    this.timer.unref?.()
  }

  told(): void {
    this.close()
    if (this.polls === undefined) return
    this.polls = undefined
    for (const { told } of this.observers) told()
  }

  close(): void {
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
