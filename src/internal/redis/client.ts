/** A client of ioredis, version 5 or 6, or its like, and how we deal with its connections. */

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
  } | undefined
  readonly stream?: {
    destroy(): void
    on?(event: "error", listener: () => void): unknown
    setMaxListeners?(most: number): unknown
  } | undefined
  duplicate(override: object): Single
  disconnect(): void
}

export interface Cluster extends Client {
  readonly options?: { readonly keyPrefix?: string | undefined } | undefined
  nodes(role?: string): Array<Single>
  disconnect(): void
}

export const isCluster = (client: Client): client is Cluster => client.isCluster === true

/** What a client lacks, of what we cannot do without. */
export const missing = (client: Client): string | undefined => {
  const given = client as unknown as Record<string, unknown> | null | undefined
  for (const name of ["call", "connect", "on", "off", client?.isCluster === true ? "nodes" : "duplicate"]) {
    if (typeof given?.[name] !== "function") return name
  }
  return typeof given?.["status"] === "string" ? undefined : "status"
}

/** Has the clients that a method of `maker` makes outlive their errors. */
const bearThoseOf = (maker: object | undefined, method: string): void => {
  const methods = maker as Record<string, unknown> | undefined
  const make = methods?.[method]
  if (typeof make === "function") methods![method] = (...args: Array<unknown>) => bearErrors(make.apply(maker, args))
}

/**
 * Node may tell of several errors of a socket that speaks TLS, such as of an alert that arrives after a certificate was refused,
 * and ioredis listens for the first alone: the next one would end the process. So it is with the clients that it makes for itself,
 * to ask Sentinels, to hear from them (where it prints the first one, too), and to ask a node of a cluster for the slots.
 */
export const bearErrors = <C extends Client>(client: C): C => {
  if (isCluster(client)) {
    client.on("+node", (node) => bearThoseOf(bearErrors(node as Single), "duplicate"))
  } else {
    const single = client as Client as Single
    const bear = () => {
      const { stream } = single
      stream?.on?.("error", constVoid)
      // Each command that a server refuses as READONLY ends the socket once more, with a listener for its end.
      stream?.setMaxListeners?.(0)
    }
    for (const event of ["connect", "error", "close"]) single.on(event, bear)
    bearThoseOf((client as { readonly connector?: object }).connector, "connectToSentinel")
  }
  return client
}

/** A connection of ours that says nothing for this long while commands are out is given up for a new one. */
export const silenceMillis = 1000

/** One that is not ready this long after it was begun, likewise. */
export const handshakeMillis = 3000

/** Delay before the nth attempt to connect again. */
export const backoff = (times: number): number =>
  Math.round(Math.min(1000, 25 * 2 ** Math.min(times, 8)) * (0.5 + Math.random() * 0.5))
