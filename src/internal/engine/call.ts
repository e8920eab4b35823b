/** A call to a store, from when it is made until it is answered, which may be long after anybody waits for it. */
import type * as Fiber from "effect/Fiber"
import type { BackendFailure } from "../../LockError.ts"
import type { Alarm, Alarms } from "./alarms.ts"
import type { Placed } from "./bag.ts"

export type Operation = "acquire" | "extend" | "release" | "inspect" | "listen" | "list"

/** The store's answer, or why there is none. Never undefined, which means no reply so far. */
export type Reply<A> = A | BackendFailure

/** Taken from a method, whose parameter is compared bivariantly, so that any call is a `Call<unknown>`. */
type Hearing<A> = { hear(reply: A): void }["hear"]

/** The registry of calls that are out. */
export interface Book {
  readonly alarms: Alarms
  readonly soon: (task: () => void) => void
  /** The call has its reply. */
  ended(call: Call<unknown>): void
  /** There was no reply in time. */
  unanswered(call: Call<unknown>): void
  /** Nobody waits for the reply any more. */
  left(call: Call<unknown>): void
}

/**
 * Silence is told after replies that arrived while the event loop was late: they get one turn to be read, and one for
 * tasks that their readers have deferred.
 */
export const afterReplies = ({ soon }: Pick<Book, "soon">, task: () => void): void => soon(() => soon(task))

export class Call<A> implements Alarm, Placed {
  index = -1
  place = -1
  reply: Reply<A> | undefined = undefined
  /** The fiber that runs it, unless the store calls back. */
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  readonly operation: Operation
  readonly key: string
  /** The number of failures of the backend when it was made. */
  readonly failures: number
  private readonly book: Book
  private waiter: Hearing<Reply<A> | undefined> | undefined = undefined
  /** The first observer, mostly the only one, and the others. */
  private observer: Hearing<Reply<A>> | undefined = undefined
  private others: Array<Hearing<Reply<A>>> | undefined = undefined

  constructor(book: Book, operation: Operation, key: string, failures: number) {
    this.failures = failures
    this.book = book
    this.operation = operation
    this.key = key
  }

  /** Settles it once; later replies change nothing. */
  settle(reply: Reply<A>): void {
    if (this.reply !== undefined) return
    this.reply = reply
    this.fiber = undefined
    this.book.ended(this)
    const { observer, others } = this
    this.observer = this.others = undefined
    observer?.(reply)
    if (others !== undefined) { for (const other of others) other(reply) }
    this.end(reply)
  }

  /** Calls `observer` with the reply, whenever it comes. */
  onReply(observer: Hearing<Reply<A>>): void {
    if (this.reply !== undefined) observer(this.reply)
    else if (this.observer === undefined) this.observer = observer
    else if (this.others === undefined) this.others = [observer]
    else this.others.push(observer)
  }

  /** Calls `waiter`, the only one, with the reply, or with nothing if there is none by `until`. */
  wait(until: number, waiter: Hearing<Reply<A> | undefined>): void {
    if (this.reply !== undefined) return waiter(this.reply)
    this.waiter = waiter
    this.book.alarms.set(this, until)
  }

  get isAwaited(): boolean {
    return this.waiter !== undefined
  }

  /** Stops waiting for the reply. */
  leave(): void {
    this.waiter = undefined
    this.book.alarms.cancel(this)
    if (this.reply === undefined) this.book.left(this)
  }

  ring(): void {
    afterReplies(this.book, () => {
      if (this.waiter === undefined) return
      if (this.reply === undefined) this.book.unanswered(this)
      this.end(undefined)
    })
  }

  private end(reply: Reply<A> | undefined): void {
    const { waiter } = this
    if (waiter === undefined) return
    this.leave()
    waiter(reply)
  }
}
