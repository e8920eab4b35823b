/**
 * A TCP proxy that misbehaves on command. Bytes are never reordered: each
 * direction of a connection is one queue, worked off in order. A direction that
 * has lost bytes stays silent until its connection ends, as real ones do.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly port: number
  /** Milliseconds before bytes are passed on. */
  delay: number
  /** Requests vanish: the server does not see them. */
  dropRequests: boolean
  /** Replies vanish: the server has executed, nobody is told. */
  dropReplies: boolean
  /** New connections are refused, by closing them at once. */
  refuse: boolean
  /** Breaks all connections now. */
  readonly cut: () => void
  readonly connections: () => number
  /** Requests seen since the start, in bytes. */
  requested: number
  /** Breaks the connection when the next reply arrives, instead of passing it on. */
  cutAtReply: boolean
}

export const proxy = (target: number): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly proxy: Proxy; readonly close: () => void }>((resume) => {
        const sockets = new Set<Socket>()
        const state = {
          delay: 0,
          dropRequests: false,
          dropReplies: false,
          refuse: false,
          requested: 0,
          cutAtReply: false
        }
        const cut = () => {
          for (const socket of sockets) socket.destroy()
        }
        const pump = (from: Socket, to: Socket, accept: (bytes: Buffer) => boolean) => {
          const queue: Array<{ readonly at: number; readonly bytes: Buffer }> = []
          let timer: ReturnType<typeof setTimeout> | undefined
          const work = () => {
            timer = undefined
            while (queue.length > 0) {
              const wait = queue[0].at - performance.now()
              if (wait > 0) {
                timer = setTimeout(work, wait)
                return
              }
              const { bytes } = queue.shift()!
              if (!to.destroyed) to.write(bytes)
            }
          }
          let silent = false
          from.on("data", (bytes) => {
            silent ||= !accept(bytes)
            if (silent) return
            queue.push({ at: performance.now() + state.delay, bytes })
            if (timer === undefined) work()
          })
          from.on("close", () => {
            clearTimeout(timer)
            to.destroy()
          })
          from.on("error", () => {})
        }
        const server = createServer((inbound): void => {
          if (state.refuse) return void inbound.destroy()
          const outbound = connect(target, "127.0.0.1")
          for (const socket of [inbound, outbound]) {
            socket.setNoDelay(true)
            sockets.add(socket)
            socket.on("close", () => sockets.delete(socket))
          }
          pump(inbound, outbound, (bytes) => {
            state.requested += bytes.length
            return !state.dropRequests
          })
          pump(outbound, inbound, () => {
            if (state.cutAtReply) {
              state.cutAtReply = false
              cut()
              return false
            }
            return !state.dropReplies
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          const proxy = Object.assign(state, { port, cut, connections: () => sockets.size / 2 })
          const close = () => {
            server.close()
            cut()
          }
          resume(Effect.succeed({ proxy, close }))
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ proxy }) => proxy
  )
