/**
 * A TCP proxy that tells subscriptions from other connections: what happens to
 * them behind balancers, NAT and names that lead to several servers.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

interface Link {
  readonly inbound: Socket
  readonly outbound: Socket
  subscribed: boolean
  silent: boolean
}

export interface Gate {
  readonly port: number
  /** Where new connections go. */
  target: number
  /** Where the nth connection goes, counted from 0, if not to the target. */
  route: ((nth: number) => number) | undefined
  /** Milliseconds until a subscription is passed on. */
  delaySubscriptions: number
  /** How many connections have subscribed so far. */
  readonly subscriptions: () => number
  /** The server's side of all subscriptions ends, ours is not told. */
  readonly forget: () => void
  /** Nothing more passes on subscriptions, either way; both sides believe in them. */
  readonly mute: () => void
  readonly cutSubscriptions: () => void
}

export const gate = (target: number): Effect.Effect<Gate, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Gate & { readonly close: () => void }>((resume) => {
      const links = new Set<Link>()
      let connections = 0
      let subscriptions = 0
      const state = { target, route: undefined as Gate["route"], delaySubscriptions: 0 }

      const server = createServer((inbound) => {
        const outbound = connect(state.route?.(connections++) ?? state.target, "127.0.0.1")
        const link: Link = { inbound, outbound, subscribed: false, silent: false }
        links.add(link)
        for (const socket of [inbound, outbound]) {
          socket.setNoDelay(true)
          socket.on("error", () => {})
        }
        let passed: Promise<unknown> = Promise.resolve()
        inbound.on("data", (bytes) => {
          if (!link.subscribed && /subscribe/i.test(bytes.toString("latin1"))) {
            link.subscribed = true
            subscriptions++
            if (state.delaySubscriptions > 0) {
              passed = new Promise((resolve) => setTimeout(resolve, state.delaySubscriptions))
            }
          }
          void passed.then(() => link.silent || outbound.write(bytes))
        })
        outbound.on("data", (bytes) => {
          if (!link.silent) inbound.write(bytes)
        })
        inbound.on("close", () => {
          links.delete(link)
          outbound.destroy()
        })
        outbound.on("close", () => {
          if (!link.silent) inbound.destroy()
        })
      })

      const subscribed = () => Array.from(links).filter((link) => link.subscribed)
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(Object.assign(state, {
          port: typeof address === "object" && address !== null ? address.port : 0,
          subscriptions: () => subscriptions,
          forget: () => {
            for (const link of subscribed()) {
              link.silent = true
              link.outbound.destroy()
            }
          },
          mute: () => {
            for (const link of subscribed()) link.silent = true
          },
          cutSubscriptions: () => {
            for (const { inbound } of subscribed()) inbound.destroy()
          },
          close: () => {
            server.close()
            for (const { inbound } of links) inbound.destroy()
          }
        })))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
