/**
 * Why a connection has failed, where the client does not say so. With Sentinels and clusters it only
 * says that all nodes have failed; and if just one side speaks TLS, the other sees only silence or
 * an end. So both ways are tried.
 */
import { connect, type Socket } from "node:net"
import { connect as connectTls, type ConnectionOptions } from "node:tls"
import * as Failure from "./failure.ts"
import type { Node } from "./url.ts"

/** How long an answer may take. */
const limitMillis = 1000

const silence = "silence"

/** The outcome of a socket: its error, or the event and its data; undefined if it ends, silence if that takes too long. */
const outcome = (socket: Socket, event: string): Promise<unknown> =>
  new Promise<unknown>((resolve) => {
    socket.on("error", resolve)
    socket.once(event, (told: unknown) => resolve(told ?? event))
    socket.once("close", () => resolve(undefined))
    socket.setTimeout(limitMillis, () => resolve(silence))
  }).finally(() => socket.destroy())

/** What is wrong if TLS is wanted. */
const ofSecure = async (options: ConnectionOptions): Promise<unknown> => {
  const plain = connect({ host: options.host, port: options.port! })
  plain.write("PING\r\n")
  if (/^[+-]/.test(String(await outcome(plain, "data")))) return Failure.withoutTls
  // The server may still be checking our certificate after the handshake: if we wrote now, its verdict would be lost.
  const secure = connectTls(options)
  let isTaken = false
  secure.once("secureConnect", () => isTaken = true)
  const failed = await outcome(secure, "data")
  if (Failure.isOfTls(failed)) return failed
  return isTaken && (failed === undefined || Failure.isReset(failed)) ? Failure.unsaid : undefined
}

/** What is wrong if it is not. */
const ofPlain = async ({ host, port }: Node): Promise<unknown> => {
  const opened = await outcome(connectTls({ host, port, rejectUnauthorized: false }), "secureConnect")
  return opened === "secureConnect" ? Failure.withTls : undefined
}

/** What is wrong with TLS at one of the nodes, undefined if nothing is; `tls` has its options if it is wanted. */
export const diagnose = async (nodes: ReadonlyArray<Node>, tls: ConnectionOptions | undefined): Promise<unknown> => {
  const found = nodes.map((node) => tls === undefined ? ofPlain(node) : ofSecure({ ...tls, ...node }))
  return (await Promise.all(found)).find((fault) => fault !== undefined)
}
