/** A process that holds many locks, for `holding` and `postgres`. */
import * as Postgres from "./contestants/postgres.ts"
import * as Redis from "./contestants/redis.ts"
import { forceGc, sleep } from "./lib/scenario.ts"
import { median } from "./lib/stats.ts"

export interface Held {
  readonly bytes: number
  /** Of a core, in the median window. */
  readonly cpu: number
}

const { locks, name, port, seconds, server, windows } = JSON.parse(process.argv[2])
const { byName } = server === "postgres" ? Postgres : Redis

const usage = async (): Promise<number> => {
  const before = process.cpuUsage()
  await sleep(seconds * 1000)
  const { system, user } = process.cpuUsage(before)
  return (user + system) / 1e6 / seconds
}

const heap = (): number => {
  forceGc()
  forceGc()
  return process.memoryUsage().heapUsed
}

const keys = Array.from({ length: locks }, (_, i) => `held-${i}`)
const session = await byName(name).open(port)
// Once before, so that compiled code and connections count neither as memory nor as work.
await (await session.hold!(keys))()
await sleep(500)
const empty = heap()
const idle = await usage()
const release = await session.hold!(keys)
const bytes = (heap() - empty) / locks
// The first renewals have their code compiled, too.
await usage()
process.send!("holding")
const used: Array<number> = []
while (used.length < windows) used.push(await usage())
process.on("message", async (message) => {
  if (message === "end") return process.exit()
  await release()
  await session.close()
  process.send!("done")
})
process.send!({ bytes, cpu: Math.max(0, median(used) - idle) })
