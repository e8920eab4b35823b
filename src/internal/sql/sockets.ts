/**
 * Sockets that we end ourselves. The driver says goodbye on them and waits for the
 * other side, for as long as the operating system does; a half-open connection would
 * keep the process alive meanwhile.
 */
import * as Net from "node:net"
import type { Duplex } from "node:stream"

type Address = { readonly host: string; readonly port: number } | { readonly path: string }

/** How long the other side has to end a connection that we have ended. */
const partingMillis = 500

export const connect = (address: Address, keepAliveMillis: number): Duplex =>
  "path" in address
    ? Net.connect({ path: address.path })
    // A statement is one write and then a wait for its answer.
    : Net.connect({ ...address, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMillis })

/** Destroys a socket that has been ended, or is going to be, unless it is gone soon. Needs nobody to wait for it. */
export const part = (socket: Duplex): void => {
  if (socket.destroyed) return
  const timer = setTimeout(() => socket.destroy(), partingMillis)
  // An open socket keeps the process alive for as long as that takes.
  timer.unref?.()
  socket.once("close", () => clearTimeout(timer))
}
