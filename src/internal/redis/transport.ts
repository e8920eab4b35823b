/** What the store needs of a Redis client. */
import type { Script } from "./scripts.ts"

/**
 * A script on its way. `sent` says whether the server may have seen it: a
 * command that fails without having been sent has no effect, now or later.
 */
export interface Command {
  readonly script: Script
  /** How many of the arguments are keys; they come first. */
  readonly keys: number
  readonly args: ReadonlyArray<string | number>
  readonly succeed: (reply: unknown) => void
  readonly fail: (cause: unknown) => void
  sent: boolean
}

export interface SubscriptionHandlers {
  readonly message: (message: string) => void
  readonly up: () => void
  readonly down: () => void
  /** The server does not let us subscribe, and trying again would not help. */
  readonly refused: (cause: unknown) => void
}

export interface Transport {
  /** One server has all keys, so one script may name many locks. */
  readonly single: boolean
  /** Replies and grants come from one server, and `reset` tells when it may be another: its clock can be related to ours. */
  readonly oneClock: boolean
  /** Commands are executed in the order they are sent; ends in exactly one of `succeed` and `fail`. */
  readonly send: (command: Command) => void
  /** A plain command without keys. */
  readonly call: (
    name: string,
    args: ReadonlyArray<string>,
    onReply: (reply: unknown) => void,
    onError: () => void
  ) => void
  /** The connection is known to be down, so sending would fail at once. */
  readonly isDown: () => boolean
  /** Listens on the channel over a connection of its own; gives the way to stop. */
  readonly subscribe: (channel: string, handlers: SubscriptionHandlers) => () => void
  /** Calls `ready` whenever a connection is there (again) and `reset` whenever one is gone. */
  readonly observe: (observer: { readonly ready: () => void; readonly reset: () => void }) => void
}
