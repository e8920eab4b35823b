/**
 * A TCP proxy that understands where memcached's binary messages begin and end,
 * so that a test can lose, hold or damage exactly the one it means. Bytes of one
 * direction of a connection never overtake each other.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

export const opcodeNames: Record<number, string> = {
  0x00: "get",
  0x02: "add",
  0x03: "replace",
  0x04: "delete",
  0x10: "stat",
  0x20: "saslList",
  0x21: "saslAuth"
}

export interface Message {
  readonly direction: "request" | "reply"
  readonly opcode: string
  readonly key: string
  /** Which connection through the proxy, from 1. */
  readonly connection: number
}

/**
 * What becomes of a message: it passes, is lost, waits (with all that follows
 * it) until {@link Proxy.letGo}, is cut in half and the connection reset, is
 * replaced by garbage, or takes the connection with it.
 */
export type Fate = "pass" | "lose" | "hold" | "half" | "garbage" | "end" | "reset"

export interface Proxy {
  readonly port: number
  /** Every request that came in, by name, the handshake left out. */
  readonly requests: Array<string>
  /** How many connections have been made. */
  readonly connections: () => number
  /** Decides about every message from now on. */
  readonly decide: (decide: (message: Message) => Fate) => void
  /** The next message like this has that fate, the others pass. Completes when it has come. */
  readonly next: (direction: Message["direction"], opcode: string, fate: Fate) => Effect.Effect<void>
  /**
   * Delivers what is held, and gives the number of messages. Where the client has
   * gone meanwhile, it waits until the server has dealt with them.
   */
  readonly letGo: Effect.Effect<number>
  /** Sends bytes to the clients of all connections. */
  readonly inject: (bytes: Uint8Array) => void
  /** Resets all connections. */
  readonly cut: Effect.Effect<void>
}

/** Cuts a stream into messages. */
const splitter = (onMessage: (message: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 24 && rest.length >= 24 + rest.readUInt32BE(8)) {
      const length = 24 + rest.readUInt32BE(8)
      onMessage(rest.subarray(0, length))
      rest = rest.subarray(length)
    }
  }
}

/** Ends a connection, and waits until the other side has read everything and ended it too. */
const ended = (socket: Socket): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (socket.destroyed) return resume(Effect.void)
    socket.once("close", () => resume(Effect.void))
    socket.resume()
    socket.end()
  })

export const memcachedProxy = (target: () => number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly proxy: Proxy; readonly close: () => void }>((resume) => {
        let decide: (message: Message) => Fate = () => "pass"
        let count = 0
        const requests: Array<string> = []
        const sockets = new Set<Socket>()
        const clients = new Set<Socket>()
        const held: Array<{ readonly queue: Array<Buffer>; readonly letGo: () => Effect.Effect<void> }> = []

        const server = createServer((client) => {
          const connection = ++count
          const upstream = connect(target(), "127.0.0.1")
          client.setNoDelay(true)
          upstream.setNoDelay(true)
          sockets.add(client).add(upstream)
          clients.add(client)
          let holds = 0
          client.on("error", () => {})
          upstream.on("error", () => client.destroy())
          client.on("close", () => {
            sockets.delete(client)
            clients.delete(client)
            // What is held for the server must still get there.
            if (holds === 0) upstream.destroy()
          })
          upstream.on("close", () => {
            sockets.delete(upstream)
            client.end()
          })

          const pipe = (direction: Message["direction"], from: Socket, to: Socket) => {
            let holding: Array<Buffer> | undefined
            const deliver = (bytes: Buffer) => void (to.writable && to.write(bytes))
            from.on(
              "data",
              splitter((bytes) => {
                const keyLength = bytes.readUInt16BE(2)
                const extrasLength = bytes.readUInt8(4)
                const opcode = opcodeNames[bytes.readUInt8(1)] ?? `0x${bytes.readUInt8(1).toString(16)}`
                const key = bytes.toString("latin1", 24 + extrasLength, 24 + extrasLength + keyLength)
                if (direction === "request" && opcode !== "stat" && !opcode.startsWith("sasl")) requests.push(opcode)
                if (holding !== undefined) return void holding.push(bytes)
                switch (decide({ direction, opcode, key, connection })) {
                  case "pass":
                    return deliver(bytes)
                  case "lose":
                    return
                  case "hold": {
                    const queue = holding = [bytes]
                    holds++
                    held.push({
                      queue,
                      letGo: () => {
                        holding = undefined
                        holds--
                        for (const bytes of queue) deliver(bytes)
                        return client.destroyed ? ended(upstream) : Effect.void
                      }
                    })
                    return
                  }
                  case "half":
                    return void to.write(bytes.subarray(0, bytes.length >> 1), () => setImmediate(() => client.resetAndDestroy()))
                  case "garbage":
                    return deliver(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
                  case "end":
                    return void client.end()
                  case "reset":
                    return void client.resetAndDestroy()
                }
              })
            )
          }
          pipe("request", client, upstream)
          pipe("reply", upstream, client)
        })

        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({
            proxy: {
              port,
              requests,
              connections: () => count,
              decide: (next) => {
                decide = next
              },
              next: (direction, opcode, fate) => {
                let arrived: () => void = () => {}
                let done = false
                decide = (message) => {
                  if (done || message.direction !== direction || message.opcode !== opcode) return "pass"
                  done = true
                  arrived()
                  return fate
                }
                return Effect.callback<void>((resume) => {
                  arrived = () => resume(Effect.void)
                  if (done) arrived()
                })
              },
              letGo: Effect.suspend(() => {
                const all = held.splice(0)
                return Effect.as(
                  Effect.forEach(all, ({ letGo }) => letGo(), { discard: true }),
                  all.reduce((sum, { queue }) => sum + queue.length, 0)
                )
              }),
              inject: (bytes) => {
                for (const client of clients) client.write(bytes)
              },
              cut: Effect.sync(() => {
                for (const client of clients) client.resetAndDestroy()
              })
            },
            close: () => {
              server.close()
              for (const socket of sockets) socket.destroy()
            }
          }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ proxy }) => proxy
  )
