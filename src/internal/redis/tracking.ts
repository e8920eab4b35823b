/**
 * Notifies watchers of changes by client-side caching: the server remembers which keys a connection
 * has read, and tells another connection when one of them changes or expires. It costs holders and
 * waiters nothing. One pair of connections serves all watchers, as long as there are any.
 *
 * If one breaks, or the server's rules refuse it, both are made anew; the watchers are then
 * notified, and also look by themselves now and then.
 */
import { silenceMillis, type Single } from "./client.ts"
import { Pulse } from "./pulse.ts"
import { connectionOf, open } from "./subscription.ts"
import type { Subscription } from "./transport.ts"

/** The channel on which clients that speak RESP2 are notified. */
const channel = "__redis__:invalidate"

/** How often an idle connection is pinged: the server forgets what a dead one has read. */
const askMillis = 2000

export interface Tracking {
  /** Calls `notify` whenever the key changes, and perhaps more often, until the result is called. */
  readonly watch: (key: string, notify: () => void) => () => void
  readonly stop: () => void
}

export const make = (client: Single): Tracking => {
  const watchers = new Map<string, Set<() => void>>()
  let subscription: Subscription | undefined
  let reader: Single | undefined
  let asking: ReturnType<typeof setInterval> | undefined
  const pulse = new Pulse(() => subscription?.restart())

  const call = (command: string, args: Array<string>, then: () => void): void => {
    const asked = reader
    if (asked === undefined) return
    pulse.owe(silenceMillis)
    asked.call(command, args).then(() => {
      if (reader !== asked) return
      pulse.heard(false)
      then()
    }, () => {
      if (reader === asked) subscription?.restart()
    })
  }

  const ping = (): void => call("ping", [], () => {})

  /** Reads the key, so that the server remembers it; only then may its watchers look. */
  const read = (key: string): void => call("type", [key], () => watchers.get(key)?.forEach((notify) => notify()))

  const readAll = (): void => {
    for (const key of watchers.keys()) read(key)
  }

  const hangUp = (): void => {
    pulse.rest()
    clearInterval(asking)
    const left = reader
    reader = undefined
    left?.disconnect()
    left?.stream?.destroy()
  }

  const begin = (): Subscription =>
    open(client, channel, {
      // Without a known key: everything was flushed.
      message: (key) => watchers.has(key) ? read(key) : readAll(),
      up: () => {
        asking = setInterval(ping, askMillis)
        asking.unref?.()
        readAll()
      },
      down: hangUp
    }, {
      options: { protocol: 2, replyMapping: undefined },
      prepare: async (opened, isCurrent) => {
        const id = await opened.call("client", ["id"])
        if (!isCurrent()) return
        const opening = connectionOf(client, {})
        opening.on("end", () => {
          if (reader === opening) subscription?.restart()
        })
        reader = opening
        await opening.connect()
        await opening.call("client", ["tracking", "on", "redirect", String(id)])
      }
    })

  const stop = (): void => {
    hangUp()
    subscription?.stop()
    subscription = undefined
  }

  return {
    stop,
    watch: (key, notify) => {
      const told = watchers.get(key) ?? new Set()
      watchers.set(key, told.add(notify))
      if (subscription === undefined) subscription = begin()
      else read(key)
      return () => {
        told.delete(notify)
        if (told.size === 0 && watchers.get(key) === told) watchers.delete(key)
        if (watchers.size === 0) stop()
      }
    }
  }
}
