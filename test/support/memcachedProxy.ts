/**
 * A TCP proxy that understands where memcached's binary messages begin and end,
 * so that a test can lose, hold or damage exactly the one it wants. Bytes of one
 * direction of a connection never overtake each other.
 */
import { Deferred, Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

const opcodeNames: Record<number, string> = {
  0x00: "get",
  0x02: "add",
  0x03: "replace",
  0x04: "delete",
  0x0e: "append",
  0x10: "stat",
  0x20: "saslList",
  0x21: "saslAuth"
}

export interface Message {
  readonly direction: "request" | "reply"
  readonly opcode: string
  /** Of a reply: that of its request. */
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
  /** The names of all requests, without those of the handshake. */
  readonly requests: Array<string>
  /** How many connections have been made. */
  readonly connections: () => number
  /** Decides on every message from now on. */
  readonly decide: (decide: (message: Message) => Fate) => void
  /**
   * The next message like this has that fate, the others pass. Where a store may be at work on other
   * keys meanwhile, as when it looks again after a lost ADD, say which lock is meant.
   */
  readonly next: (
    direction: Message["direction"],
    opcode: string,
    fate: Fate,
    lock?: string
  ) => { readonly arrived: Effect.Effect<void> }
  /**
   * Delivers what is held, and returns the number of messages. If the client has gone meanwhile, it waits
   * until the server has dealt with them.
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

const headerOf = (bytes: Buffer) => {
  const code = bytes.readUInt8(1)
  const keyStart = 24 + bytes.readUInt8(4)
  return {
    opcode: opcodeNames[code] ?? `0x${code.toString(16)}`,
    opaque: bytes.readUInt32BE(12),
    key: bytes.toString("latin1", keyStart, keyStart + bytes.readUInt16BE(2))
  }
}

export const memcachedProxy = Effect.fnUntraced(function*(
  target: () => number
): Effect.fn.Return<Proxy, never, Scope.Scope> {
  let decide: (message: Message) => Fate = () => "pass"
  let count = 0
  let held: Array<{ readonly queue: Array<Buffer>; readonly letGo: () => Effect.Effect<void> }> = []
  const requests: Array<string> = []
  const clients = new Set<Socket>()
  const upstreams = new Set<Socket>()

  const relay = (client: Socket) => {
    const connection = ++count
    const upstream = connect(target(), "127.0.0.1")
    let holds = 0
    /** Of requests that have no reply yet, by their number. */
    const keys = new Map<number, string>()
    client.setNoDelay(true)
    upstream.setNoDelay(true)
    clients.add(client)
    upstreams.add(upstream)
    client.on("error", () => {})
    upstream.on("error", () => client.destroy())
    client.on("close", () => {
      clients.delete(client)
      // What is held for the server must still get there.
      if (holds === 0) upstream.destroy()
    })
    upstream.on("close", () => {
      upstreams.delete(upstream)
      client.end()
    })

    const pipe = (direction: Message["direction"], from: Socket, to: Socket) => {
      let holding: Array<Buffer> | undefined
      let isCut = false
      const deliver = (bytes: Buffer) => void (to.writable && to.write(bytes))
      const suffer = (fate: Fate, bytes: Buffer): void => {
        switch (fate) {
          case "pass":
            return deliver(bytes)
          case "lose":
            return
          case "hold": {
            const queue = [bytes]
            holding = queue
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
            isCut = true
            to.write(bytes.subarray(0, bytes.length >> 1), () => setImmediate(() => client.resetAndDestroy()))
            return
          case "garbage":
            return deliver(Buffer.from("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"))
          case "end":
            client.end()
            return
          case "reset":
            client.resetAndDestroy()
        }
      }
      const onMessage = (bytes: Buffer): void => {
        const { opaque, opcode, ...header } = headerOf(bytes)
        if (direction === "request") keys.set(opaque, header.key)
        const key = keys.get(opaque) ?? ""
        if (direction === "reply") keys.delete(opaque)
        if (direction === "request" && opcode !== "stat" && !opcode.startsWith("sasl")) requests.push(opcode)
        // Half a message is followed by nothing, or both were one of another meaning.
        if (isCut) return
        if (holding === undefined) suffer(decide({ direction, opcode, key, connection }), bytes)
        else holding.push(bytes)
      }
      from.on("data", splitter(onMessage))
    }
    pipe("request", client, upstream)
    pipe("reply", upstream, client)
  }

  const server = createServer(relay)
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () =>
      Effect.sync(() => {
        server.close()
        for (const socket of [...clients, ...upstreams]) socket.destroy()
      })
  )
  const address = server.address()

  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    requests,
    connections: () => count,
    decide: (next) => {
      decide = next
    },
    next: (direction, opcode, fate, lock) => {
      const arrived = Deferred.makeUnsafe<void>()
      let done = false
      decide = (message) => {
        if (done || message.direction !== direction || message.opcode !== opcode) return "pass"
        if (lock !== undefined && message.key !== `lock:${lock}`) return "pass"
        done = true
        // Not before its fate has come over it: who waits for this may let it go at once.
        queueMicrotask(() => Deferred.doneUnsafe(arrived, Effect.void))
        return fate
      }
      return { arrived: Deferred.await(arrived) }
    },
    letGo: Effect.suspend(() => {
      const all = held
      held = []
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
  }
})
