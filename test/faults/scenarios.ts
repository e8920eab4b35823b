/** The attacks: each family of nemeses alone, and all of them together. */
import type { Nemesis } from "./arena.ts"
import { cutSubscription, network, subscriptions } from "./nemeses/network.ts"
import * as Processes from "./nemeses/processes.ts"
import * as Servers from "./nemeses/servers.ts"
import type { Scenario } from "./runner.ts"

const { blockedLoop, death, pause, pauses, wallClock } = Processes

const everywhere: ReadonlyArray<Nemesis> = [death, pause, blockedLoop, wallClock]

/** What a Redis without loss of data goes through. */
const unforgetting: ReadonlyArray<Nemesis> = [Servers.restart, Servers.scriptFlush, Servers.clientKill]

const forgetting: ReadonlyArray<Nemesis> = [Servers.flush, Servers.eviction, Servers.emptyRestart]

const memcachedForgetting: ReadonlyArray<Nemesis> = [
  Servers.memcachedFlush,
  Servers.memcachedEviction,
  Servers.emptyRestart
]

export const memory: ReadonlyArray<Scenario> = [
  {
    name: "memory: clocks and pauses",
    backend: "memory",
    workers: 1,
    fibers: 12,
    nemeses: [pause, blockedLoop, wallClock]
  }
]

export const files: ReadonlyArray<Scenario> = [
  { name: "files: no faults", backend: "file", nemeses: [] },
  { name: "files: deaths", backend: "file", nemeses: [death] },
  { name: "files: pauses and clocks", backend: "file", nemeses: [pause, blockedLoop, wallClock] },
  // Many a lease ends while its holder stands still, and another while it is being taken over.
  {
    name: "files: everything",
    backend: "file",
    nemeses: everywhere,
    together: 2,
    expires: 300,
    pause: [0.3, 1],
    workers: 4
  },
  { name: "files: sharing, no faults", backend: "file", nemeses: [], limit: 3 },
  { name: "files: sharing, deaths", backend: "file", nemeses: [death], limit: 3, fibers: 5 },
  {
    name: "files: sharing, everything",
    backend: "file",
    nemeses: everywhere,
    together: 2,
    expires: 300,
    pause: [0.3, 1],
    workers: 4,
    limit: 3
  }
]

export const redis: ReadonlyArray<Scenario> = [
  { name: "redis: no faults", backend: "redis", nemeses: [] },
  { name: "redis: deaths", backend: "redis", nemeses: [death] },
  { name: "redis: pauses", backend: "redis", nemeses: [pause, blockedLoop] },
  { name: "redis: wall clocks", backend: "redis", nemeses: [wallClock] },
  { name: "redis: network", backend: "redis", nemeses: network },
  { name: "redis: subscriptions and messages", backend: "redis", nemeses: [...subscriptions, Servers.malformed] },
  { name: "redis: many pauses", backend: "redis", nemeses: [pauses], workers: 6, fibers: 2 },
  { name: "redis: silent server", backend: "redis", nemeses: [Servers.silence] },
  { name: "redis: malformed messages", backend: "redis", nemeses: [Servers.malformed], pause: [0.05, 0.2] },
  {
    name: "redis: failover that closes nothing",
    backend: "redis",
    nemeses: [Servers.takeOver],
    redis: { hasReplica: true },
    pause: [2, 4]
  },
  {
    name: "redis: planned failover by Sentinels",
    backend: "redis",
    nemeses: [Servers.plannedFailover],
    redis: { form: "sentinel" },
    timeout: 8_000
  },
  {
    name: "redis: moving slots of a cluster",
    backend: "redis",
    nemeses: [Servers.movingSlot],
    redis: { form: "cluster" }
  },
  { name: "redis: restarts with data", backend: "redis", nemeses: unforgetting, redis: { keepsData: true } },
  { name: "redis: sharing, no faults", backend: "redis", nemeses: [], limit: 3 },
  { name: "redis: sharing, deaths", backend: "redis", nemeses: [death], limit: 3, fibers: 5 },
  {
    name: "redis: sharing, deaths, pauses and network",
    backend: "redis",
    nemeses: [death, pause, blockedLoop, ...network, ...subscriptions],
    limit: 3,
    fibers: 5
  },
  { name: "redis: sharing, lost locks", backend: "redis", nemeses: [...forgetting, death], limit: 3 },
  { name: "redis: lost locks", backend: "redis", nemeses: forgetting },
  { name: "redis: failover", backend: "redis", nemeses: [Servers.failover], redis: { hasReplica: true } },
  {
    name: "redis: everything that forgets nothing",
    backend: "redis",
    nemeses: [...everywhere, ...network, ...subscriptions, Servers.silence, Servers.malformed, ...unforgetting],
    together: 2,
    redis: { keepsData: true }
  },
  {
    name: "redis: everything",
    backend: "redis",
    nemeses: [...everywhere, ...network, Servers.scriptFlush, Servers.clientKill, ...forgetting],
    together: 2
  }
]

export const memcached: ReadonlyArray<Scenario> = [
  { name: "memcached: no faults", backend: "memcached", nemeses: [] },
  { name: "memcached: deaths", backend: "memcached", nemeses: [death], timeout: 8_000 },
  {
    name: "memcached: pauses and clocks",
    backend: "memcached",
    nemeses: [pause, blockedLoop, wallClock],
    timeout: 8_000
  },
  { name: "memcached: network", backend: "memcached", nemeses: network, timeout: 8_000 },
  { name: "memcached: lost locks", backend: "memcached", nemeses: memcachedForgetting },
  {
    name: "memcached: everything",
    backend: "memcached",
    nemeses: [...everywhere, ...network, ...memcachedForgetting],
    together: 2,
    timeout: 8_000
  }
]

/** What a PostgreSQL goes through that keeps what it has committed. */
const committed: ReadonlyArray<Nemesis> = [
  Servers.restart,
  Servers.orphan,
  Servers.terminate,
  Servers.freeze,
  Servers.oldSnapshot
]

export const postgres: ReadonlyArray<Scenario> = [
  { name: "postgres: no faults", backend: "postgres", nemeses: [] },
  { name: "postgres: deaths", backend: "postgres", nemeses: [death] },
  { name: "postgres: pauses and clocks", backend: "postgres", nemeses: [pause, blockedLoop, wallClock] },
  { name: "postgres: network", backend: "postgres", nemeses: [...network, cutSubscription] },
  { name: "postgres: the server", backend: "postgres", nemeses: committed },
  { name: "postgres: sharing, no faults", backend: "postgres", nemeses: [], limit: 3 },
  { name: "postgres: sharing, deaths", backend: "postgres", nemeses: [death], limit: 3, fibers: 5 },
  {
    name: "postgres: sharing, deaths, pauses, network and the server",
    backend: "postgres",
    nemeses: [death, pause, blockedLoop, ...network, cutSubscription, ...committed],
    limit: 3,
    fibers: 5
  },
  { name: "postgres: promoted standby", backend: "postgres", nemeses: [Servers.promotion], hasStandby: true },
  {
    name: "postgres: everything that forgets nothing",
    backend: "postgres",
    nemeses: [...everywhere, ...network, ...committed],
    together: 2
  }
]

/** What has to be noticed about each of the locks that are broken on purpose, and under which faults it shows. */
export const broken: ReadonlyArray<Scenario & { readonly caught: RegExp }> = [
  {
    name: "blind delete",
    backend: "broken:blind delete",
    nemeses: [pause],
    keys: 1,
    expires: 300,
    hold: [20, 60],
    caught: /two holders/
  },
  {
    name: "check then set",
    backend: "broken:check then set",
    nemeses: [],
    keys: 1,
    latency: 10,
    caught: /two holders/
  },
  {
    name: "set, then expire",
    backend: "broken:set, then expire",
    nemeses: [death],
    pause: [2.5, 4],
    workers: 1,
    keys: 1,
    expires: 300,
    hold: [0, 2],
    latency: 40,
    caught: /stuck/
  },
  {
    name: "no renewal told",
    backend: "broken:no renewal told",
    nemeses: [],
    keys: 1,
    expires: 300,
    caught: /told \d+ ms late/
  }
]
