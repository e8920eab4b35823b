/**
 * A TCP proxy between one worker and the server, with the faults of networks.
 * Bytes of a direction stay in order. A connection that has lost bytes says
 * nothing more, in that direction, until it ends.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly port: number
  /** Where the server is; new connections go there. */
  target: number
  /** Milliseconds before bytes are passed on, at least and at most. */
  latency: readonly [number, number]
  /** Requests vanish: the server does not see them. */
  dropRequests: boolean
  /** Replies vanish: the server has executed, nobody is told. */
  dropReplies: boolean
  /** New connections are accepted and lead nowhere. */
  nowhere: boolean
  /** New connections are refused. */
  refuse: boolean
  /** The next reply of every connection is cut in the middle, and the connection reset. */
  readonly cutReplies: () => void
  /** The server's side of all connections ends, the worker's side is not told. */
  readonly halfOpen: () => void
  /** Resets all connections. */
  readonly reset: () => void
  readonly connections: () => number
}

interface Link {
  readonly inbound: Socket
  readonly outbound: Socket
  cut: boolean
  silent: boolean
}

export const proxy = (
  target: number,
  latency: readonly [number, number],
  random: () => number
): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      const links = new Set<Link>()
      const state = {
        target,
        latency,
        dropRequests: false,
        dropReplies: false,
        nowhere: false,
        refuse: false
      }

      const pump = (from: Socket, to: Socket, pass: (bytes: Buffer) => Buffer | undefined) => {
        let lost = false
        let last = 0
        from.on("data", (bytes) => {
          const passed = lost ? undefined : pass(bytes)
          if (passed === undefined) {
            lost = true
            return
          }
          const [least, most] = state.latency
          last = Math.max(last, performance.now() + least + random() * (most - least))
          const wait = last - performance.now()
          const deliver = () => void (to.writable && to.write(passed))
          if (wait <= 0) deliver()
          else setTimeout(deliver, wait)
        })
        from.on("error", () => {})
      }

      const server = createServer((inbound) => {
        if (state.refuse) {
          inbound.resetAndDestroy()
          return
        }
        const outbound = connect(state.target, "127.0.0.1")
        const link: Link = { inbound, outbound, cut: false, silent: state.nowhere }
        links.add(link)
        inbound.setNoDelay(true)
        outbound.setNoDelay(true)
        pump(inbound, outbound, (bytes) => link.silent || state.dropRequests ? undefined : bytes)
        pump(outbound, inbound, (bytes) => {
          if (link.silent || state.dropReplies) return undefined
          if (!link.cut) return bytes
          inbound.write(bytes.subarray(0, Math.max(1, bytes.length >> 1)), () => inbound.resetAndDestroy())
          return undefined
        })
        inbound.on("close", () => {
          links.delete(link)
          outbound.destroy()
        })
        outbound.on("close", () => {
          if (!link.silent) inbound.destroy()
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const reset = () => {
          for (const { inbound } of links) inbound.resetAndDestroy()
        }
        resume(Effect.succeed(Object.assign(state, {
          port,
          reset,
          cutReplies: () => {
            for (const link of links) link.cut = true
          },
          halfOpen: () => {
            for (const link of links) {
              link.silent = true
              link.outbound.destroy()
            }
          },
          connections: () => links.size,
          close: () => {
            server.close()
            reset()
          }
        })))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
