/** A client of ioredis, version 5 or 6, or a compatible one, and how we deal with its connections. */

import { constVoid } from "effect/Function"

/** What we use of a client. */
export interface Client {
  readonly status: string
  readonly isCluster?: boolean | undefined
  call(command: string, args: Array<string | number>): Promise<unknown>
  connect(): Promise<unknown>
  on(event: string, listener: (...args: Array<unknown>) => void): unknown
  off(event: string, listener: (...args: Array<unknown>) => void): unknown
}

export interface Single extends Client {
  readonly options?: {
    readonly autoResendUnfulfilledCommands?: boolean | undefined
    readonly connectTimeout?: number | undefined
    readonly db?: number | undefined
    readonly host?: string | undefined
    readonly port?: number | undefined
    readonly keyPrefix?: string | undefined
    reconnectOnError?: ((error: Error) => boolean | 1 | 2) | null | undefined
  } | undefined
  readonly stream?: {
    readonly writable?: boolean
    destroy(): void
    on?(event: "error", listener: () => void): unknown
  } | undefined
  duplicate(override: object): Single
  disconnect(): void
}

export interface Cluster extends Client {
  readonly options?: { readonly keyPrefix?: string | undefined } | undefined
  /** The servers of each slot, the primary first. */
  readonly slots?: ReadonlyArray<ReadonlyArray<string> | undefined> | undefined
  nodes(role?: string): Array<Single>
  disconnect(): void
}

export const isCluster = (client: Client): client is Cluster => client.isCluster === true

/** The name of a required member that a client lacks. */
export const missing = (client: Client): string | undefined => {
  const given = client as unknown as Record<string, unknown> | null | undefined
  for (const name of ["call", "connect", "on", "off", client?.isCluster === true ? "nodes" : "duplicate"]) {
    if (typeof given?.[name] !== "function") return name
  }
  return typeof given?.["status"] === "string" ? undefined : "status"
}

/**
 * A TLS socket may emit several errors, such as for an alert that arrives after a certificate was refused. ioredis listens only
 * for the first, and the next one would end the process.
 */
const bearErrors = (client: Single): void => {
  const bear = () => void client.stream?.on?.("error", constVoid)
  for (const event of ["connect", "error", "close"]) client.on(event, bear)
}

/** A connection is left once: ioredis would end it again, with one more listener for its end, for each command refused on it. */
const leaveOnce = (client: Single): void => {
  const { options } = client
  const answer = options?.reconnectOnError
  if (!answer) return
  options!.reconnectOnError = (error) => {
    const wish = answer(error)
    const isLeft = client.stream?.writable === false
    return isLeft && wish !== 2 ? false : wish
  }
}

/** Tends the clients that a method of `maker` creates. */
const tendThoseOf = (maker: object | undefined, method: string): void => {
  const methods = maker as Record<string, unknown> | undefined
  const make = methods?.[method]
  if (typeof make === "function") methods![method] = (...args: Array<unknown>) => tend(make.apply(maker, args))
}

/**
 * Corrects how ioredis treats the connections of our client, and of those that this one creates for itself: to ask Sentinels,
 * to hear from them (where it also prints the first error), and to ask a node of a cluster for the slots.
 */
export const tend = <C extends Client>(client: C): C => {
  if (isCluster(client)) {
    client.on("+node", (node) => tendThoseOf(tend(node as Single), "duplicate"))
  } else {
    const single = client as Client as Single
    bearErrors(single)
    leaveOnce(single)
    tendThoseOf((client as { readonly connector?: object }).connector, "connectToSentinel")
  }
  return client
}

/** How long our connection may be silent while commands are in flight; then it is replaced. */
export const silenceMillis = 1000

/** How long a new connection may take to be ready; then it is replaced, too. */
export const handshakeMillis = 3000

/** Delay before the nth attempt to connect again. */
export const backoff = (times: number): number =>
  Math.round(Math.min(1000, 25 * 2 ** Math.min(times, 8)) * (0.5 + Math.random() * 0.5))
