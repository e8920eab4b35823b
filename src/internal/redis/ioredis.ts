/** The transport over an ioredis client, version 5 or 6, or its like, single or cluster. */
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import {
  backoff,
  type Client,
  type Cluster,
  handshakeMillis,
  isCluster,
  silenceMillis,
  type Single,
  tend
} from "./client.ts"
import * as Failure from "./failure.ts"
import { InFlight } from "./inFlight.ts"
import { Pulse } from "./pulse.ts"
import * as Subscription from "./subscription.ts"
import * as Tracking from "./tracking.ts"
import type { Command, Observer, Servers, Transport } from "./transport.ts"

/** Finds out what is wrong with the connection, if possible. */
type Diagnose = () => Promise<unknown>

const closedError = new Error("Connection is closed.")
const silentError = new Error("Connection is closed: it was silent.")

/**
 * Emitters warn of more than ten listeners, which is not a leak here: every backend removes its
 * own.
 */
const allowListeners = (client: Client, more: 1 | -1): void => {
  const emitter = client as { getMaxListeners?(): number; setMaxListeners?(most: number): unknown }
  const most = emitter.getMaxListeners?.()
  if (most !== undefined && most > 0) emitter.setMaxListeners?.(most + more)
}

/**
 * Commands are only sent while the client is connected, so none waits in the client's offline queue
 * to be executed at some later time. While the client connects they wait here; once an attempt to
 * connect has failed they fail at once, until one succeeds.
 *
 * `diagnose`: given if the client is our own, to connect, to replace its socket, and to close. It
 * is asked why no connection has worked yet, in case the client does not know.
 */
export const make = (client: Client, diagnose?: Diagnose): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => open(client, diagnose)),
      ({ close }) => Effect.sync(close)
    ),
    ({ transport }) => transport
  )

const open = (client: Client, diagnose: Diagnose | undefined) => {
  const owned = diagnose !== undefined
  const cluster = isCluster(client)
  const single = client as Single
  const observers: Array<Observer> = []
  let waiting: Array<Command> = []
  let connected = client.status === "ready"
  /** The last error of the client. */
  let lastError: unknown = closedError
  /** Why there is no connection, if that is known; undefined once a server has answered. */
  let reason: unknown
  let diagnosing = false
  /**
   * Whether a server has ever answered. A connection alone does not suffice: the server may refuse
   * us afterwards.
   */
  let wasAnswered = false
  let failing = false
  let closed = false
  let ends = 0
  let revival: ReturnType<typeof setTimeout> | undefined
  /** The server has refused the database. */
  let misplaced = false
  let placing: ReturnType<typeof setTimeout> | undefined

  // A client of the program is looked after by its owner, and a cluster looks after its nodes.
  const watched = owned && !cluster
  const handshake = Math.max(handshakeMillis, single.options?.connectTimeout ?? 0)
  const pulse = new Pulse(() => {
    lastError = silentError
    if (!connected) pulse.owe(handshake)
    single.stream?.destroy()
  })

  const inFlight = new InFlight(client, cluster, (byServer) => {
    if (byServer) {
      wasAnswered = true
      reason = undefined
    }
    if (watched) pulse.heard(!inFlight.isEmpty)
  })

  const execute = (command: Command): void => {
    if (watched) pulse.owe(silenceMillis)
    inFlight.send(command)
  }

  const send = (command: Command): void => {
    if (closed) return command.fail(new Failure.Closed())
    // Between becoming ready and the event, new commands must not overtake waiting ones.
    if (connected && client.status === "ready") return execute(command)
    if (isDown()) return command.fail(reason ?? lastError)
    waiting.push(command)
    if (client.status === "wait") client.connect().catch(constVoid)
  }

  const isDown = () => client.status === "end" || (failing && (misplaced || client.status !== "ready"))

  /** Bounds the handshake, beyond the client's own timeouts. */
  const onConnecting = () => {
    if (watched) pulse.owe(handshake)
  }

  const onReady = () => {
    const db = watched ? single.options?.db ?? 0 : 0
    if (db === 0) begin()
    else place(db)
  }

  /**
   * If the server refuses the client's database, the client goes on in another, in which no command
   * may be sent.
   */
  const place = (db: number) => {
    const { stream } = single
    const isCurrent = () => !closed && single.stream === stream
    pulse.owe(silenceMillis)
    client.call("select", [db]).then(() => {
      if (isCurrent()) begin()
    }, (error) => {
      if (!isCurrent()) return
      misplaced = true
      lastError = error
      pulse.rest()
      failed()
      placing = setTimeout(() => isCurrent() && place(db), silenceMillis)
      placing.unref?.()
    })
  }

  const begin = () => {
    connected = true
    misplaced = false
    failing = false
    ends = 0
    lastError = closedError
    pulse.rest()
    if (watched && !inFlight.isEmpty) pulse.owe(silenceMillis)
    const commands = waiting
    waiting = []
    for (const command of commands) execute(command)
    for (const { ready } of observers) ready()
  }

  /** An attempt to connect has failed, or the connection was of no use. */
  const failed = () => {
    const isKnown = diagnose === undefined || wasAnswered || closed
    if (isKnown || Failure.classify(lastError).kind !== "Unreachable") return fail(lastError)
    if (diagnosing) return
    diagnosing = true
    void diagnose().catch(constVoid).then((found) => {
      diagnosing = false
      if (closed || wasAnswered) return
      if (found !== undefined || !connected) fail(found ?? lastError)
    })
  }

  /** Nothing can be sent now, and what was sent may be executed (again) after the next connection. */
  const fail = (cause: unknown) => {
    // A reset may overtake the reason for it; then the reason of the previous attempt holds.
    if (!(Failure.isReset(cause) && Failure.isOfTls(reason))) reason = cause
    const first = !failing
    failing = true
    const commands = waiting
    waiting = []
    for (const command of commands) command.fail(reason)
    // A cluster may redirect commands, so later ones may be executed before them.
    if (!cluster) inFlight.fail(reason)
    if (first) { for (const { lost } of observers) lost?.(reason) }
  }

  const onError = (error: unknown) => {
    lastError = error
    if (!connected) failed()
  }

  const onClose = () => {
    misplaced = false
    inFlight.broke()
    pulse.rest()
    for (const { reset } of observers) reset()
    if (!connected) return failed()
    connected = false
    // They will neither be sent again nor answered.
    if (single.options?.autoResendUnfulfilledCommands === false) inFlight.fail(reason ?? lastError)
    if (owned && !wasAnswered) failed()
  }

  /**
   * A client gives up for good if it learns of a failover while it asks a Sentinel for the primary.
   * Our own is connected again.
   */
  const onEnd = () => {
    pulse.rest()
    failed()
    if (owned && !closed) revival = setTimeout(() => void client.connect().catch(constVoid), backoff(++ends))
  }

  /** The socket is connected, and the handshake gets the same time again. */
  const onConnect = () => pulse.heard(true)

  const events = {
    connecting: onConnecting,
    ...(watched && { connect: onConnect }),
    ready: onReady,
    error: onError,
    close: onClose,
    end: onEnd
  }
  if (!owned) allowListeners(client, 1)
  if (owned) tend(client)
  for (const [event, listener] of Object.entries(events)) client.on(event, listener)
  if (owned) client.connect().catch(constVoid)

  const servers = (): Servers => {
    const clientPrefix = (client as Single | Cluster).options?.keyPrefix ?? ""
    if (!cluster) return { names: [""], clientPrefix, sendTo: (_, command) => send(command) }
    const nodes = new Map(client.nodes("master").map((node) => [`${node.options?.host}:${node.options?.port}`, node]))
    return {
      names: Array.from(nodes.keys()).toSorted(),
      clientPrefix,
      sendTo: (server, { args, fail, script, succeed }) => {
        const node = nodes.get(server)
        if (node === undefined || closed) return fail(closed ? new Failure.Closed() : closedError)
        node.call(script as string, [...args]).then(succeed, fail)
      }
    }
  }

  const subscriptions = new Set<() => void>()
  const tracking = cluster ? undefined : Tracking.make(single)

  const transport: Transport = {
    single: !cluster,
    oneClock: !cluster,
    servers,
    send,
    isDown,
    watch: tracking?.watch,
    observe: (observer) => {
      observers.push(observer)
      if (connected) observer.ready()
    },
    subscribe: (channel, handlers) => {
      const { restart, stop } = Subscription.open(client, channel, handlers)
      subscriptions.add(stop)
      return {
        restart,
        stop: () => {
          subscriptions.delete(stop)
          stop()
        }
      }
    }
  }

  const close = () => {
    closed = true
    clearTimeout(revival)
    clearTimeout(placing)
    observers.length = 0
    pulse.rest()
    for (const stop of subscriptions) stop()
    tracking?.stop()
    if (owned) (client as Single | Cluster).disconnect()
    fail(new Failure.Closed())
    inFlight.fail(reason)
    for (const [event, listener] of Object.entries(events)) {
      if (!owned || event !== "error") client.off(event, listener)
    }
    if (!owned) allowListeners(client, -1)
  }

  return { transport, close }
}
