/** What the store needs of a Redis client. */
import * as Effect from "effect/Effect"
import type { Script } from "./scripts.ts"

/**
 * A script, or a plain command by its name. `sent` says whether the server may have seen it: a
 * command that fails without having been sent has no effect, now or later.
 */
export interface Command {
  readonly script: Script | string
  /** How many of the arguments of a script are keys, which come first. */
  readonly keys: number
  readonly args: ReadonlyArray<string | number>
  readonly succeed: (reply: unknown) => void
  readonly fail: (cause: unknown) => void
  sent: boolean
}

export interface SubscriptionHandlers {
  readonly message: (message: string) => void
  readonly up: () => void
  /** The subscription is retried, whatever the cause. */
  readonly down: (cause: unknown) => void
}

export interface Subscription {
  readonly stop: () => void
  /** Replaces a subscription that does not receive what it should. */
  readonly restart: () => void
}

export interface Observer {
  /** There is a connection (again). */
  readonly ready: () => void
  /** A connection is gone: the next may lead to another server. */
  readonly reset: () => void
  /** Nothing can be sent until `ready`. Called once. */
  readonly lost?: (cause: unknown) => void
}

export interface Servers {
  /** In an order that does not change as servers come and go. */
  readonly names: ReadonlyArray<string>
  /** What a client of the program puts before all keys. */
  readonly clientPrefix: string
  /** Sends a plain command to one of them. */
  readonly sendTo: (server: string, command: Command) => void
}

export interface Transport {
  /** One server has all keys, so one script may use many locks. */
  readonly single: boolean
  /**
   * Replies and grants come from one server, whose clock can be related to ours; `reset` says that
   * it may be another one.
   */
  readonly oneClock: boolean
  /**
   * Commands are executed in the order in which they are sent; each ends with exactly one of
   * `succeed` and `fail`.
   */
  readonly send: (command: Command) => void
  /** The servers that have keys, if they can be asked one by one. */
  readonly servers: (() => Servers) | undefined
  /** The server that has a key, for a transport to several, if it is known. */
  readonly serverOf?: ((key: string) => string | undefined) | undefined
  /** The connection is known to be down, so sending would fail at once. */
  readonly isDown: () => boolean
  /** Listens on the channel over a connection of its own. */
  readonly subscribe: (channel: string, handlers: SubscriptionHandlers) => Subscription
  /**
   * Calls `notify` when the key changes, until the returned function is called; undefined if the
   * server cannot tell.
   */
  readonly watch?: ((key: string, notify: () => void) => () => void) | undefined
  readonly observe: (observer: Observer) => void
}

/** The reply to a command, or the cause of its failure. */
export const ask = (
  send: (command: Command) => void,
  script: Script | string,
  keys: number,
  args: ReadonlyArray<string | number>
): Effect.Effect<unknown, unknown> =>
  Effect.callback((resume) =>
    send({
      script,
      keys,
      args,
      sent: false,
      succeed: (reply) => resume(Effect.succeed(reply)),
      fail: (cause) => resume(Effect.fail(cause))
    })
  )
