/** The transport over an ioredis client, version 5 or 6, single or cluster. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createHash } from "node:crypto"
import * as Failure from "./failure.ts"
import type { Script } from "./scripts.ts"
import type { Command, SubscriptionHandlers, Transport } from "./transport.ts"

/** What we use of a client. */
export interface Client {
  readonly status: string
  readonly isCluster?: boolean | undefined
  call(command: string, args: Array<string | number>): Promise<unknown>
  connect(): Promise<unknown>
  on(event: string, listener: (...args: Array<unknown>) => void): unknown
  off(event: string, listener: (...args: Array<unknown>) => void): unknown
}

interface Single extends Client {
  readonly options?: { readonly autoResendUnfulfilledCommands?: boolean | undefined } | undefined
  readonly stream?: { destroy(): void } | undefined
  duplicate(override: object): Single
  disconnect(): void
}

interface Cluster extends Client {
  nodes(role?: string): Array<Single>
}

const isCluster = (client: Client): client is Cluster => client.isCluster === true

/** A connection of ours that says nothing for this long while commands are out is given up for a new one. */
const silenceMillis = 1000

/** A connection that is not ready this long after somebody wants it is given up for a new one. */
const handshakeMillis = 3000

/** Delay before the nth attempt to connect again. */
export const backoff = (times: number): number =>
  Math.round(Math.min(1000, 25 * 2 ** Math.min(times, 8)) * (0.5 + Math.random() * 0.5))

const shaOf = (script: Script): string => createHash("sha1").update(script.lua).digest("hex")

const ignore = () => {}

const isNoScript = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

const closedError = new Error("Connection is closed.")

/**
 * Commands are only handed to a client that is connected, so none waits in the
 * client's offline queue to be executed at some later time. While a first or a
 * next connection is on its way they wait here; once such an attempt has failed
 * they fail at once, until one succeeds.
 *
 * `owned`: the client is ours to connect, to replace its socket, and to close.
 */
export const make = (client: Client, owned: boolean): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => open(client, owned)),
      ({ close }) => Effect.sync(close)
    ),
    ({ transport }) => transport
  )

const open = (client: Client, owned: boolean) => {
  const cluster = isCluster(client)
  const shas = new Map<Script, string>()
  /** Scripts that the connected server has. In a cluster we do not know which node has which. */
  const loaded = new Set<Script>()
  const observers: Array<{ readonly ready: () => void; readonly reset: () => void }> = []
  const inFlight = new Set<Command>()
  let waiting: Array<Command> = []
  let connected = client.status === "ready"
  let lastError: unknown = closedError
  let failing = false
  let closed = false
  let heardAt = 0

  const execute = (command: Command, text: boolean): void => {
    const { args, keys, script } = command
    const head = text ? script.lua : shas.get(script) ?? remember(script)
    if (inFlight.size === 0) heardAt = performance.now()
    else if (owned && performance.now() - heardAt > silenceMillis) hangUp()
    inFlight.add(command)
    command.sent = true
    client.call(text ? "eval" : "evalsha", [head, keys, ...args]).then(
      (reply) => succeed(command, reply),
      (error) => reject(command, text, error)
    )
  }

  const succeed = (command: Command, reply: unknown): void => {
    heardAt = performance.now()
    loaded.add(command.script)
    if (inFlight.delete(command)) command.succeed(reply)
  }

  const reject = (command: Command, text: boolean, error: unknown): void => {
    heardAt = performance.now()
    if (!inFlight.delete(command)) return
    if (!text && !closed && isNoScript(error)) return execute(command, true)
    command.fail(error)
  }

  const remember = (script: Script): string => {
    const sha = shaOf(script)
    shas.set(script, sha)
    return sha
  }

  const hangUp = () => {
    heardAt = performance.now()
    ;(client as Single).stream?.destroy()
  }

  const send = (command: Command): void => {
    if (closed) return command.fail(new Failure.Closed())
    // Between becoming ready and telling so, newcomers must not overtake those who wait for it.
    if (connected && client.status === "ready") return execute(command, !cluster && !loaded.has(command.script))
    if (isDown()) return command.fail(lastError)
    // A handshake that nobody answers is no connection either, and no timeout of the client's covers it.
    if (waiting.length === 0) heardAt = performance.now()
    else if (owned && performance.now() - heardAt > handshakeMillis) hangUp()
    waiting.push(command)
    if (client.status === "wait") client.connect().catch(ignore)
  }

  const isDown = () => client.status === "end" || (failing && client.status !== "ready")

  const onReady = () => {
    connected = true
    failing = false
    lastError = closedError
    heardAt = performance.now()
    const commands = waiting
    waiting = []
    for (const command of commands) execute(command, !cluster)
    for (const { ready } of observers) ready()
  }

  /** Nothing can be sent now, and what has been sent may be executed (once more) after the next connection. */
  const fail = () => {
    failing = true
    const commands = waiting
    waiting = []
    for (const command of commands) command.fail(lastError)
    // A cluster may redirect, so what comes after them need not be executed after them.
    if (!cluster) failAll()
  }

  const onError = (error: unknown) => {
    lastError = error
    if (!connected) fail()
  }

  const onClose = () => {
    loaded.clear()
    for (const { reset } of observers) reset()
    if (!connected) return fail()
    connected = false
    // These will neither be sent again nor ever be answered.
    if ((client as Single).options?.autoResendUnfulfilledCommands === false) failAll()
  }

  const failAll = () => {
    const commands = Array.from(inFlight)
    inFlight.clear()
    for (const command of commands) command.fail(lastError)
  }

  const events = { ready: onReady, error: onError, close: onClose, end: fail }
  for (const [event, listener] of Object.entries(events)) client.on(event, listener)
  if (owned) client.connect().catch(ignore)

  const stops = new Set<() => void>()

  const transport: Transport = {
    single: !cluster,
    oneClock: !cluster,
    send,
    call: (name, args, onReply, onError) => {
      client.call(name, [...args]).then((reply) => onReply(reply), () => onError())
    },
    isDown,
    observe: (observer) => {
      observers.push(observer)
      if (client.status === "ready") observer.ready()
    },
    subscribe: (channel, handlers) => {
      const stop = subscribe(client, channel, handlers)
      stops.add(stop)
      return () => {
        stops.delete(stop)
        stop()
      }
    }
  }

  const close = () => {
    closed = true
    for (const stop of stops) stop()
    if (owned) (client as Single).disconnect()
    lastError = new Failure.Closed()
    fail()
    failAll()
    for (const [event, listener] of Object.entries(events)) {
      if (!owned || event !== "error") client.off(event, listener)
    }
  }

  return { transport, close }
}

/** A connection of its own, to any node of a cluster; a new one whenever it breaks. */
const subscribe = (client: Client, channel: string, handlers: SubscriptionHandlers): () => void => {
  let stopped = false
  let times = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let connection: Single | undefined

  const again = () => {
    clearTimeout(timer)
    connection = undefined
    if (stopped) return
    handlers.down()
    timer = setTimeout(connect, backoff(times++))
  }

  const source = (): Single | undefined => {
    if (!isCluster(client)) return client as Single
    const nodes = client.nodes("master")
    return nodes[Math.floor(Math.random() * nodes.length)]
  }

  const connect = () => {
    const origin = client.status === "end" ? undefined : source()
    if (origin === undefined) return again()
    const opened = origin.duplicate({
      lazyConnect: true,
      enableReadyCheck: false,
      maxRetriesPerRequest: null,
      retryStrategy: () => null,
      reconnectOnError: null,
      autoResubscribe: false,
      commandTimeout: undefined,
      socketTimeout: undefined,
      readOnly: false
    })
    connection = opened
    opened.on("error", ignore)
    opened.on("end", again)
    opened.on("message", (from, message) => {
      if (from === channel) handlers.message(String(message))
    })
    const current = () => !stopped && connection === opened
    timer = setTimeout(() => opened.disconnect(), handshakeMillis)
    opened.connect().then(() => opened.call("subscribe", [channel])).then(
      () => current() && up(),
      (error) => current() && down(opened, error)
    )
  }

  const up = () => {
    clearTimeout(timer)
    times = 0
    handlers.up()
  }

  const down = (opened: Single, error: unknown) => {
    const { kind } = Failure.classify(error)
    if (kind !== "Unauthorized" && kind !== "Unsupported") return opened.disconnect()
    stop()
    handlers.refused(error)
  }

  const stop = () => {
    stopped = true
    clearTimeout(timer)
    connection?.disconnect()
    connection = undefined
  }

  connect()
  return stop
}
