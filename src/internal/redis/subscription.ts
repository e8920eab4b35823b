/**
 * Listens on one channel over a connection of its own, to any node of a cluster, which is replaced
 * whenever it breaks, is silent, or is reported not to receive what it should.
 */
import { backoff, type Client, handshakeMillis, isCluster, silenceMillis, type Single, tend } from "./client.ts"
import * as Failure from "./failure.ts"
import { Pulse } from "./pulse.ts"
import type { Subscription, SubscriptionHandlers } from "./transport.ts"

/** How often it is pinged: an idle subscription receives nothing by itself. */
const askMillis = 2000

/** The pause after the server has refused the subscription: somebody may change its rules. */
const refusedMillis = 10_000

/** What to do before it subscribes, on a connection with these options. */
interface Preparing {
  readonly options: object
  readonly prepare: (opened: Single, isCurrent: () => boolean) => Promise<unknown>
}

/** A connection of our own to the same server: it connects when told to, and is not replaced when it breaks. */
export const connectionOf = (origin: Single, options: object): Single =>
  tend(origin.duplicate({
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
    reconnectOnError: null,
    autoResubscribe: false,
    commandTimeout: undefined,
    socketTimeout: undefined,
    readOnly: false,
    ...options
  }))

export const open = (
  client: Client,
  channel: string,
  handlers: SubscriptionHandlers,
  preparing?: Preparing
): Subscription => {
  let stopped = false
  let times = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let connection: Single | undefined
  let lastError: unknown = new Error("the connection has ended")
  const pulse = new Pulse(() => drop(new Error("the subscription is silent")))

  /** Leaves this connection for the next one. */
  const drop = (cause: unknown): void => {
    const dropped = connection
    if (stopped || dropped === undefined) return
    hangUp()
    handlers.down(cause)
    again(cause)
  }

  const hangUp = (): void => {
    pulse.rest()
    clearTimeout(timer)
    const left = connection
    connection = undefined
    // A polite end waits for the other side, which may be gone.
    left?.disconnect()
    left?.stream?.destroy()
  }

  const again = (cause: unknown): void => {
    const { kind } = Failure.classify(cause)
    const refused = kind === "Unauthorized" || kind === "Unsupported"
    timer = setTimeout(connect, refused ? refusedMillis : backoff(times++))
    // Whoever waits keeps the process alive by other means.
    if (refused) timer.unref?.()
  }

  const source = (): Single | undefined => {
    if (!isCluster(client)) return client as Single
    const nodes = client.nodes("master")
    return nodes[Math.floor(Math.random() * nodes.length)]
  }

  const connect = (): void => {
    const origin = client.status === "end" ? undefined : source()
    if (origin === undefined) return again(undefined)
    const opened = connectionOf(origin, preparing?.options ?? {})
    connection = opened
    const current = () => !stopped && connection === opened
    const failed = (error: unknown) => {
      if (current()) drop(error)
    }
    opened.on("error", (error) => lastError = error)
    opened.on("end", () => failed(lastError))
    opened.on("message", (from, message) => {
      if (!current()) return
      pulse.heard(false)
      if (from === channel) handlers.message(String(message))
    })
    pulse.owe(handshakeMillis)
    const prepared = () => current() ? preparing?.prepare(opened, current) : undefined
    opened.connect().then(prepared).then(() => opened.call("subscribe", [channel])).then(() => {
      if (!current()) return
      times = 0
      pulse.heard(false)
      handlers.up()
      ask(opened)
    }, failed)
  }

  const ask = (opened: Single): void => {
    timer = setInterval(() => {
      pulse.owe(silenceMillis)
      // An error is an answer, too.
      const heard = () => connection === opened && pulse.heard(false)
      opened.call("ping", []).then(heard, heard)
    }, askMillis)
    timer.unref?.()
  }

  connect()
  return {
    restart: () => {
      times = 0
      drop(new Error("the subscription does not hear what it should"))
    },
    stop: () => {
      stopped = true
      hangUp()
    }
  }
}
