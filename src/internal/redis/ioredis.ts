/** The transport over an ioredis client, version 5 or 6, or its like, single or cluster. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Client, type Cluster, isCluster, type Single } from "./client.ts"
import { Connection } from "./connection.ts"
import * as Failure from "./failure.ts"
import { closedError, type Diagnose } from "./outage.ts"
import { slotOf } from "./slot.ts"
import * as Subscription from "./subscription.ts"
import * as Tracking from "./tracking.ts"
import type { Servers, Transport } from "./transport.ts"

/**
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
  const cluster = isCluster(client)
  const connection = new Connection(client, diagnose)
  const subscriptions = new Set<() => void>()
  const tracking = cluster ? undefined : Tracking.make(client as Single)

  const transport: Transport = {
    single: !cluster,
    oneClock: !cluster,
    servers: () => serversOf(client, connection),
    serverOf: isCluster(client)
      ? (key) => client.slots?.[slotOf((client.options?.keyPrefix ?? "") + key)]?.[0]
      : undefined,
    send: (command) => connection.send(command),
    isDown: () => connection.isDown,
    watch: tracking?.watch,
    observe: (observer) => connection.observe(observer),
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
    for (const stop of subscriptions) stop()
    tracking?.stop()
    connection.close()
  }

  return { transport, close }
}

const serversOf = (client: Client, connection: Connection): Servers => {
  const clientPrefix = (client as Single | Cluster).options?.keyPrefix ?? ""
  if (!isCluster(client)) {
    return { names: [""], clientPrefix, sendTo: (_, command) => connection.send(command) }
  }
  const nodes = new Map(client.nodes("master").map((node) => [`${node.options?.host}:${node.options?.port}`, node]))
  return {
    names: Array.from(nodes.keys()).toSorted(),
    clientPrefix,
    sendTo: (server, { args, fail, script, succeed }) => {
      const node = nodes.get(server)
      if (node === undefined || connection.closed) return fail(connection.closed ? new Failure.Closed() : closedError)
      node.call(script as string, [...args]).then(succeed, fail)
    }
  }
}
