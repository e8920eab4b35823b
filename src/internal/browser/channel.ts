/**
 * Messages between tabs: that a waiter is offered a key, or is asked to respond. A page that is
 * away does not listen: if it is kept frozen, all messages would be queued for it.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { isObject, isWaiter, type Waiter } from "./record.ts"

export interface Message {
  readonly version: 2
  readonly key: string
  /** The token that is offered the key, or that is asked to respond. */
  readonly to: Waiter | string
}

/** A message of ours, or undefined: any script of the origin can post anything on the channel. */
const decode = (value: unknown): Message | undefined => {
  if (!isObject(value) || !("version" in value) || value.version !== 2) return undefined
  const { key, to } = value as Partial<Message>
  return typeof key === "string" && (typeof to === "string" || isWaiter(to)) ? { version: 2, key, to } : undefined
}

export interface Channel {
  /** Posts to all tabs, including this one. */
  readonly say: (key: string, to: Message["to"]) => void
  readonly listen: () => void
  readonly leave: () => void
}

/** Listens until it is told to leave, or the scope ends. Fails if the page is not allowed to. */
export const make = <E>(
  name: string,
  hear: (message: Message) => void,
  refused: (cause: unknown) => E
): Effect.Effect<Channel, E, Scope.Scope> => {
  let channel: BroadcastChannel | undefined

  const listen = (): void => {
    channel ??= new BroadcastChannel(name)
    channel.addEventListener("message", onMessage)
  }

  const leave = (): void => {
    channel?.close()
    channel = undefined
  }

  const onMessage = ({ data }: MessageEvent): void => {
    const message = decode(data)
    if (message !== undefined) hear(message)
  }

  const say: Channel["say"] = (key, to) => {
    const message: Message = { version: 2, key, to }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is no window
    channel?.postMessage(message)
    // A channel does not deliver its own messages.
    hear(message)
  }

  return Effect.acquireRelease(
    Effect.try({
      try: () => {
        listen()
        return { say, listen, leave }
      },
      catch: refused
    }),
    () => Effect.sync(leave)
  )
}
