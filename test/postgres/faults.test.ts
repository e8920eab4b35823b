import { assert, describe, it as plain } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { Lock, LockBackend, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as Net from "node:net"
import { classify } from "../../src/internal/sql/failure.ts"
import { admin, pooler, type Postgres, postgres, processesOf, promote, signal, standby } from "../support/postgres.ts"
import { proxy } from "../support/proxy.ts"
import { it } from "../support/punctual.ts"
import { kill, shared, until } from "../support/redis.ts"
import { eventually, table } from "../support/sqlStores.ts"
import { kindOf, take, wait } from "./support.ts"

const prepared = (server: Postgres) =>
  Effect.gen(function*() {
    const sql = yield* admin(server.url)
    yield* sql.unsafe(yield* SqlBackend.createTable())
    return sql
  }).pipe(Effect.scoped)

const server = shared(postgres())

describe("what a server says", () => {
  for (
    const [code, message, kind, retryable] of [
      ["42P01", `relation "effect_locks" does not exist`, "Unsupported", false],
      ["42703", `column "queue" does not exist`, "Unsupported", false],
      ["42501", "permission denied for table effect_locks", "Unauthorized", false],
      ["42P10", "there is no unique or exclusion constraint", "Unsupported", false],
      ["23502", `null value in column "tenant"`, "Unsupported", false],
      ["28P01", `password authentication failed for user "app"`, "Unauthorized", false],
      ["3D000", `database "nowhere" does not exist`, "Unsupported", false],
      ["25006", "cannot execute UPDATE in a read-only transaction", "ReadOnly", true],
      ["57P01", "terminating connection due to administrator command", "Unreachable", true],
      ["57P03", "the database system is starting up", "Loading", true],
      ["57014", "canceling statement due to statement timeout", "NoReply", true],
      ["55P03", "canceling statement due to lock timeout", "NoReply", true],
      ["40001", "could not serialize access due to concurrent update", "NoReply", true],
      ["40P01", "deadlock detected", "NoReply", true],
      ["53300", "sorry, too many clients already", "Unreachable", true],
      ["53100", "could not extend file: No space left on device", "OutOfMemory", true],
      ["08P01", "server conn crashed?", "Unreachable", true],
      ["08006", "connection failure", "Unreachable", true],
      ["0A000", "not supported", "Unsupported", false],
      ["XX000", "something else", "Unknown", false]
    ] as const
  ) {
    plain(`${kind}: ${code} ${message}`, () => {
      const cause = Object.assign(new Error(message), { code })
      const { kind: found, retryable: again } = classify({ reason: { _tag: "UnknownError", cause } })
      assert.deepStrictEqual([found, again], [kind, retryable])
    })
  }

  plain("Unreachable: a connection that the other side has ended", () => {
    const cause = Object.assign(new Error("This socket has been ended by the other party"), { code: "EPIPE" })
    assert.strictEqual(classify({ reason: { _tag: "UnknownError", cause } }).kind, "Unreachable")
  })

  plain("Unreachable: a connection that cannot be made", () => {
    const cause = Object.assign(new Error("connect ECONNREFUSED 127.0.0.1:5432"), { code: "ECONNREFUSED" })
    assert.strictEqual(classify({ reason: { _tag: "ConnectionError", cause } }).kind, "Unreachable")
  })
})

/** Who waits for a key in line, of a backend of its own, and tells its fencing token once it has had it. */
const waiting = Effect.fnUntraced(function*(store: LockStore.LockStore, key: string) {
  const backend = yield* LockBackend.make(store)
  const turn = Lock.withLock((lease) => Effect.succeed(lease.fencingToken), key)
  const waiter = yield* Effect.forkChild(Effect.provideService(turn, LockBackend.LockBackend, backend))
  yield* until(Effect.map(store.inspect(key), (holder) => Option.getOrThrow(holder).waiters === 1))
  return waiter
})

describe("a server in trouble", () => {
  it.live("that crashes has forgotten no lock, and is found again", () =>
    Effect.gen(function*() {
      const own = yield* postgres()
      yield* prepared(own)
      const [one, other] = [
        yield* SqlBackend.makeStore({ url: own.url }),
        yield* SqlBackend.makeStore({ url: own.url })
      ]
      yield* take(one, "held", "a.0.0", 60_000)
      yield* take(one, "released", "a.0.0", 60_000)
      yield* take(one, "wanted", "a.0.0", 60_000)
      const waiter = yield* waiting(other, "wanted")
      yield* own.crash
      assert.strictEqual(kindOf(yield* Effect.exit(take(one, "held", "b.0.0"))), "Unreachable")
      yield* own.restart
      const attempt = yield* eventually(take(one, "held", "b.0.0"))
      assert.strictEqual(attempt._tag === "Held" && attempt.token, "a.0.0")
      assert.isTrue(yield* eventually(one.release("wanted", "a.0.0")))
      yield* Fiber.join(waiter)
    }))

  it.live("that crashes right after what it was asked forgets at most a release, and none that somebody has built upon", () =>
    Effect.gen(function*() {
      // What does not wait for the disk is not on it for a long time.
      const own = yield* postgres("wal_writer_delay=10s")
      yield* prepared(own)
      const [one, other] = [
        yield* SqlBackend.makeStore({ url: own.url }),
        yield* SqlBackend.makeStore({ url: own.url })
      ]
      const minutes = 600_000
      const fences = new Map<string, number>()
      for (const key of ["given back", "taken anew", "handed on", "renewed", "kept"]) {
        const attempt = yield* take(one, key, "a.0.0", key === "renewed" ? 60_000 : minutes)
        fences.set(key, attempt._tag === "Acquired" ? attempt.fencingToken : NaN)
      }
      const holderOf = (key: string) =>
        Effect.map(eventually(other.inspect(key)), (holder) => Option.getOrUndefined(holder))
      yield* wait(other, "handed on", "b.0.0", minutes)
      yield* one.extend({ key: "renewed", token: "a.0.0", expiresMillis: minutes })
      yield* one.release("handed on", "a.0.0")
      // What it is given is its own for a moment, until it comes for it.
      const given = yield* wait(other, "handed on", "b.0.0", minutes)
      assert.strictEqual(given._tag, "Acquired")
      yield* one.release("taken anew", "a.0.0")
      assert.strictEqual((yield* take(other, "taken anew", "b.0.0", minutes))._tag, "Acquired")
      yield* one.release("given back", "a.0.0")
      yield* own.crash
      yield* own.restart
      assert.strictEqual((yield* holderOf("taken anew"))?.token, "b.0.0")
      // It had a second to say that it has it, which may be over before the server is back.
      assert.include([undefined, "b.0.0"], (yield* holderOf("handed on"))?.token)
      assert.strictEqual((yield* holderOf("kept"))?.token, "a.0.0")
      const renewed = yield* holderOf("renewed")
      assert.strictEqual(renewed?.token, "a.0.0")
      assert.isAbove(renewed?.remainingMillis ?? 0, 60_000)
      for (const key of ["taken anew", "handed on"]) {
        assert.isFalse(yield* eventually(one.extend({ key, token: "a.0.0", expiresMillis: minutes })))
      }
      const left = yield* holderOf("given back")
      assert.include([undefined, "a.0.0"], left?.token)
      assert.isAtMost(left?.remainingMillis ?? 0, minutes)
      // As if it had never been sent: it can be sent once more, and the next one comes after it.
      if (left !== undefined) assert.isTrue(yield* eventually(one.release("given back", "a.0.0")))
      const next = yield* eventually(take(other, "given back", "b.0.0"))
      assert.isTrue(next._tag === "Acquired" && next.fencingToken > fences.get("given back")!)
    }))

  it.live("that ends connections is connected to again, and waiters are told of what they missed", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const options = { url, table: yield* table(url) }
      const look = yield* admin(url)
      const [one, other] = [yield* SqlBackend.makeStore(options), yield* SqlBackend.makeStore(options)]
      yield* take(one, "key", "a.0.0")
      const grants: Array<LockStore.Grant | undefined> = []
      yield* other.listen!("key", "b.0.0", (grant) => grants.push(grant))
      yield* wait(other, "key", "b.0.0")
      grants.length = 0
      yield* look.unsafe(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'effect-lock'"
      )
      yield* eventually(one.release("key", "a.0.0"))
      yield* until(Effect.sync(() => grants.length > 0))
      assert.strictEqual((yield* eventually(wait(other, "key", "b.0.0")))._tag, "Acquired")
      // Listening again
      const told: Array<LockStore.Grant | undefined> = []
      let rounds = 0
      yield* until(Effect.gen(function*() {
        const [key, token] = [`next-${rounds}`, `c.0.${rounds++}`]
        yield* take(one, key, "a.0.0")
        yield* other.listen!(key, token, (grant) => told.push(grant))
        yield* wait(other, key, token)
        yield* one.release(key, "a.0.0")
        yield* Effect.sleep("50 millis")
        return told.some((grant) => grant !== undefined)
      }))
    }))

  it.live("that loses a process by SIGKILL has forgotten no lock, and those who wait are told all the same", () =>
    Effect.gen(function*() {
      const own = yield* postgres()
      yield* prepared(own)
      const [one, other] = [
        yield* SqlBackend.makeStore({ url: own.url }),
        yield* SqlBackend.makeStore({ url: own.url })
      ]
      yield* take(one, "held", "a.0.0", 60_000)
      yield* take(one, "wanted", "a.0.0", 60_000)
      const waiter = yield* waiting(other, "wanted")
      const look = yield* admin(own.url)
      const rows = yield* look.unsafe<{ readonly pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'effect-lock' LIMIT 1"
      )
      // The server ends all others, too, and begins from what is on the disk.
      signal(rows.map(({ pid }) => pid), "SIGKILL")
      const attempt = yield* eventually(take(one, "held", "b.0.0"))
      assert.strictEqual(attempt._tag === "Held" && attempt.token, "a.0.0")
      yield* eventually(one.release("wanted", "a.0.0"))
      yield* Fiber.join(waiter)
    }))

  it.live("whose first process is killed lets nobody in while the others live on, and has forgotten no lock after that", () =>
    Effect.gen(function*() {
      const own = yield* postgres()
      yield* prepared(own)
      const make = SqlBackend.makeStore({ url: own.url })
      const [one, other] = [yield* make, yield* make]
      yield* take(one, "held", "a.0.0", 600_000)
      const first = yield* take(one, "wanted", "a.0.0", 600_000)
      const waiter = yield* waiting(other, "wanted")
      const children = processesOf(own).slice(1)
      yield* Effect.addFinalizer(() => Effect.sync(() => signal(children, "SIGCONT")))
      signal(children, "SIGSTOP")
      // On its way to a process that may yet execute it.
      const late = yield* Effect.forkChild(Effect.exit(take(one, "held", "l.0.0")), { startImmediately: true })
      yield* kill(own.process())
      assert.include(["NoReply", "Unreachable"], kindOf(yield* Fiber.join(late)))
      // They have its memory, so another one would not know what they do.
      assert.strictEqual((yield* Effect.exit(own.restart))._tag, "Failure")
      assert.include(["NoReply", "Unreachable"], kindOf(yield* Effect.exit(take(one, "held", "b.0.0"))))
      assert.isUndefined(waiter.pollUnsafe())
      signal(children, "SIGCONT")
      yield* eventually(own.restart)
      const attempt = yield* eventually(take(one, "held", "b.0.0"))
      assert.strictEqual(attempt._tag === "Held" && attempt.token, "a.0.0")
      assert.isTrue(yield* eventually(one.release("wanted", "a.0.0")))
      const fence = yield* Fiber.join(waiter)
      assert.isTrue(first._tag === "Acquired" && fence !== undefined && fence > first.fencingToken)
      assert.isTrue(yield* eventually(one.release("held", "a.0.0")))
      assert.strictEqual((yield* eventually(take(other, "held", "c.0.0")))._tag, "Acquired")
    }))

  for (const mode of ["session", "transaction"] as const) {
    it.live(`behind a pooler in ${mode} mode that is started anew is found again, and waiters with it`, () =>
      Effect.gen(function*() {
        const { url, restart } = yield* pooler(yield* server, mode)
        const options = { url, table: yield* table((yield* server).url) }
        const [one, other] = [yield* SqlBackend.makeStore(options), yield* SqlBackend.makeStore(options)]
        const first = yield* take(one, "key", "a.0.0")
        const waiter = yield* waiting(other, "key")
        yield* restart
        const attempt = yield* eventually(take(one, "key", "b.0.0"))
        assert.strictEqual(attempt._tag === "Held" && attempt.token, "a.0.0")
        yield* eventually(one.release("key", "a.0.0"))
        const fence = yield* Fiber.join(waiter)
        assert.isTrue(first._tag === "Acquired" && fence !== undefined && fence > first.fencingToken)
      }))
  }

  it.live("whose reply to a release is lost has handed the key on once, and to no other", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const between = yield* proxy(port)
      const name = yield* table(url)
      const store = yield* SqlBackend.makeStore({ url: url.replace(String(port), String(between.port)), table: name })
      const other = yield* SqlBackend.makeStore({ url, table: name })
      yield* wait(store, "key", "a.0.0")
      yield* wait(other, "key", "b.0.0")
      yield* wait(other, "key", "c.0.0")
      between.cutAtReply = true
      assert.strictEqual(kindOf(yield* Effect.exit(store.release("key", "a.0.0"))), "Unreachable")
      assert.strictEqual(Option.getOrThrow(yield* other.inspect("key")).token, "b.0.0")
      assert.isFalse(yield* eventually(store.release("key", "a.0.0")))
      const { token, waiters } = Option.getOrThrow(yield* other.inspect("key"))
      assert.deepStrictEqual([token, waiters], ["b.0.0", 1])
    }))

  it.live("whose reply to an exchange is lost gives what it has given once the token is released", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const between = yield* proxy(port)
      const name = yield* table(url)
      const store = yield* SqlBackend.makeStore({ url: url.replace(String(port), String(between.port)), table: name })
      const other = yield* SqlBackend.makeStore({ url, table: name })
      yield* take(store, "key", "a.0.0")
      between.cutAtReply = true
      const claim = { key: "key", token: "c.0.0", expiresMillis: 30_000, wait: true }
      assert.strictEqual(kindOf(yield* Effect.exit(store.exchange!("a.0.0", claim))), "Unreachable")
      // Nobody else waited, so it has the key again.
      assert.strictEqual(Option.getOrThrow(yield* other.inspect("key")).token, "c.0.0")
      assert.isFalse(yield* eventually(store.release("key", "a.0.0")))
      assert.isTrue(yield* eventually(store.release("key", "c.0.0")))
      assert.isTrue(Option.isNone(yield* other.inspect("key")))
    }))

  it.live("that stands still is given up in time, and executes nothing when it goes on", () =>
    Effect.gen(function*() {
      const own = yield* postgres()
      yield* prepared(own)
      const store = yield* SqlBackend.makeStore({ url: own.url })
      yield* take(store, "warm", "w.0.0")
      const pids = processesOf(own)
      yield* Effect.addFinalizer(() => Effect.sync(() => signal(pids, "SIGCONT")))
      signal(pids, "SIGSTOP")
      const attempts = yield* Effect.forEach(
        ["a", "b", "c", "d", "e"],
        (key) => Effect.exit(take(store, key, `${key}.0.0`, 600_000)),
        { concurrency: "unbounded" }
      )
      // A statement that is out, or a connection that is not made: neither is an answer.
      for (const attempt of attempts) assert.include(["NoReply", "Unreachable"], kindOf(attempt))
      // Beyond the end that the claims have by the server's clock
      yield* Effect.sleep("1 second")
      signal(pids, "SIGCONT")
      assert.strictEqual((yield* eventually(take(store, "after", "f.0.0")))._tag, "Acquired")
      yield* Effect.sleep("500 millis")
      for (const key of ["a", "b", "c", "d", "e"]) {
        assert.isTrue(Option.isNone(yield* eventually(store.inspect(key))), key)
      }
    }))

  it.live("one of whose connections stands still is asked on others", () =>
    Effect.gen(function*() {
      const own = yield* postgres()
      yield* prepared(own)
      const look = yield* admin(own.url)
      const store = yield* SqlBackend.makeStore({ url: own.url, maxConnections: 1 })
      yield* take(store, "warm", "w.0.0")
      const rows = yield* look.unsafe<{ readonly pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'effect-lock'"
      )
      const pids = rows.map(({ pid }) => pid)
      assert.strictEqual(pids.length, 1)
      yield* Effect.addFinalizer(() => Effect.sync(() => signal(pids, "SIGCONT")))
      signal(pids, "SIGSTOP")
      assert.strictEqual(kindOf(yield* Effect.exit(take(store, "key", "a.0.0"))), "NoReply")
      assert.strictEqual((yield* take(store, "key", "b.0.0"))._tag, "Acquired")
      signal(pids, "SIGCONT")
    }))

  it.live("behind a network that swallows everything is asked again on new connections", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const between = yield* proxy(port)
      const store = yield* SqlBackend.makeStore({
        url: url.replace(String(port), String(between.port)),
        table: yield* table(url)
      })
      yield* Effect.forEach(["a", "b", "c"], (key) => take(store, key, "w.0.0"), { concurrency: "unbounded" })
      between.dropRequests = true
      const silent = yield* Effect.forEach(
        ["d", "e", "f", "g"],
        (key) => Effect.exit(take(store, key, "a.0.0")),
        { concurrency: "unbounded" }
      )
      // A statement that is out, or a connection that is not made: neither is an answer.
      for (const attempt of silent) assert.include(["NoReply", "Unreachable"], kindOf(attempt))
      between.dropRequests = false
      // The old connections stay silent for ever.
      const answered = yield* eventually(take(store, "d", "b.0.0"))
      assert.strictEqual(answered._tag, "Acquired")
    }))

  it.live("that does not end its side of a connection keeps none of ours", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const ends: Array<Net.Socket> = []
      const between = Net.createServer({ allowHalfOpen: true }, (inbound) => {
        const outbound = Net.connect(port, "127.0.0.1")
        inbound.on("data", (bytes) => outbound.write(bytes)).on("error", () => {})
        outbound.on("data", (bytes) => inbound.write(bytes)).on("error", () => {})
        ends.push(inbound, outbound)
      })
      yield* Effect.callback<void>((resume) => void between.listen(0, "127.0.0.1", () => resume(Effect.void)))
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          between.close()
          for (const end of ends) end.destroy()
        })
      )
      const halfOpen = String((between.address() as Net.AddressInfo).port)
      const options = { url: url.replace(String(port), halfOpen), table: yield* table(url) }
      yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* SqlBackend.makeStore(options)
        yield* take(store, "key", "a.0.0")
        yield* store.listen!("key", "b.0.0", () => {})
        yield* wait(store, "key", "b.0.0")
      }))
      assert.isAtLeast(ends.length, 4)
      // Whoever writes to a socket that is gone is told so.
      yield* until(Effect.sync(() => {
        const open = ends.filter((end, i) => i % 2 === 0 && !end.destroyed)
        for (const end of open) end.write("?")
        return open.length === 0
      }))
    }))

  it.live("whose reply is lost has executed, and is asked to undo it", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const between = yield* proxy(port)
      const name = yield* table(url)
      const store = yield* SqlBackend.makeStore({ url: url.replace(String(port), String(between.port)), table: name })
      const other = yield* SqlBackend.makeStore({ url, table: name })
      yield* take(store, "warm", "w.0.0")
      between.cutAtReply = true
      assert.strictEqual(kindOf(yield* Effect.exit(take(store, "key", "a.0.0"))), "Unreachable")
      assert.strictEqual(Option.getOrThrow(yield* other.inspect("key")).token, "a.0.0")
      assert.isTrue(yield* eventually(store.release("key", "a.0.0")))
      assert.isTrue(Option.isNone(yield* other.inspect("key")))
    }))

  it.live("whose answer comes after the release of its token has it given back", () =>
    Effect.gen(function*() {
      const { port, url } = yield* server
      const between = yield* proxy(port)
      const name = yield* table(url)
      const store = yield* SqlBackend.makeStore({ url: url.replace(String(port), String(between.port)), table: name })
      const other = yield* SqlBackend.makeStore({ url, table: name })
      yield* Effect.forEach(["a", "b", "c"], (key) => take(store, key, "w.0.0"), { concurrency: "unbounded" })
      between.latency = [300, 300]
      const before = between.requested()
      const claim = yield* Effect.forkChild(take(store, "key", "a.0.0"))
      yield* until(Effect.sync(() => between.requested() > before))
      // Another connection may be quicker than the claim's.
      between.latency = [0, 0]
      assert.isFalse(yield* store.release("key", "a.0.0"))
      assert.strictEqual((yield* Fiber.join(claim))._tag, "Acquired")
      yield* until(Effect.map(other.inspect("key"), Option.isNone))
    }))
})

describe("a standby", () => {
  it.live("takes no locks, and once promoted gives higher fencing tokens", () =>
    Effect.gen(function*() {
      const primary = yield* postgres("wal_level=replica", "max_wal_senders=4")
      yield* prepared(primary)
      const second = yield* standby(primary)
      const before = yield* SqlBackend.makeStore({ url: primary.url })
      const after = yield* SqlBackend.makeStore({ url: second.url })
      const first = yield* take(before, "key", "a.0.0", 60_000)
      assert.strictEqual(kindOf(yield* Effect.exit(take(after, "other", "b.0.0"))), "ReadOnly")
      yield* until(Effect.map(after.inspect("key"), Option.isSome))
      yield* primary.crash
      yield* promote(second)
      const held = yield* eventually(take(after, "key", "b.0.0"))
      assert.strictEqual(held._tag === "Held" && held.token, "a.0.0")
      yield* after.release("key", "a.0.0")
      const next = yield* take(after, "key", "b.0.0")
      assert.isTrue(first._tag === "Acquired" && next._tag === "Acquired" && next.fencingToken > first.fencingToken)
    }))
})

describe("an old snapshot", () => {
  it.live("held open by somebody else changes no answer", () =>
    Effect.gen(function*() {
      const { url } = yield* server
      const options = { url, table: yield* table(url) }
      const look = yield* admin(url)
      const one = yield* SqlBackend.makeStore(options)
      const other = yield* SqlBackend.makeStore(options)
      yield* take(one, "key", "a.0.0")
      yield* look.unsafe("BEGIN ISOLATION LEVEL REPEATABLE READ")
      yield* look.unsafe(`SELECT * FROM ${options.table}`)
      for (let i = 0; i < 300; i++) {
        assert.isTrue(yield* one.release("key", i === 0 ? "a.0.0" : `b.0.${i - 1}`))
        assert.strictEqual((yield* take(other, "key", `b.0.${i}`))._tag, "Acquired")
        assert.strictEqual((yield* take(one, "key", "c.0.0"))._tag, "Held")
      }
      yield* look.unsafe("COMMIT")
    }))
})
