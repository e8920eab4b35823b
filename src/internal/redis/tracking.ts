/**
 * News of locks for those who only look: a server remembers what a connection has
 * read, and says on another when that changes or ends. Nobody pays for it but who
 * looks. One pair of connections serves all, while there is anything to be told of.
 *
 * Whatever breaks, or is refused by the server's rules, begins anew; those who look
 * are then told to, and look every now and then by themselves.
 */
import { silenceMillis, type Single } from "./client.ts"
import { Pulse } from "./pulse.ts"
import { connectionOf, open } from "./subscription.ts"
import type { Subscription } from "./transport.ts"

/** Where a server tells clients that speak the second version of the protocol. */
const channel = "__redis__:invalidate"

/** An idle connection is asked this often whether it is there: a server forgets what one has read that is not. */
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

  /** Has the server remember, and only then those who wait for it look. */
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
      // Without a name everything was flushed.
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
