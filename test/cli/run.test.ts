import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { contents, start } from "../support/cli.ts"
import { memcached } from "../support/memcached.ts"
import { redis, until } from "../support/redis.ts"
import { freePort, kill } from "../support/server.ts"
import { isAlive, newKey, sh, tools } from "./tool.ts"

const { commandLine, folder, inTerminal, isFree, isHeld, newFile, ran, told, tool, url, waitsFor } = tools()

/** Says that it is there, and goes on until somebody makes a file, or nobody is left to. */
const patient = `echo $$ > "$1"; while ! [ -e "$2" ] && kill -0 $PPID; do sleep 0.05; done`

describe("effect-lock run", () => {
  it.live("is as if it were not there: the command's files, environment and exit status", () =>
    Effect.gen(function*() {
      const key = newKey()
      const script = `cat; echo "$1" >&2; echo "$PATH|$OURS|$EFFECT_LOCK_KEY|$EFFECT_LOCK_FENCING_TOKEN"; exit 7`
      const { code, err, out } = yield* ran(["run", key, ...sh(script, "--json")], {
        stdin: "one\ntwo\n",
        env: { OURS: "kept" }
      })
      assert.strictEqual(code, 7)
      assert.strictEqual(err, "--json\n")
      const [one, two, line] = out.split("\n")
      assert.deepStrictEqual([one, two], ["one", "two"])
      const [path, ours, name, fence] = line.split("|")
      assert.deepStrictEqual([path, ours, name], [process.env.PATH, "kept", key])
      assert.isAbove(Number(fence), 0)
      assert.isTrue(yield* isFree(key))
    }))

  it.live.skipIf(!existsSync("/dev/full"))(
    "ends as its command does, where nothing could be written, if nothing was",
    () =>
      Effect.gen(function*() {
        const LOCK_URL = yield* url
        const line = `${commandLine("run", newKey(), ...sh("exit 7"))} > /dev/full`
        const running = yield* start("sh", ["-c", line], { env: { LOCK_URL } })
        assert.deepStrictEqual([(yield* running.ended).code, running.err()], [7, ""])
      }).pipe(Effect.scoped)
  )

  it.live("tells a signal that ended the command, a command that is not there, and one that cannot be run", () =>
    Effect.gen(function*() {
      const key = newKey()
      assert.strictEqual((yield* ran(["run", key, ...sh("kill -KILL $$")])).code, 137)
      assert.strictEqual((yield* ran(["run", key, ...sh("kill -TERM $$")])).code, 143)
      const missing = yield* ran(["run", key, "--", "no-such-command"])
      assert.deepStrictEqual([missing.code, missing.err], [127, "effect-lock: no-such-command: not found\n"])
      const forbidden = yield* ran(["run", key, "--", "/etc/passwd"])
      assert.deepStrictEqual([forbidden.code, forbidden.err], [
        126,
        "effect-lock: /etc/passwd: cannot be run (EACCES)\n"
      ])
      const below = yield* ran(["run", key, "--", "/etc/passwd/x"])
      assert.deepStrictEqual([below.code, below.err], [
        126,
        "effect-lock: /etc/passwd/x: cannot be run (ENOTDIR)\n"
      ])
      assert.deepInclude(yield* ran(["run", key, "--", ""]), { code: 127, err: "effect-lock: : not found\n" })
      assert.isTrue(yield* isFree(key))
    }))

  it.live("leaves everything behind -- to the command, and wants the --", () =>
    Effect.gen(function*() {
      const key = newKey()
      const version = yield* ran(["run", key, "--", process.execPath, "--version"])
      assert.deepStrictEqual([version.code, version.out], [0, `${process.version}\n`])
      assert.strictEqual((yield* ran(["run", key, "--", "echo", "--", "--help", "-h"])).out, "-- --help -h\n")
      for (const args of [[key, "echo", "hi"], [key], [key, "--"], [key, "echo", "--", "hi"]]) {
        const { code, err, out } = yield* ran(["run", ...args])
        assert.deepStrictEqual([code, out], [64, ""], args.join(" "))
        assert.include(err, "the command comes after --")
      }
      // Not a flag of ours.
      const { code, out } = yield* ran(["run", key, "ls", "-la"])
      assert.deepStrictEqual([code, out], [64, ""])
    }))

  it.live("ends with 75 when the lock is taken, and says who has it", () =>
    Effect.gen(function*() {
      const [key, ready, go] = [newKey(), newFile(), newFile()]
      const first = yield* tool(["run", key, ...sh(patient, ready, go)], { env: { LOCK_OWNER: "the-first" } })
      yield* contents(ready)
      const once = yield* ran(["run", key, "--once", "--", "echo", "ran"])
      assert.deepStrictEqual([once.code, once.out], [75, ""])
      assert.match(once.err, /^effect-lock: Lock ".*" was not acquired.*: it is held by the-first since /)
      assert.strictEqual((yield* ran(["run", key, "--timeout", "0", "--", "echo", "ran"])).code, 75)
      const late = yield* ran(["run", key, "--timeout", "50ms", "--json", "--", "echo", "ran"])
      assert.deepStrictEqual([late.code, late.out], [75, ""])
      const error = JSON.parse(late.err)
      assert.deepStrictEqual([error.reason, error.key, error.holder.owner], ["LockTimeout", key, "the-first"])
      const next = yield* tool(["run", key, "--", "echo", "ran"])
      yield* waitsFor(key)
      writeFileSync(go, "")
      assert.strictEqual((yield* first.ended).code, 0)
      assert.strictEqual((yield* next.ended).code, 0)
      assert.strictEqual(next.out(), "ran\n")
    }).pipe(Effect.scoped))

  it.live("passes signals on, each of them, and keeps the lock until the command has ended", () =>
    Effect.gen(function*() {
      const [key, log, go] = [newKey(), newFile(), newFile()]
      const script = `
        trap 'echo TERM >> "$1"' TERM; trap 'echo USR1 >> "$1"' USR1; trap 'echo INT >> "$1"' INT
        echo ready >> "$1"
        while ! [ -e "$2" ] && kill -0 $PPID; do sleep 0.05; done
        exit 3`
      const running = yield* tool(["run", key, ...sh(script, log, go)])
      yield* contents(log)
      for (const signal of ["USR1", "TERM", "TERM", "INT"] as const) {
        const before = readFileSync(log, "utf8")
        running.kill(`SIG${signal}`)
        yield* contents(log, (text) => text === `${before}${signal}\n`)
      }
      assert.isTrue(yield* isHeld(key))
      writeFileSync(go, "")
      assert.deepStrictEqual(yield* running.ended, { code: 3, signal: null })
      assert.isTrue(yield* isFree(key))
    }).pipe(Effect.scoped))

  it.live("gives up waiting when it is told to end, and leaves nothing behind", () =>
    Effect.gen(function*() {
      const [key, ready, go] = [newKey(), newFile(), newFile()]
      const first = yield* tool(["run", key, ...sh(patient, ready, go)])
      yield* contents(ready)
      const second = yield* tool(["run", key, "--", "echo", "ran"])
      yield* waitsFor(key)
      second.kill("SIGTERM")
      assert.deepStrictEqual([(yield* second.ended).code, second.out()], [143, ""])
      yield* waitsFor(key, 0)
      writeFileSync(go, "")
      yield* first.ended
      assert.isTrue(yield* isFree(key))
    }).pipe(Effect.scoped))

  it.live("stops the command when the lock is lost, by force if need be, with what it has started", () =>
    Effect.gen(function*() {
      const [key, log, pids] = [newKey(), newFile(), newFile()]
      const script = `
        trap 'echo TERM >> "$1"' TERM
        sh -c 'trap "" TERM; echo $$ >> "$1"; while :; do sleep 0.05; done' sh "$2" &
        echo $$ >> "$2"
        while :; do sleep 0.05; done`
      const running = yield* tool(["run", key, "--expires", "5s", "--kill-after", "300ms", ...sh(script, log, pids)])
      const [one, other] = (yield* contents(pids, (text) => text.trim().split("\n").length === 2)).trim().split("\n")
      assert.strictEqual((yield* ran(["release", key, "--yes"])).code, 0)
      assert.strictEqual((yield* running.ended).code, 76)
      assert.include(running.err(), `Lock "${key}" was lost`)
      assert.include(readFileSync(log, "utf8"), "TERM")
      yield* until(Effect.sync(() => !isAlive(Number(one)) && !isAlive(Number(other))))
    }).pipe(Effect.scoped))

  it.live("looks after the command though nobody reads what it says", () =>
    Effect.gen(function*() {
      const server = yield* redis()
      const [key, told] = [newKey(), newFile()]
      // A shell says that its sleep was ended, which would end it.
      const script = `exec 2> /dev/null; trap 'echo TERM > "$1"; exit 1' TERM; echo ready; while :; do sleep 0.05; done`
      // Its lease is not over before the server has gone, also where the machine is busy.
      const running = yield* tool(["run", key, "--expires", "8s", ...sh(script, told)], {
        env: { LOCK_URL: `redis://127.0.0.1:${server.port}` }
      })
      yield* until(Effect.sync(() => running.out() !== ""))
      running.process.stderr?.destroy()
      yield* kill(server.process)
      assert.strictEqual((yield* running.ended).code, 76)
      assert.strictEqual(readFileSync(told, "utf8"), "TERM\n")
    }).pipe(Effect.scoped))

  it.live("keeps the lock as long as the command has left something running, and passes on what ends it", () =>
    Effect.gen(function*() {
      for (const told of [true, false]) {
        const [key, file] = [newKey(), newFile()]
        const running = yield* tool(["run", key, ...sh(`sleep 1000 & echo $! > "$1"; exit 4`, file)])
        const pid = Number(yield* contents(file))
        yield* until(Effect.sync(() => running.err().includes("left")))
        assert.include(running.err(), `the command has left ${pid} running`)
        assert.isTrue(yield* isHeld(key))
        if (told) running.kill("SIGTERM")
        else process.kill(pid, "SIGKILL")
        assert.strictEqual((yield* running.ended).code, 4)
        assert.isTrue(yield* isFree(key))
      }
    }).pipe(Effect.scoped))

  it.live("keeps the lock as long as another one within it has left something running", () =>
    Effect.gen(function*() {
      const [outer, file] = [newKey(), newFile()]
      const inner = commandLine("run", newKey(), ...sh(`echo "$PPID $$" > "$1"; exec sleep 1000`, file))
      const running = yield* tool(["run", outer, ...sh(`exec ${inner}`)])
      const [within, pid] = (yield* contents(file, (text) => text.endsWith("\n"))).trim().split(" ").map(Number)
      process.kill(within, "SIGKILL")
      yield* until(Effect.map(isFree(outer), (free) => free || running.err().includes("left")))
      assert.include(running.err(), `the command has left ${pid} running`)
      assert.isTrue(yield* isHeld(outer))
      process.kill(pid, "SIGKILL")
      assert.strictEqual((yield* running.ended).code, 137)
      assert.isTrue(yield* isFree(outer))
    }).pipe(Effect.scoped))

  it.live("is followed by the next one when it is killed, as soon as its lease has ended", () =>
    Effect.gen(function*() {
      const [key, ready, go] = [newKey(), newFile(), newFile()]
      const first = yield* tool(["run", key, "--expires", "700ms", ...sh(patient, ready, go)])
      yield* contents(ready)
      first.kill("SIGKILL")
      assert.strictEqual((yield* ran(["run", key, "--", "echo", "ran"])).out, "ran\n")
      writeFileSync(go, "")
    }).pipe(Effect.scoped))

  it.live("leaves the lock taken for a least time, and ends with the command", () =>
    Effect.gen(function*() {
      const [key, other] = [newKey(), newKey()]
      assert.strictEqual((yield* ran(["run", key, "--at-least", "1h", ...sh("exit 5")])).code, 5)
      assert.isTrue(yield* isHeld(key))
      assert.strictEqual((yield* ran(["run", key, "--once", "--", "true"])).code, 75)
      assert.strictEqual((yield* ran(["release", key, "--yes"])).code, 0)
      assert.strictEqual((yield* ran(["run", key, "--once", "--", "true"])).code, 0)

      // Also when it is told to end, and when it shares the lock.
      const ready = newFile()
      const script = `trap 'exit 3' TERM; echo ready > "$1"; while :; do sleep 0.05; done`
      const told = yield* tool(["run", other, "--limit", "2", "--at-least", "1h", ...sh(script, ready)])
      yield* contents(ready)
      told.kill("SIGTERM")
      assert.strictEqual((yield* told.ended).code, 3)
      assert.strictEqual((yield* ran(["run", other, "--once", "--", "true"])).code, 75)
      assert.strictEqual((yield* ran(["run", other, "--once", "--limit", "2", "--", "true"])).code, 0)
    }).pipe(Effect.scoped))

  it.live("leaves the lock taken for a least time in files, too, where the dead hold nothing otherwise", () =>
    Effect.gen(function*() {
      const key = newKey()
      const env = { LOCK_URL: `file://${folder}/least` }
      assert.strictEqual((yield* ran(["run", key, "--at-least", "1h", "--", "true"], { env })).code, 0)
      assert.strictEqual((yield* ran(["run", key, "--once", "--", "true"], { env })).code, 75)
    }))
})

describe("effect-lock run with others", () => {
  /** Runs until the scope closes. */
  const running = (key: string, ...flags: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const ready = newFile()
      const started = yield* tool(["run", key, ...flags, ...sh(`echo ready > "$1"; exec sleep 1000`, ready)])
      yield* contents(ready)
      return started
    })

  const once = (key: string, ...flags: ReadonlyArray<string>) =>
    Effect.map(ran(["run", key, "--once", ...flags, "--", "true"]), ({ code }) => code)

  it.live("shares a lock among readers, and keeps writers out", () =>
    Effect.gen(function*() {
      const key = newKey()
      yield* running(key, "--shared")
      yield* running(key, "--shared")
      assert.strictEqual(yield* once(key), 75)
      assert.strictEqual(yield* once(key, "--shared"), 0)
      const other = newKey()
      yield* running(other)
      assert.strictEqual(yield* once(other, "--shared"), 75)
    }).pipe(Effect.scoped))

  it.live("lets in as many as the limit says", () =>
    Effect.gen(function*() {
      const key = newKey()
      const first = yield* running(key, "--limit", "2")
      yield* running(key, "--limit", "2")
      assert.strictEqual(yield* once(key, "--limit", "2"), 75)
      assert.strictEqual(yield* once(key, "--limit", "3"), 0)
      first.kill("SIGTERM")
      assert.strictEqual((yield* first.ended).code, 143)
      assert.strictEqual(yield* once(key, "--limit", "2"), 0)
    }).pipe(Effect.scoped))

  it.live("says so where a backend keeps one holder of a key only", () =>
    Effect.gen(function*() {
      const { port } = yield* memcached()
      const { code, err } = yield* ran(["run", newKey(), "--shared", "--json", "--", "true"], {
        env: { LOCK_URL: `memcached://127.0.0.1:${port}` }
      })
      assert.deepStrictEqual([code, JSON.parse(err).kind], [69, "Unsupported"])
    }).pipe(Effect.scoped))
})

describe("effect-lock run under npm", () => {
  it.live("hears of a SIGTERM that npm alone gets, if the script says exec", () =>
    Effect.gen(function*() {
      const [key, log, pids] = [newKey(), newFile(), newFile()]
      const project = newFile()
      mkdirSync(project)
      const script = `trap 'echo TERM >> "$1"; exit 3' TERM; echo $$ > "$2"; while :; do sleep 0.05; done`
      const report = `exec ${commandLine("run", key, ...sh(script, log, pids))}`
      writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", scripts: { report } }))
      const npm = yield* start("npm", ["run", "report", "--prefix", project, "--silent"], {
        env: { LOCK_URL: yield* Effect.orDie(url), npm_config_update_notifier: "false" }
      })
      const pid = Number(yield* contents(pids))
      npm.kill("SIGTERM")
      assert.strictEqual(yield* contents(log), "TERM\n")
      yield* until(Effect.sync(() => !isAlive(pid)))
      yield* until(isFree(key))
    }).pipe(Effect.scoped))
})

describe("effect-lock run in a terminal", () => {
  it.live("lets the command ask there", () =>
    Effect.gen(function*() {
      const [key, file] = [newKey(), newFile()]
      const terminal = yield* inTerminal([
        "run",
        key,
        ...sh(`printf 'Password? ' > /dev/tty; read answer < /dev/tty; echo "$answer" > "$1"; exit 6`, file)
      ])
      yield* until(Effect.sync(() => terminal.out().includes("Password?")))
      terminal.type("secret\r")
      assert.strictEqual(yield* contents(file), "secret\n")
      assert.strictEqual((yield* terminal.ended).code, 6)
    }).pipe(Effect.scoped))

  it.live("lets Ctrl-C reach it once, and ends as it does", () =>
    Effect.gen(function*() {
      const [key, log, go] = [newKey(), newFile(), newFile()]
      // A shell would take two that come together for one.
      const script = `
        const { appendFileSync, existsSync } = require("node:fs")
        process.on("SIGINT", () => appendFileSync(${JSON.stringify(log)}, "INT\\n"))
        setInterval(() => existsSync(${JSON.stringify(go)}) && process.exit(9), 50)
        appendFileSync(${JSON.stringify(log)}, "ready\\n")`
      const terminal = yield* inTerminal(["run", key, "--", process.execPath, "-e", script])
      yield* contents(log)
      terminal.type("\x03")
      yield* contents(log, (text) => text.includes("INT"))
      // A second one would be there by the time that this one has been dealt with.
      terminal.type("\x03")
      yield* contents(log, (text) => text.split("INT").length > 2)
      assert.isTrue(yield* isHeld(key))
      writeFileSync(go, "")
      assert.strictEqual((yield* terminal.ended).code, 9)
      assert.strictEqual(readFileSync(log, "utf8"), "ready\nINT\nINT\n")
    }).pipe(Effect.scoped))

  it.live("tells the status of a command that Ctrl-C has ended", () =>
    Effect.gen(function*() {
      const [key, file] = [newKey(), newFile()]
      const terminal = yield* inTerminal(["run", key, ...sh(`echo ready > "$1"; exec sleep 1000`, file)])
      yield* contents(file)
      yield* Effect.sleep("100 millis")
      terminal.type("\x03")
      assert.strictEqual((yield* terminal.ended).code, 130)
      assert.isTrue(yield* isFree(key))
    }).pipe(Effect.scoped))
})

describe("what makes no sense", () => {
  it.live("is refused with 64: which flag, what was given, what would be right", () =>
    Effect.gen(function*() {
      const expected = "Expected: a duration with its unit, such as 500ms, 10s, 5m, 1h, or forever"
      const cases: ReadonlyArray<readonly [ReadonlyArray<string>, string]> = [
        [["--timeout", "soon"], `Invalid value for flag --timeout: "soon". ${expected}`],
        [["--timeout", "10"], `Invalid value for flag --timeout: "10". ${expected}`],
        [["--expires=-1s"], `Invalid value for flag --expires: "-1s". ${expected}`],
        [["--expires", "0s"], `Invalid lock option "expires"`],
        [["--once", "--timeout", "1s"], "give one of them"],
        [["--kill-after", "forever"], "--kill-after must end"],
        [["--limit", "0"], `Invalid value for flag --limit: "0". Expected: a whole number from 1`],
        [["--limit", "1e3"], `Invalid value for flag --limit: "1e3"`],
        [["--shared", "--limit", "2"], "give one of them"],
        [["--onc"], "--onc"],
        [["--url", "mysql://root:secret@db"], "the unknown scheme mysql://"],
        [["--url", "redis://root:secret@:x"], "a malformed server, number 1"]
      ]
      for (const [flags, said] of cases) {
        const { code, err, out } = yield* told(["run", newKey(), ...flags, "--", "echo", "ran"])
        assert.deepStrictEqual([code, out], [64, ""], flags.join(" "))
        assert.include(err, said)
        assert.notInclude(err, "secret")
      }
      const nowhere = yield* told(["run", newKey(), "--", "echo", "ran"], { LOCK_URL: "" })
      assert.strictEqual(nowhere.code, 64)
      const owner = yield* told(["run", newKey(), "--", "echo", "ran"], { LOCK_OWNER: "a b" })
      assert.strictEqual(owner.code, 64)
      assert.include(owner.err, "LOCK_OWNER")
    }))

  it.live("is told from a server that cannot be reached: 69, within the timeout", () =>
    Effect.gen(function*() {
      const url = `redis://127.0.0.1:${yield* freePort}`
      const { code, err, out } = yield* ran(["run", "key", "--timeout", "500ms", "--url", url, "--", "echo", "ran"])
      assert.deepStrictEqual([code, out], [69, ""])
      assert.match(err, /^effect-lock: .*ECONNREFUSED/m)
    }))
})
