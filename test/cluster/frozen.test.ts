/** A runner of an Effect cluster that stands still for longer than it may, and what a leader in its singleton is told. */
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SqlBackend from "effect-lock/SqlBackend"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { isInstalled } from "../../scripts/installed.ts"
import { bundled } from "../support/bundled.ts"
import { admin, postgres } from "../support/postgres.ts"
import { until } from "../support/redis.ts"
import { freePort, kill } from "../support/server.ts"
import type { Order, Said } from "./runner.ts"

const program = bundled(new URL("./runner.ts", import.meta.url))

/** A runner, and all that it has said. */
const runner = Effect.fnUntraced(function*(url: string) {
  const order: Order = { url, port: yield* freePort }
  const path = yield* program
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [path, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] })),
    (child) => kill(child)
  )
  const said: Array<Said> = []
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("{\"what\"")) said.push(JSON.parse(line))
  })
  return {
    said,
    signal: (name: NodeJS.Signals) => Effect.sync(() => child.kill(name)),
    tokens: (what: Said["what"]) => said.flatMap((one) => "token" in one && one.what === what ? [one.token] : [])
  }
})

it.live.skipIf(!isInstalled("postgres"))(
  "a runner that was frozen is told that it leads no more, and what it writes late is refused",
  () =>
    Effect.gen(function*() {
      const { url } = yield* postgres()
      const sql = yield* admin(url)
      yield* sql.unsafe(yield* SqlBackend.createTable())
      yield* sql`CREATE TABLE storage (token bigint)`
      yield* sql`INSERT INTO storage VALUES (0)`
      const runners = [yield* runner(url), yield* runner(url)]
      const has = (what: Said["what"]) => runners.find(({ said }) => said.some((one) => one.what === what))
      yield* until(Effect.sync(() => has("wrote") !== undefined))
      const first = has("wrote")!
      const second = runners.find((one) => one !== first)!
      const [token] = first.tokens("wrote")

      yield* first.signal("SIGSTOP")
      // The cluster starts the singleton on the other, which leads as soon as the lease of the first is over.
      yield* until(Effect.sync(() => second.tokens("wrote").length > 0))
      assert.isAbove(second.tokens("wrote")[0], token)
      assert.isTrue(second.said.some(({ what }) => what === "singleton"))

      // What it said before has been heard by now.
      const before = first.said.length
      yield* first.signal("SIGCONT")
      yield* until(Effect.sync(() => first.said.slice(before).some(({ what }) => what === "no leader")))
      // A write that was under way may come back as done; after that there is none with the old token.
      const done = first.said.slice(before).filter((one) => one.what === "wrote" && one.token === token)
      assert.isAtMost(done.length, 1)
      const [stored] = yield* sql<{ readonly token: string }>`SELECT token FROM storage`
      assert.isAbove(Number(stored.token), token)
    }).pipe(Effect.scoped)
)
