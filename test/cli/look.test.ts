/** The commands of the tool for those who look at locks. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { InMemoryBackend, Lock, LockConfig } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { chmodSync, existsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { contents, start } from "../support/cli.ts"
import { memcached } from "../support/memcached.ts"
import { admin, pgbouncer, postgres, standby } from "../support/postgres.ts"
import { it as answered } from "../support/punctual.ts"
import { client, cluster, redis, redisAt, until } from "../support/redis.ts"
import { watched } from "../support/sentinel.ts"
import { freePort, kill } from "../support/server.ts"
import { newKey, sh, tools } from "./tool.ts"

const { commandLine, folder, inTerminal, isFree, isHeld, newFile, ran, told, tool, url, waitsFor } = tools()

/** Holds a lock until somebody makes the file. */
const held = (key: string, expires = "10s") =>
  Effect.gen(function*() {
    const [ready, go] = [newFile(), newFile()]
    const script = `echo ready > "$1"; while ! [ -e "$2" ] && kill -0 $PPID; do sleep 0.05; done`
    const running = yield* tool(["run", key, "--expires", expires, ...sh(script, ready, go)], {
      env: { LOCK_OWNER: "the-holder" }
    })
    yield* contents(ready)
    return { running, end: Effect.sync(() => writeFileSync(go, "")) }
  })

const nowhere = Effect.map(freePort, (port) => `redis://127.0.0.1:${port}`)

describe("effect-lock show", () => {
  it.live("says that a key is free, and ends with 1", () =>
    Effect.gen(function*() {
      const key = newKey()
      assert.deepStrictEqual(yield* ran(["show", key]), { code: 1, out: `${key} is free\n`, err: "" })
      const { code, out } = yield* ran(["show", key, "--json"])
      assert.deepStrictEqual([code, JSON.parse(out)], [1, { key, held: false }])
    }))

  it.live.skipIf(!existsSync("/dev/full"))(
    "ends with 74 when its answer cannot be written",
    () =>
      Effect.gen(function*() {
        const LOCK_URL = yield* url
        const running = yield* start("sh", ["-c", `${commandLine("show", newKey())} > /dev/full`], {
          env: { LOCK_URL }
        })
        assert.strictEqual((yield* running.ended).code, 74)
        assert.include(running.err(), "ENOSPC")
      }).pipe(Effect.scoped)
  )

  it.live("says who holds it, since when, for how long, and how many wait", () =>
    Effect.gen(function*() {
      const key = newKey()
      yield* held(key)
      yield* tool(["run", key, "--", "true"])
      yield* waitsFor(key)
      const { code, out } = yield* ran(["show", key])
      assert.strictEqual(code, 0)
      assert.match(out, /is held by the-holder, since \d{4}-.*Z \(.*\), its lease ends in .*, 1 waits for it\n$/)
      const shown = JSON.parse((yield* ran(["show", key, "--json"])).out)
      assert.deepStrictEqual(Object.keys(shown).toSorted(), [
        "held",
        "key",
        "owner",
        "remainingMillis",
        "since",
        "token",
        "waiters"
      ])
      assert.deepStrictEqual([shown.held, shown.owner, shown.waiters], [true, "the-holder", 1])
      assert.isAtMost(shown.remainingMillis, 10_000)
      assert.match(shown.token, /^\d+-.*…$/)
      const whole = JSON.parse((yield* ran(["show", key, "--json", "--token"])).out)
      assert.match(whole.token, /^\d+-[\w-]{12}\..*\.the-holder$/)
    }).pipe(Effect.scoped))

  it.live("ends with 69 and one line when there is no server", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* ran(["show", "key", "--url", yield* nowhere])
      assert.deepStrictEqual([code, out], [69, ""])
      assert.match(err, /^effect-lock: redis could not inspect lock "key" \(Unreachable\): .*\n$/)
      const error = JSON.parse((yield* ran(["show", "key", "--json", "--url", yield* nowhere])).err)
      assert.deepStrictEqual([error.status, error.reason, error.kind], [69, "BackendFailure", "Unreachable"])
    }))
})

describe("effect-lock watch", () => {
  it.live("writes a line into a pipe for every change, until it is told to end", () =>
    Effect.gen(function*() {
      const key = newKey()
      const watching = yield* tool(["watch", key, "--every", "50ms"])
      yield* until(Effect.sync(() => watching.out().includes(`${key} is free\n`)))
      const { end } = yield* held(key)
      yield* until(Effect.sync(() => watching.out().includes("taken")))
      yield* end
      yield* until(Effect.sync(() => watching.out().includes("given back")))
      watching.kill("SIGINT")
      assert.strictEqual((yield* watching.ended).code, 130)
      const [, taken, free] = watching.out().trim().split("\n").map((line) => line.split(" ").slice(1).join(" "))
      assert.deepStrictEqual([taken, free], [`${key} taken by the-holder`, `${key} given back by the-holder`])
    }).pipe(Effect.scoped))

  it.live("draws a picture in a terminal, again and again", () =>
    Effect.gen(function*() {
      const key = newKey()
      const terminal = yield* inTerminal(["watch", key, "--every", "50ms"])
      yield* until(Effect.sync(() => terminal.out().split(`${key} is free`).length > 2))
      yield* held(key)
      yield* until(Effect.sync(() => new RegExp(`${key} +the-holder +`).test(terminal.out())))
      yield* until(Effect.sync(() => terminal.out().includes(`${key} taken by the-holder`)))
      assert.include(terminal.out(), "\u001b[H")
      // NO_COLOR is set.
      assert.notInclude(terminal.out(), "\u001b[1m")
      terminal.type("\u0003")
      assert.strictEqual((yield* terminal.ended).code, 130)
    }).pipe(Effect.scoped))
})

describe("effect-lock watch of a server that goes", () => {
  it.live("goes on until it is back, and says so", () =>
    Effect.gen(function*() {
      const server = yield* redis()
      const env = { LOCK_URL: `redis://127.0.0.1:${server.port}` }
      const holder = newFile()
      yield* tool(["run", "k", ...sh(`echo ready > "$1"; exec sleep 1000`, holder)], { env })
      yield* contents(holder)
      const watching = yield* tool(["watch", "--every", "50ms", "--json"], { env })
      yield* until(Effect.sync(() => watching.out().includes(`"change":"held"`)))
      yield* kill(server.process)
      yield* until(Effect.sync(() => watching.err() !== ""))
      yield* redisAt(server.port)
      yield* until(Effect.sync(() => watching.err().includes("answers again")))
      for (const line of [watching.out(), watching.err()].flatMap((text) => text.trim().split("\n"))) JSON.parse(line)
      watching.kill("SIGTERM")
      assert.strictEqual((yield* watching.ended).code, 143)
    }).pipe(Effect.scoped))

  it.live("is refused what makes no sense", () =>
    Effect.gen(function*() {
      for (const flags of [["--every", "0s"], ["--every", "forever"], ["a-key", "--prefix", "a"]]) {
        assert.deepInclude(yield* told(["watch", ...flags]), { code: 64, out: "" }, flags.join(" "))
      }
    }))

  it.live("that is not there at first ends with 69", () =>
    Effect.gen(function*() {
      const { code, out } = yield* ran(["watch", "--url", yield* nowhere])
      assert.deepStrictEqual([code, out], [69, ""])
    }))
})

describe("effect-lock ls", () => {
  it.live("says so where the backend does not know its keys", () =>
    Effect.gen(function*() {
      const { code, err, out } = yield* ran(["ls", "--json"], { env: { LOCK_URL: "memcache://127.0.0.1:1" } })
      assert.deepStrictEqual([code, out, JSON.parse(err).kind], [69, "", "Unsupported"])
    }))

  it.live("lists what other processes hold, on a server", () =>
    Effect.gen(function*() {
      const [one, shared] = [newKey(), newKey()]
      yield* held(one)
      yield* tool(["run", one, "--", "true"])
      yield* waitsFor(one)
      const ready = newFile()
      yield* tool(["run", shared, "--limit", "3", ...sh(`echo ready > "$1"; exec sleep 1000`, ready)])
      yield* contents(ready)
      const { code, out } = yield* ran(["ls", "--prefix", "key-"])
      assert.strictEqual(code, 0)
      assert.match(out, /^KEY +HOLDER +ASKED +LEASE ENDS IN +WAITING +PERMITS\n/)
      assert.match(out, new RegExp(`^${one} +the-holder +[\\d.]+s ago +[\\d.]+s +1 +alone$`, "m"))
      assert.match(out, new RegExp(`^${shared} +[\\w-]+ +[\\d.]+s ago +[\\d.]+s +0 +1$`, "m"))
      const objects = (yield* ran(["ls", "--prefix", one, "--json"])).out.trim().split("\n")
      const { key, owner, waiters } = JSON.parse(objects[0])
      assert.deepStrictEqual([objects.length, key, owner, waiters], [1, one, "the-holder", 1])
      assert.deepStrictEqual(yield* ran(["ls", "--prefix", "nobody"]), {
        code: 0,
        out: "",
        err: "effect-lock: nothing is held\n"
      })
    }).pipe(Effect.scoped))

  it.live("lists what is held, a line each, or an object each", () =>
    Effect.gen(function*() {
      // In this process, whose locks in memory the tool sees.
      const listed = (...args: ReadonlyArray<string>) => told(["ls", "--url", "memory://", ...args])
      const [lines, objects] = yield* Effect.all([listed(), listed("--prefix", "ls-b", "--json")]).pipe(
        Lock.withLock("ls-a"),
        Lock.withLock("ls-b"),
        LockConfig.provide({ owner: "me" }),
        Effect.provide(InMemoryBackend.layer)
      )
      // Other tests of this process may hold some, too.
      const [header, ...all] = lines.out.split("\n")
      const [one, other] = all.filter((line) => line.startsWith("ls-"))
      assert.match(header, /^KEY +HOLDER +ASKED +LEASE ENDS IN +WAITING/)
      assert.match(one, /^ls-a +me +[\d.]+s ago +[\d.]+s +0/)
      assert.match(other, /^ls-b +me /)
      const { key, owner } = JSON.parse(objects.out)
      assert.deepStrictEqual([lines.code, objects.code, key, owner], [0, 0, "ls-b", "me"])
    }))
})

describe("effect-lock release", () => {
  it.live("does nothing where the key is free, and asks nobody where there is no terminal", () =>
    Effect.gen(function*() {
      const key = newKey()
      assert.deepStrictEqual(yield* ran(["release", key]), { code: 1, out: `${key} is free\n`, err: "" })
      yield* held(key)
      const { code, err } = yield* ran(["release", key])
      assert.deepStrictEqual([code, err], [64, "effect-lock: There is no terminal to ask in: give --yes\n"])
      assert.isTrue(yield* isHeld(key))
    }).pipe(Effect.scoped))

  it.live("takes the lock away with --yes, and the holder is told", () =>
    Effect.gen(function*() {
      const key = newKey()
      const { running } = yield* held(key, "5s")
      const { code, out } = yield* ran(["release", key, "--yes", "--json"])
      assert.deepStrictEqual([code, JSON.parse(out)], [0, { key, released: true }])
      assert.strictEqual((yield* running.ended).code, 76)
    }).pipe(Effect.scoped))

  for (const [answer, code] of [["n", 1], ["y", 0]] as const) {
    it.live(`asks in a terminal, and heeds the answer ${answer}`, () =>
      Effect.gen(function*() {
        const key = newKey()
        yield* held(key)
        const terminal = yield* inTerminal(["release", key])
        yield* until(Effect.sync(() => terminal.out().includes("Take it away?")))
        assert.include(terminal.out(), "held by the-holder")
        terminal.type(answer)
        assert.strictEqual((yield* terminal.ended).code, code, terminal.out())
        assert.strictEqual(yield* isFree(key), answer === "y")
      }).pipe(Effect.scoped))
  }

  it.live("does nothing when somebody answers by Ctrl-C", () =>
    Effect.gen(function*() {
      const key = newKey()
      yield* held(key)
      const terminal = yield* inTerminal(["release", key])
      yield* until(Effect.sync(() => terminal.out().includes("Take it away?")))
      terminal.type("\x03")
      assert.strictEqual((yield* terminal.ended).code, 130)
      assert.isTrue(yield* isHeld(key))
    }).pipe(Effect.scoped))
})

describe("effect-lock doctor", () => {
  const examined = (url: string) =>
    Effect.map(ran(["doctor", "--json", "--url", url, "--timeout", "50s"]), ({ code, err, out }) => {
      const report = JSON.parse(out === "" ? err : out)
      const byCheck: Record<string, { readonly verdict: string; readonly found: string; readonly todo?: string }> = {}
      for (const finding of report.findings ?? []) byCheck[finding.check] = finding
      return { code, report, byCheck }
    })

  answered.live("finds a plain server fit, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const { byCheck, code, report } = yield* examined(`redis://127.0.0.1:${port}`)
      assert.deepStrictEqual([code, report.fit], [0, true])
      for (const check of ["locking", "version", "eviction", "replication", "persistence", "pub/sub", "clock"]) {
        assert.strictEqual(byCheck[check]?.verdict, "ok", check)
      }
      assert.match(byCheck["round trip"]?.found ?? "", /ms \(p50\), .* ms \(p99\)/)
      assert.isDefined(byCheck["waking"])
      assert.deepStrictEqual(
        yield* Effect.promise(() =>
          client(port).pipe(
            Effect.flatMap((one) => Effect.promise(() => one.keys("*{*"))),
            Effect.scoped,
            Effect.runPromise
          )
        ),
        []
      )
    }).pipe(Effect.scoped))

  answered.live("warns of eviction and of replicas, and says what to do", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
      const { port: replica } = yield* redis("--replicaof", "127.0.0.1", String(port))
      const looking = yield* client(port)
      yield* until(
        Effect.promise(() => looking.info("replication").then((info) => info.includes("connected_slaves:1")))
      )
      const { byCheck, code } = yield* examined(`redis://127.0.0.1:${port}`)
      assert.strictEqual(code, 0)
      assert.deepStrictEqual([byCheck.eviction.verdict, byCheck.replication.verdict], ["warning", "warning"])
      assert.include(byCheck.eviction.todo, "noeviction")
      const text = yield* ran(["doctor", "--url", `redis://127.0.0.1:${port}`])
      assert.match(
        text.out,
        /^WARNING eviction: allkeys-lru, at 104857600 bytes\n +That means: .*\n +To do: set maxmemory/m
      )
      const ofReplica = yield* ran(["doctor", "--url", `redis://127.0.0.1:${replica}`])
      assert.strictEqual(ofReplica.code, 1)
      assert.match(ofReplica.out, /^FAILED +locking: .*ReadOnly/m)
      assert.match(ofReplica.out, /^FAILED +replication: a replica\n +That means: it takes no writes/m)
    }).pipe(Effect.scoped))

  answered.live("tells what a user may not do, and shows no password", () =>
    Effect.gen(function*() {
      const users = "--user default on nopass ~* &* +@all --user some on >secret ~* &* +@all -info -publish"
      const { port } = yield* redis(...users.split(" "))
      const { byCheck, report } = yield* examined(`redis://some:secret@127.0.0.1:${port}`)
      assert.strictEqual(byCheck["pub/sub"]?.verdict, "warning")
      assert.strictEqual(byCheck["version"]?.verdict, "warning")
      assert.include(byCheck["version"]?.found, "may not call INFO")
      assert.notInclude(JSON.stringify(report), "secret")
    }).pipe(Effect.scoped))

  answered.live("knows clusters, and colours verdicts in a terminal only", () =>
    Effect.gen(function*() {
      const servers = yield* cluster
      const { byCheck, code } = yield* examined(`redis+cluster://127.0.0.1:${servers[0].port}`)
      assert.strictEqual(code, 0)
      for (const { port } of servers) assert.strictEqual(byCheck[`pub/sub of 127.0.0.1:${port}`]?.verdict, "ok")
      const terminal = yield* inTerminal(["doctor"], { NO_COLOR: "" })
      yield* terminal.ended
      assert.include(terminal.out(), "\u001b[32mok")
    }).pipe(Effect.scoped))

  answered.live("asks Sentinels for the primary, and takes the names of Valkey", () =>
    Effect.gen(function*() {
      const { primary, url } = yield* watched
      const { byCheck, code } = yield* examined(url)
      assert.deepStrictEqual([code, byCheck.replication?.verdict], [0, "warning"])
      assert.strictEqual((yield* examined(`valkey://127.0.0.1:${primary.port}`)).code, 0)
    }).pipe(Effect.scoped))

  answered.live(
    "knows PostgreSQL: its replicas, durability, table, connections, LISTEN and clock",
    () =>
      Effect.gen(function*() {
        const server = yield* postgres("fsync=off")
        const without = yield* examined(server.url)
        assert.deepStrictEqual([without.code, without.byCheck["locking"]?.verdict], [1, "failed"])
        assert.include(without.byCheck["locking"]?.found, "CREATE TABLE")
        const look = yield* admin(server.url)
        yield* look.unsafe(yield* SqlBackend.createTable())
        const { byCheck, code, report } = yield* examined(server.url)
        assert.deepStrictEqual([code, report.fit], [0, true])
        for (const check of ["locking", "rights", "version", "replication", "connections", "LISTEN", "clock"]) {
          assert.strictEqual(byCheck[check]?.verdict, "ok", `${check}: ${JSON.stringify(byCheck[check])}`)
        }
        assert.strictEqual(byCheck["durability"]?.verdict, "warning")
        // It is no setting of a user.
        assert.strictEqual(byCheck["durability"]?.todo, "set fsync on in the configuration of the server")
        assert.isDefined(byCheck["table"])
        const pooled = yield* examined(yield* pgbouncer(server))
        assert.strictEqual(pooled.byCheck["LISTEN"]?.verdict, "warning")
        const replica = yield* standby(server)
        // It may be read before it streams.
        const streams = Effect.map(
          look.unsafe("SELECT FROM pg_stat_replication WHERE state = 'streaming'"),
          (rows) => rows.length === 1
        )
        yield* until(streams)
        const ofStandby = yield* examined(replica.url)
        assert.strictEqual(ofStandby.code, 1)
        assert.strictEqual(ofStandby.byCheck["replication"]?.verdict, "failed")
        const ofPrimary = yield* examined(server.url)
        assert.match(
          ofPrimary.byCheck["replication"]?.found ?? "",
          /^a primary with 1 standby, none of them waited for$/
        )
      }).pipe(Effect.scoped)
  )

  answered.live("knows memcached: whether it evicts, and its clock", () =>
    Effect.gen(function*() {
      const { port } = yield* memcached()
      const { byCheck, code } = yield* examined(`memcache://127.0.0.1:${port}`)
      assert.strictEqual(code, 0)
      assert.match(byCheck["version"]?.found ?? "", /^memcached \d/)
      for (const check of ["eviction", "persistence", "clock"]) assert.strictEqual(byCheck[check]?.verdict, "ok", check)
      const never = yield* memcached(["-M"])
      const full = yield* examined(`memcache://127.0.0.1:${never.port}`)
      assert.strictEqual(full.byCheck["eviction"]?.verdict, "warning")
    }).pipe(Effect.scoped))

  it.live("knows directories: their file system, their rights, their room", () =>
    Effect.gen(function*() {
      const directory = join(folder, "locks")
      const url = pathToFileURL(directory).href
      const { byCheck, code } = yield* examined(url)
      assert.strictEqual(code, 0)
      for (const check of ["locking", "rights", "room"]) assert.strictEqual(byCheck[check]?.verdict, "ok", check)
      assert.isDefined(byCheck["file system"])
      chmodSync(directory, 0o777)
      const open = yield* examined(url)
      assert.match(
        open.report.findings.find((one: { found: string }) => one.found.startsWith("mode"))?.found,
        /everybody/
      )
    }))

  answered.live(
    "ends with 69 when there is no server, and when it does not answer in time",
    () =>
      Effect.gen(function*() {
        const { code, err } = yield* ran(["doctor", "--url", yield* nowhere])
        assert.strictEqual(code, 69)
        assert.match(err, /ECONNREFUSED/)
        const { port } = yield* redis()
        const late = yield* ran(["doctor", "--url", `redis://127.0.0.1:${port}`, "--timeout", "100ms"])
        assert.deepStrictEqual([late.code, late.out], [69, ""])
        assert.include(late.err, "no answer to all questions within 100ms")
      }).pipe(Effect.scoped)
  )
})

describe("effect-lock", () => {
  it.live("writes completions for shells", () =>
    Effect.gen(function*() {
      for (const shell of ["bash", "zsh", "fish"]) {
        const { code, out } = yield* told(["--completions", shell])
        assert.strictEqual(code, 0)
        for (const word of ["run", "show", "release", "doctor"]) assert.include(out, word)
      }
    }))

  it.live("helps with examples, and corrects those who mistype", () =>
    Effect.gen(function*() {
      const help = yield* told(["run", "--help"])
      assert.strictEqual(help.code, 0)
      assert.include(help.out, "effect-lock run nightly-report --once -- ./report.sh")
      const typo = yield* told(["relase", "key"])
      assert.deepStrictEqual([typo.code, typo.out], [64, ""])
      assert.include(typo.err, "release")
      assert.notInclude(help.out, "\u001b[")
    }))
})
