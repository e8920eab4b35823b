/**
 * A TCP proxy between a client and its server, with the faults of networks, balancers and NAT. It tells
 * connections that subscribe from others. Bytes of a direction stay in order. A connection that has lost
 * bytes passes nothing more in that direction until it ends.
 */
import { Effect } from "effect"
import type { Scope } from "effect"
import { connect, createServer, type Socket } from "node:net"

export interface Proxy {
  readonly port: number
  /** Where the server is; new connections go there. */
  target: number
  /** Where the nth connection, counted from 0, goes instead of the target. */
  route: ((nth: number) => number) | undefined
  /** The least and the greatest delay of bytes, in milliseconds. */
  latency: readonly [number, number]
  /** The additional delay of a subscription, in milliseconds. */
  delaySubscriptions: number
  /** Requests vanish: the server does not see them. */
  dropRequests: boolean
  /** Replies vanish: the server has executed the request, but nobody is told. */
  dropReplies: boolean
  /** New connections are accepted and lead nowhere. */
  nowhere: boolean
  /** New connections are refused. */
  refuse: boolean
  /** The next reply does not arrive, but ends all connections. */
  cutAtReply: boolean
  /** The next request that contains this is executed; its reply does not arrive, but ends all connections. */
  cutAtReplyTo: RegExp | undefined
  /** What the server says after the second message of the client does not arrive, and the connection ends by a reset. */
  hideRefusals: boolean
  /** Called with the next request, before it is passed on. */
  atRequest: (() => void) | undefined
  /** The next reply of every connection is cut in the middle, and the connection reset. */
  readonly cutReplies: () => void
  /** The server's side of all connections ends, the client's side is not told. */
  readonly halfOpen: () => void
  /** Nothing more passes on connections that have subscribed; both sides believe in them. */
  readonly muteSubscriptions: () => void
  /** The server's side of connections that have subscribed ends, the client's side is not told. */
  readonly forgetSubscriptions: () => void
  /** Resets connections that have subscribed. */
  readonly cutSubscriptions: () => void
  /** Ends both sides of all connections; what is in flight is lost. */
  readonly cut: () => void
  /** Resets all connections. */
  readonly reset: () => void
  readonly connections: () => number
  /** How many connections have subscribed since the start. */
  readonly subscriptions: () => number
  /** Connections since the start. */
  readonly accepted: () => number
  /** Bytes of requests that came in since the start. */
  readonly requested: () => number
}

type Fate = "pass" | "lose" | "cut"

interface Link {
  readonly inbound: Socket
  readonly outbound: Socket
  cut: boolean
  cutAtReply: boolean
  silent: boolean
  subscribed: boolean
  /** The number of messages of the client. */
  spoken: number
}

export interface Options {
  readonly latency?: Proxy["latency"]
  /** A random number from 0 to 1, for the delay of bytes. */
  readonly random?: () => number
}

/** A subscription of Redis, or of PostgreSQL. */
const isSubscription = (text: string): boolean => /\r\nsubscribe\r\n|LISTEN "/i.test(text)

const noDelay = (_bytes: Buffer): number => 0

export const proxy = (
  target: number,
  { latency = [0, 0], random = Math.random }: Options = {}
): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Proxy & { readonly close: () => void }>((resume) => {
      const links = new Set<Link>()
      const state = {
        target,
        route: undefined as Proxy["route"],
        latency,
        delaySubscriptions: 0,
        dropRequests: false,
        dropReplies: false,
        nowhere: false,
        refuse: false,
        cutAtReply: false,
        cutAtReplyTo: undefined as RegExp | undefined,
        hideRefusals: false,
        atRequest: undefined as (() => void) | undefined
      }
      let requested = 0
      let accepted = 0
      let subscriptions = 0

      const cut = () => {
        for (const { inbound, outbound } of links) {
          inbound.destroy()
          outbound.destroy()
        }
      }

      const pump = (from: Socket, to: Socket, judge: (bytes: Buffer) => Fate, end: () => void, delay = noDelay) => {
        const queue: Array<{ readonly at: number; readonly bytes: Buffer; readonly isLast: boolean }> = []
        let timer: ReturnType<typeof setTimeout> | undefined
        let lost = false
        let over = false
        // One timer for all: several could fire in another order than they were set.
        const work = () => {
          timer = undefined
          for (let next = queue[0]; next !== undefined; next = queue[0]) {
            const wait = next.at - performance.now()
            if (wait > 0) {
              timer = setTimeout(work, wait)
              return
            }
            queue.shift()
            if (!to.writable) continue
            if (next.isLast) to.write(next.bytes, () => to.resetAndDestroy())
            else to.write(next.bytes)
          }
          // What is in flight when its sender leaves still arrives.
          if (over) end()
        }
        from.on("data", (bytes) => {
          const fate = lost ? "lose" : judge(bytes)
          if (fate !== "pass") lost = true
          if (fate === "lose") return
          const [least, most] = state.latency
          const at = performance.now() + least + random() * (most - least) + delay(bytes)
          const passed = fate === "cut" ? bytes.subarray(0, Math.max(1, bytes.length >> 1)) : bytes
          queue.push({ at, bytes: passed, isLast: fate === "cut" })
          if (timer === undefined) work()
        })
        from.on("error", () => {})
        from.on("close", () => {
          over = true
          if (timer === undefined) work()
        })
      }

      const server = createServer((inbound) => {
        const nth = accepted++
        if (state.refuse) {
          inbound.resetAndDestroy()
          return
        }
        const outbound = connect(state.route?.(nth) ?? state.target, "127.0.0.1")
        const link: Link = {
          inbound,
          outbound,
          cut: false,
          cutAtReply: false,
          silent: state.nowhere,
          subscribed: false,
          spoken: 0
        }
        links.add(link)
        inbound.on("data", (bytes) => {
          const text = bytes.toString("latin1")
          link.spoken++
          if (!link.subscribed && isSubscription(text)) {
            link.subscribed = true
            subscriptions++
          }
          if (state.cutAtReplyTo?.test(text) === true) {
            state.cutAtReplyTo = undefined
            link.cutAtReply = true
          }
        })
        inbound.setNoDelay(true)
        outbound.setNoDelay(true)
        pump(
          inbound,
          outbound,
          (bytes) => {
            requested += bytes.length
            const { atRequest } = state
            state.atRequest = undefined
            atRequest?.()
            return link.silent || state.dropRequests ? "lose" : "pass"
          },
          () => outbound.end(),
          (bytes) =>
            state.delaySubscriptions > 0 && isSubscription(bytes.toString("latin1")) ? state.delaySubscriptions : 0
        )
        pump(
          outbound,
          inbound,
          () => {
            if (state.hideRefusals && link.spoken > 1) return "lose"
            if (!state.cutAtReply && !link.cutAtReply) {
              return link.silent || state.dropReplies ? "lose" : link.cut ? "cut" : "pass"
            }
            state.cutAtReply = link.cutAtReply = false
            cut()
            return "lose"
          },
          () => {
            if (state.hideRefusals && link.spoken > 1) inbound.resetAndDestroy()
            else if (!link.silent) inbound.end()
          }
        )
        inbound.on("close", () => links.delete(link))
      })
      const forget = (those: (link: Link) => boolean) => {
        for (const link of links) {
          if (!those(link)) continue
          link.silent = true
          link.outbound.destroy()
        }
      }

      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const reset = () => {
          for (const { inbound } of links) inbound.resetAndDestroy()
        }
        resume(Effect.succeed(Object.assign(state, {
          port,
          cut,
          reset,
          cutReplies: () => {
            for (const link of links) link.cut = true
          },
          halfOpen: () => forget(() => true),
          forgetSubscriptions: () => forget(({ subscribed }) => subscribed),
          muteSubscriptions: () => {
            for (const link of links) link.silent ||= link.subscribed
          },
          cutSubscriptions: () => {
            for (const { inbound, subscribed } of links) if (subscribed) inbound.resetAndDestroy()
          },
          connections: () => links.size,
          accepted: () => accepted,
          subscriptions: () => subscriptions,
          requested: () => requested,
          close: () => {
            server.close()
            reset()
          }
        })))
      })
    }),
    ({ close }) => Effect.sync(close)
  )
