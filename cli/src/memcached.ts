/** Checks that only apply to memcached, by its text protocol. */
import * as Effect from "effect/Effect"
import { createConnection } from "node:net"
import { type Finding, ok, warning, wrongClock } from "./finding.ts"

/** Lines of `STAT name value`; empty if the server does not answer. */
const stats = (host: string, port: number, command: string): Effect.Effect<ReadonlyMap<string, string>> =>
  Effect.callback<ReadonlyMap<string, string>>((resume) => {
    const socket = createConnection({ host, port })
    let text = ""
    const end = () => {
      const found = new Map(
        text.split("\r\n").filter((line) => line.startsWith("STAT ")).map((line) => {
          const [, name, ...value] = line.split(" ")
          return [name, value.join(" ")] as const
        })
      )
      socket.destroy()
      resume(Effect.succeed(found))
    }
    socket.setEncoding("latin1").setTimeout(2_000)
    socket.on("connect", () => socket.write(`${command}\r\n`))
    socket.on("data", (chunk) => {
      text += chunk
      if (/(?:^|\r\n)(?:END|ERROR|CLIENT_ERROR .*)\r\n$/.test(text)) end()
    })
    for (const event of ["error", "timeout", "close"]) socket.on(event, end)
    return Effect.sync(() => socket.destroy())
  })

const addresses = (url: string): ReadonlyArray<{ readonly host: string; readonly port: number }> =>
  url.replace(/^[^/]*\/\/(?:[^@/]*@)?/, "").replace(/[/?].*$/, "").split(",").map((server) => {
    const at = /:\d+$/.exec(server)
    const host = (at === null ? server : server.slice(0, at.index)).replace(/^\[|\]$/g, "")
    return { host: host === "" ? "localhost" : host, port: at === null ? 11_211 : Number(at[0].slice(1)) }
  })

const ofServer = ({ host, port }: { readonly host: string; readonly port: number }, suffix: string) =>
  Effect.gen(function*() {
    const before = Date.now()
    const found = yield* stats(host, port, "stats")
    const ours = (before + Date.now()) / 2
    if (found.size === 0) {
      return [warning(
        `version${suffix}`,
        "unknown: it does not answer `stats`",
        "it wants a login, or another protocol, so eviction and clock cannot be judged",
        "look at `stats` yourself: evictions should be 0"
      )]
    }
    const settings = yield* stats(host, port, "stats settings")
    const evictions = Number(found.get("evictions") ?? 0)
    const never = settings.get("evictions") === "off"
    const off = Math.round(Number(found.get("time")) * 1_000 + 500 - ours)
    const findings: ReadonlyArray<Finding> = [
      ok(`version${suffix}`, `memcached ${found.get("version") ?? "of unknown version"}`),
      never
        ? warning(
          `eviction${suffix}`,
          "off (-M)",
          "while the memory is full a lock cannot be renewed, and is lost",
          "keep the memory from filling up: locks want a server of their own"
        )
        : evictions === 0
        ? ok(`eviction${suffix}`, `none so far, of ${found.get("limit_maxbytes")} bytes`)
        : warning(
          `eviction${suffix}`,
          `${evictions} items were evicted`,
          "when memory runs out the server drops locks that are held, and two may run at once",
          "keep locks on a server of their own, or give it more memory"
        ),
      ok(
        `persistence${suffix}`,
        "none: a restart frees all locks, and their holders learn it at their next renewal"
      ),
      Math.abs(off) < 3_000
        ? ok(`clock${suffix}`, "within seconds of ours, as far as it says")
        : wrongClock(`clock${suffix}`, `${Math.round(Math.abs(off) / 1000)} s ${off < 0 ? "behind" : "ahead of"} ours`)
    ]
    return findings
  })

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> => {
  const servers = addresses(url)
  const suffix = ({ host, port }: { readonly host: string; readonly port: number }) =>
    servers.length === 1 ? "" : ` of ${host}:${port}`
  return Effect.map(
    Effect.forEach(servers, (server) => ofServer(server, suffix(server)), { concurrency: "unbounded" }),
    (found) => found.flat()
  )
}
