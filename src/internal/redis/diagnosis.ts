/**
 * Why a connection has failed, where the client does not say so: behind Sentinels and
 * in a cluster it tells that all have failed, and one side of a connection that speaks
 * TLS when the other does not sees no more than silence, or an end. Both ways are tried.
 */
import { connect, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import * as Failure from "./failure.ts"
import type { Node } from "./url.ts"

/** For an answer to what we try. */
const limitMillis = 1000

const silence = "silence"

/** What the socket comes to: an error, or the event with what it tells; undefined if it ends, silence if that takes too long. */
const outcome = (socket: Socket, event: string): Promise<unknown> =>
  new Promise<unknown>((resolve) => {
    socket.on("error", resolve)
    socket.once(event, (told: unknown) => resolve(told ?? event))
    socket.once("close", () => resolve(undefined))
    socket.setTimeout(limitMillis, () => resolve(silence))
  }).finally(() => socket.destroy())

/** What is wrong where TLS is wanted. */
const ofSecure = async (options: ConnectionOptions): Promise<unknown> => {
  const plain = connect({ host: options.host, port: options.port! })
  plain.write("PING\r\n")
  if (/^[+-]/.test(String(await outcome(plain, "data")))) return Failure.withoutTls
  // A server may look at the certificate of a client that takes the connection for made: its word is lost if we write.
  const secure = connectTls(options)
  let isTaken = false
  secure.once("secureConnect", () => isTaken = true)
  const failed = await outcome(secure, "data")
  if (Failure.isOfTls(failed)) return failed
  return isTaken && (failed === undefined || Failure.isReset(failed)) ? Failure.unsaid : undefined
}

/** What is wrong where it is not. */
const ofPlain = async ({ host, port }: Node): Promise<unknown> => {
  const opened = await outcome(connectTls({ host, port, rejectUnauthorized: false }), "secureConnect")
  return opened === "secureConnect" ? Failure.withTls : undefined
}

/** What is wrong with TLS at one of the nodes, with these options for it if it is wanted; undefined if nothing is. */
export const diagnose = async (nodes: ReadonlyArray<Node>, tls: ConnectionOptions | undefined): Promise<unknown> => {
  const found = nodes.map((node) => tls === undefined ? ofPlain(node) : ofSecure({ ...tls, ...node }))
  return (await Promise.all(found)).find((fault) => fault !== undefined)
}
