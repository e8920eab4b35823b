/** What happens between a process and the server. Costs time, and the lease of who is cut off for longer than that. */
import { Effect } from "effect"
import type { Proxy } from "../../support/proxy.ts"
import type { Arena, Nemesis } from "../arena.ts"

const millis = (arena: Arena, from: number, to: number) =>
  Effect.sleep(arena.random.millis(from, to) * arena.workload.expires)

/** Puts proxies into a state, for some parts of a lease. */
const during = (
  name: string,
  [from, to]: readonly [number, number],
  enter: (proxy: Proxy, arena: Arena) => void,
  leave: (proxy: Proxy, arena: Arena) => void
): Nemesis => ({
  name,
  cutsOff: true,
  strike: (arena) => {
    const proxies = arena.somewhere()
    return Effect.acquireUseRelease(
      Effect.sync(() => proxies.forEach((proxy) => enter(proxy, arena))),
      () => millis(arena, from, to),
      () => Effect.sync(() => proxies.forEach((proxy) => leave(proxy, arena)))
    )
  }
})

/** Does something to connections at once. */
const suddenly = (name: string, act: (proxy: Proxy) => void): Nemesis => ({
  name,
  cutsOff: true,
  strike: (arena) => Effect.andThen(Effect.sync(() => arena.somewhere().forEach(act)), millis(arena, 0.1, 0.3))
})

export const latency: Nemesis = during(
  "latency",
  [0.5, 1.5],
  (proxy, { random, workload }) => {
    const most = random.millis(0.01, 0.4) * workload.expires
    proxy.latency = [most / 4, most]
  },
  (proxy, { workload: { latency } }) => {
    proxy.latency = [latency, latency]
  }
)

export const lostRequests: Nemesis = during(
  "lost requests",
  [0.1, 1.5],
  (proxy) => {
    proxy.dropRequests = true
  },
  (proxy) => {
    proxy.dropRequests = false
  }
)

export const lostReplies: Nemesis = during(
  "lost replies",
  [0.1, 1.5],
  (proxy) => {
    proxy.dropReplies = true
  },
  (proxy) => {
    proxy.dropReplies = false
  }
)

export const blackHole: Nemesis = during(
  "black hole",
  [0.1, 1.5],
  (proxy) => {
    proxy.nowhere = true
    proxy.reset()
  },
  (proxy) => {
    proxy.nowhere = false
  }
)

export const refusal: Nemesis = during(
  "refused connections",
  [0.1, 1.2],
  (proxy) => {
    proxy.refuse = true
    proxy.reset()
  },
  (proxy) => {
    proxy.refuse = false
  }
)

export const reset: Nemesis = suddenly("reset", (proxy) => proxy.reset())

export const halfOpen: Nemesis = suddenly("half-open connection", (proxy) => proxy.halfOpen())

export const cutReply: Nemesis = suddenly("cut in mid-reply", (proxy) => proxy.cutReplies())

/** The connection for commands is well. */
export const mutedSubscription: Nemesis = suddenly("muted subscription", (proxy) => proxy.muteSubscriptions())

/** The server does not know it any more, and the worker believes in it. */
export const forgottenSubscription: Nemesis = suddenly(
  "half-open subscription",
  (proxy) => proxy.forgetSubscriptions()
)

export const cutSubscription: Nemesis = suddenly("cut subscription", (proxy) => proxy.cutSubscriptions())

export const subscriptions: ReadonlyArray<Nemesis> = [mutedSubscription, forgottenSubscription, cutSubscription]

export const network: ReadonlyArray<Nemesis> = [
  latency,
  lostRequests,
  lostReplies,
  blackHole,
  refusal,
  reset,
  halfOpen,
  cutReply
]
