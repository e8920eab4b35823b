/** Many locks held for a long time: what keeping them alive costs. Each contestant in a process of its own. */
import { once } from "node:events"
import { byName, ours, raw } from "../contestants/redis.ts"
import type { Held } from "../holder.ts"
import { Commands } from "../lib/commands.ts"
import { start } from "../lib/programs.ts"
import { atMost, check, type Context, type Report, short } from "../lib/scenario.ts"

/** Of each part, in this order. */
const contestants: Readonly<Record<string, ReadonlyArray<string>>> = {
  "effect-lock": [raw.name, ours.name],
  redlock: ["redlock@5"],
  "redis-semaphore": ["redis-semaphore"],
  "redlock-universal": ["redlock-universal"]
}

export const run = async ({ log, part, quick, redisPort }: Context): Promise<Report> => {
  const commands = await Commands.open(redisPort)
  const locks = 10_000
  // Three renewals of every lock.
  const seconds = 10
  const windows = quick ? 1 : 3
  const rows: Array<ReadonlyArray<string>> = []
  const data: Record<string, unknown> = {}
  for (const name of contestants[part]) {
    const order = JSON.stringify({ name, port: redisPort, locks, seconds, windows })
    const child = start("holder", [order], { execArgv: ["--expose-gc"] })
    const messages: Array<Held | "holding" | "done"> = []
    child.on("message", (message) => messages.push(message as Held))
    await once(child, "message")
    await commands.start()
    await once(child, "message")
    const perSecond = await commands.since(byName(name).sends) / (seconds * windows)
    const { bytes, cpu } = messages[1] as Held
    check(await commands.size() === locks, `${name} lost locks that it held`)
    child.send("release")
    await once(child, "message")
    check(await commands.size() === 0, `${name} left keys behind`)
    child.send("end")
    data[name] = { cpu, commands: perSecond, bytes }
    rows.push([name, `${short(cpu * 100)} %`, short(perSecond), short(bytes)])
    log(`${name} done`)
  }
  commands.close()
  const reach = () => {
    const { bytes, commands: sent, cpu } = data[ours.name] as Held & { readonly commands: number }
    const beyond = bytes - (data[raw.name] as Held).bytes
    return [
      atMost("10,000 held locks: of a core", cpu * 100, 1, " %"),
      atMost("10,000 held locks: commands/s", sent, 2.5),
      atMost(`a held lock: heap bytes beyond ${raw.name}`, beyond, 400)
    ]
  }
  return {
    tables: [{
      title: "Redis, 10,000 locks held, leases of 10 s, renewed every third",
      columns: ["", "of a core", "commands/s", "bytes a lock"],
      rows,
      note: "CPU of the whole process, in the median window of 10 s, less that of the same process without locks."
    }],
    reach: part === "effect-lock" ? reach() : [],
    data
  }
}
