/** Many locks that are renewed in a memcached which stands still for a while: what that costs, of what they cost without. */
import { Processes } from "../lib/processes.ts"
import { atMost, type Context, type Report, short, sleep } from "../lib/scenario.ts"
import { memcached } from "../lib/servers.ts"
import { Rounds } from "../lib/stats.ts"
import type { Answer, Order } from "../staller.ts"

const locks = 2_000

/** Five renewals of each lock, of which the stall meets one or two. */
const windowMillis = 10_000
const stallMillis = 2_500

const name = "effect-lock"

export const run = async ({ log, quick }: Context): Promise<Report> => {
  const server = await memcached()
  const processes = new Processes<Order, Answer>("staller")
  await processes.ask(name, { port: server.port, locks })
  const cost = () => processes.ask(name, { millis: windowMillis })
  const stalled = async (): Promise<number> => {
    const cpu = cost()
    await sleep(500)
    server.process.kill("SIGSTOP")
    await sleep(stallMillis)
    server.process.kill("SIGCONT")
    return cpu
  }
  const rounds = new Rounds()
  // The first stall has its code compiled.
  await cost()
  await stalled()
  for (let round = 0; round < (quick ? 2 : 4); round++) {
    rounds.add("without", { cpu: await cost() })
    rounds.add("with", { cpu: await stalled() })
    log(`round ${round + 1}`)
  }
  processes.close()
  server.stop()
  const ratio = rounds.ratio("with", "without", "cpu")
  return {
    tables: [{
      title: `memcached, ${locks} locks held, and a server that stands still for ${stallMillis / 1000} s`,
      columns: ["", `client CPU in ${windowMillis / 1000} s, ms`, "of without"],
      rows: ["without", "with"].map((which) => [
        `${which} a stall`,
        short(rounds.median(which, "cpu")),
        short(rounds.ratio(which, "without", "cpu"))
      ]),
      note: "Leases of 6 s, renewed every third; none is lost."
    }],
    reach: [atMost(`memcached, ${locks} locks through a stall: CPU, of without`, ratio, 3)],
    data: rounds.toJSON() as Record<string, unknown>
  }
}
