import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Logger, Option, Redacted, Schedule } from "effect"
import type { LockError, LockStore } from "effect-lock"
import type { BackendFailure } from "effect-lock/LockError"
import * as RedisBackend from "effect-lock/RedisBackend"
import type { Redis } from "ioredis"
import { inspect } from "node:util"
import { classify, isLost } from "../../src/internal/redis/failure.ts"
import { parse } from "../../src/internal/redis/url.ts"
import { shortcutsOf } from "../../src/internal/shortcuts.ts"
import { proxy } from "../support/proxy.ts"
import { punctual } from "../support/punctual.ts"
import { client, kill, redis, redisAt, until } from "../support/redis.ts"
import { freePort } from "../support/server.ts"

const take = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 20_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: false })

const wait = (store: LockStore.LockStore, key: string, token: string, expiresMillis = 20_000) =>
  store.tryAcquire({ key, token, expiresMillis, wait: true })

const makeStore = (port: number, options?: RedisBackend.Options) =>
  RedisBackend.makeStore({ host: "127.0.0.1", port, ...options })

const holderOf = (look: Redis, key: string) => Effect.promise(() => look.get(`lock:{${key}}`))

/** A claim that the server sees and whose reply is not on its way back yet. */
const executed = (look: Redis, key: string) => until(Effect.map(holderOf(look, key), (holder) => holder !== null))

describe("what a server says", () => {
  for (
    const [message, kind, retryable] of [
      ["LOADING Redis is loading the dataset in memory", "Loading", true],
      ["READONLY You can't write against a read only replica. script: abc, on @user_script:7.", "ReadOnly", true],
      ["MISCONF Redis is configured to save RDB snapshots", "ReadOnly", true],
      ["NOREPLICAS Not enough good replicas to write.", "ReadOnly", true],
      ["OOM command not allowed when used memory > 'maxmemory'.", "OutOfMemory", true],
      ["ERR Error running script (call to f_abc): @user_script:7: -OOM command not allowed", "OutOfMemory", true],
      ["ERR Error running script (call to f_abc): @user_script: 7: WRONGTYPE Operation against", "WrongType", false],
      ["WRONGTYPE Operation against a key holding the wrong kind of value", "WrongType", false],
      ["NOAUTH Authentication required.", "Unauthorized", false],
      ["WRONGPASS invalid username-password pair or user is disabled.", "Unauthorized", false],
      ["ERR invalid password", "Unauthorized", false],
      ["NOPERM this user has no permissions to run the 'evalsha' command", "Unauthorized", false],
      ["TRYAGAIN Multiple keys request during rehashing of slot", "Cluster", true],
      ["CLUSTERDOWN Hash slot not served", "Cluster", true],
      ["MOVED 3999 127.0.0.1:6381", "Cluster", true],
      ["CROSSSLOT Keys in request don't hash to the same slot", "Cluster", false],
      ["Too many Cluster redirections. Last error: Error: TRYAGAIN", "Cluster", true],
      ["ERR unknown command 'EVAL', with args beginning with: 'OOM' 'LOADING'", "Unsupported", false],
      ["BUSY Redis is busy running a script.", "NoReply", true],
      ["Command timed out", "NoReply", true],
      ["ERR max number of clients reached", "Unreachable", true],
      ["Connection is closed.", "Unreachable", true],
      ["connect ECONNREFUSED 127.0.0.1:6379", "Unreachable", true],
      ["Reached the max retries per request limit (which is 20).", "Unreachable", true],
      ["ERR something else", "Unknown", false]
    ] as const
  ) {
    it(`${kind}: ${message}`, () => {
      const error = new Error(message)
      assert.deepInclude(classify(error), { kind, retryable })
      assert.strictEqual(isLost(error), kind === "NoReply" || kind === "Unreachable")
    })
  }
})

describe("URLs", () => {
  const shown = (url: string) => {
    const result = parse(url)
    return result._tag === "Failure" ? result.failure.message : {
      ...result.success,
      ...(result.success.password !== undefined && { password: Redacted.value(result.success.password) })
    }
  }
  for (
    const [url, address] of [
      ["redis://", {}],
      ["rediss://", { tls: true }],
      ["redis:///2", { db: 2 }],
      ["redis://:7000", { port: 7000 }],
      ["redis://host", { host: "host" }],
      ["redis://host:7000/", { host: "host", port: 7000 }],
      ["redis://[::1]:7000/15", { host: "::1", port: 7000, db: 15 }],
      ["redis://:secret@host", { host: "host", password: "secret" }],
      ["redis://me:p%40ss%3A%2F@host:1/3", { host: "host", port: 1, db: 3, username: "me", password: "p@ss:/" }],
      ["redis://me@", { username: "me" }],
      ["redis://me:@host", { host: "host", username: "me" }],
      ["REDISS://Host", { host: "Host", tls: true }],
      ["valkey://host:7000", { host: "host", port: 7000 }],
      ["valkeys://host", { host: "host", tls: true }],
      ["redis+sentinel://a/main", { sentinels: [{ host: "a", port: 26_379 }], name: "main" }],
      [
        "rediss+sentinel://me:p%40ss@a:1,[::1]:2,b/my%2Fmaster/3",
        {
          tls: true,
          username: "me",
          password: "p@ss",
          sentinels: [{ host: "a", port: 1 }, { host: "::1", port: 2 }, { host: "b", port: 26_379 }],
          name: "my/master",
          db: 3
        }
      ],
      ["valkey+cluster://a:7000,b", { nodes: [{ host: "a", port: 7000 }, { host: "b", port: 6379 }] }],
      ["redis+cluster://:secret@a/0", { nodes: [{ host: "a", port: 6379 }], password: "secret" }]
    ] as const
  ) {
    it(url, () => assert.deepStrictEqual(shown(url), address))
  }
  for (
    const [url, part] of [
      ["", "another scheme or none"],
      ["redis", "another scheme or none"],
      ["redis:", "another scheme or none"],
      ["http://secret", "another scheme or none"],
      ["redis+other://secret", "another scheme or none"],
      ["redis://host:secret", "a malformed server, number 1"],
      ["redis://me:secret@host:99999", "a malformed server, number 1"],
      ["redis://me:secret@host:0", "a malformed server, number 1"],
      ["redis://a b", "a malformed server, number 1"],
      ["redis://me:sec/ret@host", `a "/", "?" or "#" in the user or the password, or an "@" behind the host`],
      ["redis://host/0?user=secret@host", `a "/", "?" or "#" in the user or the password, or an "@" behind the host`],
      ["redis://me:sec@ret@host", `an "@" in the user or the password`],
      ["redis://:secret%@host", `a stray "%" in the password`],
      ["redis://secret%:@host", `a stray "%" in the user`],
      ["redis://host/secret", "a database that is no number"],
      ["redis://h/1/secret", "a database that is no number"],
      ["redis://host?password=secret", "a query or a fragment"],
      ["redis://host#secret", "a query or a fragment"],
      ["redis://secret,secret", "several servers"],
      ["redis+sentinel://a,secret", "no name of a primary"],
      ["redis+sentinel://a/secret/1/2", "no name of a primary"],
      ["redis+sentinel://a/secret%", `a stray "%" in the name of the primary`],
      ["redis+sentinel:///secret", "a malformed server, number 1"],
      ["redis+sentinel://a,,b/secret", "a malformed server, number 2"],
      ["redis+sentinel://a/secret/b", "a database that is no number"],
      ["redis+cluster://", "a malformed server, number 1"],
      ["redis+cluster://a:1,secret:0", "a malformed server, number 2"],
      ["redis+cluster://secret/1", "a database, or more of a path"]
    ]
  ) {
    it(`refuses ${JSON.stringify(url)}, says which part, and does not show it`, () => {
      const message = shown(url)
      assert.isString(message)
      assert.include(message as string, `got ${part}, expected `)
      assert.notMatch(message as string, /secret|sec@ret|sec\/ret/)
    })
  }
  it.effect("a layer from a malformed one fails with InvalidOptions", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(makeStore(1, { url: "redis://:secret@host:port" }))
      assert.strictEqual(error.reason._tag, "InvalidOptions")
      assert.notInclude(String(error) + JSON.stringify(error), "secret")
    }).pipe(Effect.scoped))
})

describe("a connection in trouble", () => {
  it.live("a reply that was lost with its connection is an acquisition, at once", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const store = yield* makeStore(between.port)
      assert.isTrue(Option.isNone(yield* store.inspect("k")))
      between.cutAtReply = true
      const attempt = yield* take(store, "k", "p.1")
      assert.strictEqual(attempt._tag, "Acquired")
      assert.isFalse(between.cutAtReply)
      between.cutAtReply = true
      assert.isFalse(yield* store.release("k", "p.1"), "released before the cut, so not ours at the second time")
      assert.isTrue(Option.isNone(yield* store.inspect("k")))
    }))

  it.live("a lost reply to an exchange leaves one place in the queue", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const between = yield* proxy(port)
      const store = yield* makeStore(between.port)
      yield* take(store, "k", "p.1")
      between.cutAtReply = true
      const attempt = yield* store.exchange!("p.1", { key: "k", token: "p.2", expiresMillis: 20_000, wait: true })
      assert.strictEqual(attempt._tag, "Acquired")
      assert.isTrue(yield* store.release("k", "p.2"))
      assert.deepStrictEqual(yield* Effect.promise(() => look.keys("*")), [])
    }))

  for (const autoResendUnfulfilledCommands of [true, false]) {
    it.live(`what was given up during an outage is gone a round trip after it (resending ${autoResendUnfulfilledCommands})`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const look = yield* client(port)
        const between = yield* proxy(port)
        const store = yield* makeStore(between.port, { ioredis: { autoResendUnfulfilledCommands } })
        yield* take(store, "held", "p.0")
        between.dropReplies = true
        yield* Effect.forkChild(take(store, "k", "p.1"), { startImmediately: true })
        yield* executed(look, "k")
        between.refuse = true
        between.cut()
        const failures = yield* Effect.forEach(
          ["k", "held"],
          (key) =>
            Effect.flip(store.release(key, key === "k" ? "p.1" : "p.0")).pipe(
              Effect.repeat({ until: (failure) => failure.kind === "Unreachable", times: 3 })
            )
        )
        assert.deepStrictEqual(failures.map(({ retryable }) => retryable), [true, true])
        assert.strictEqual(yield* holderOf(look, "k"), "p.1")
        between.dropReplies = false
        between.refuse = false
        yield* until(Effect.promise(async () => (await look.keys("lock:*")).length === 0))
        assert.strictEqual((yield* take(store, "k", "p.2"))._tag, "Acquired")
      }))
  }

  it.live("so is what a backend gives up, of which nothing was kept, and not what it was told to take from others", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const between = yield* proxy(port)
      const store = yield* makeStore(between.port)
      const other = yield* makeStore(port)
      const { release, tryAcquire } = shortcutsOf(store).callbacks!
      const share = { permits: 1, limit: 3 }
      const claim = (key: string, share?: LockStore.Share) =>
        Effect.callback<LockStore.Attempt, LockError.BackendFailure>((resume) =>
          tryAcquire({ key, token: "p.0", expiresMillis: 60_000, wait: false, ...(share && { share }) }, {
            settle: resume
          })
        )
      const giveBack = (key: string, share?: LockStore.Share) =>
        Effect.callback<boolean, LockError.BackendFailure>((resume) => release(key, "p.0", { settle: resume }, share))
      const attempts = [yield* claim("alone"), yield* claim("shared", share), yield* take(other, "theirs", "q.0")]
      assert.deepStrictEqual(attempts.map(({ _tag }) => _tag), ["Acquired", "Acquired", "Acquired"])
      between.refuse = true
      between.cut()
      for (const failing of [giveBack("alone"), giveBack("shared", share), store.release("theirs", "q.0")]) {
        yield* Effect.flip(failing).pipe(Effect.repeat({ until: ({ kind }) => kind === "Unreachable", times: 3 }))
      }
      between.refuse = false
      yield* until(Effect.promise(async () => (await look.keys("lock:*")).length === 1))
      assert.strictEqual(yield* holderOf(look, "theirs"), "q.0")
    }))

  it.live("a command that timed out in the client is withdrawn by its release", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const between = yield* proxy(port)
      // Long enough for a busy machine to connect in, and shorter than a request then takes.
      const own = yield* client(between.port, { commandTimeout: 500 })
      const store = yield* RedisBackend.makeStoreClient(own)
      yield* until(Effect.map(Effect.exit(store.inspect("k")), Exit.isSuccess))
      between.latency = [1000, 1000]
      // It does not end by itself while the test waits.
      const failure = yield* Effect.flip(take(store, "k", "p.1", 600_000))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["NoReply", true])
      yield* Effect.exit(store.release("k", "p.1"))
      between.latency = [0, 0]
      yield* until(Effect.map(Effect.exit(store.inspect("k")), Exit.isSuccess))
      yield* until(Effect.map(holderOf(look, "k"), (holder) => holder === null))
    }))

  it.live("commands that will never be answered fail with their connection", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const store = yield* makeStore(between.port, { ioredis: { autoResendUnfulfilledCommands: false } })
      yield* store.inspect("k")
      between.dropReplies = true
      const fiber = yield* Effect.forkChild(Effect.flip(take(store, "k", "p.1")), { startImmediately: true })
      yield* until(Effect.map(Effect.flip(Effect.as(Effect.timeout(store.inspect("k"), 20), 0)), () => true))
      between.cut()
      assert.strictEqual((yield* Fiber.join(fiber)).kind, "Unreachable")
    }))

  it.live("a server that is down fails fast, and serves as soon as it is up", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      const store = yield* makeStore(port)
      const failures: Array<BackendFailure> = []
      for (let i = 0; i < 3; i++) failures.push(yield* Effect.flip(take(store, "k", "p.1")))
      for (const { cause, kind, retryable } of failures) {
        assert.deepStrictEqual([kind, retryable], ["Unreachable", true])
        assert.include((cause as Error).message, "ECONNREFUSED")
      }
      const server = yield* redisAt(port)
      const attempt = yield* Effect.retry(take(store, "k", "p.1"), Schedule.spaced("10 millis"))
      assert.strictEqual(attempt._tag, "Acquired")
      // and again after a restart, with a higher fencing token and scripts unknown to it
      yield* kill(server.process)
      yield* redisAt(port)
      const again = yield* Effect.retry(take(store, "k", "p.2"), Schedule.spaced("10 millis"))
      if (attempt._tag !== "Acquired" || again._tag !== "Acquired") return assert.fail("not acquired")
      assert.isAbove(again.fencingToken, attempt.fencingToken)
    }))

  it.live("a grant that was lost with its subscription is found by asking again", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const store = yield* makeStore(port)
      yield* take(store, "k", "p.1")
      let notices = 0
      yield* store.listen!("k", "p.2", () => notices++)
      yield* wait(store, "k", "p.2")
      yield* Effect.promise(() => look.call("client", "kill", "type", "pubsub"))
      // given while nobody of ours listens
      yield* Effect.promise(() => look.multi().del("lock:{k}:q").set("lock:{k}", "p.2", "PX", 20_000).exec())
      yield* until(Effect.sync(() => notices > 0))
      assert.strictEqual((yield* wait(store, "k", "p.2"))._tag, "Acquired")
    }))

  it.live("a connection that has gone silent is replaced", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const store = yield* makeStore(between.port)
      yield* store.inspect("k")
      between.dropRequests = true
      yield* Effect.forkChild(take(store, "k", "p.1"), { startImmediately: true })
      yield* until(Effect.sync(() => between.requested() > 0))
      yield* Effect.sleep("100 millis")
      between.dropRequests = false
      const attempt = yield* take(store, "k", "p.1").pipe(
        Effect.timeout("500 millis"),
        Effect.retry(Schedule.forever)
      )
      assert.strictEqual(attempt._tag, "Acquired")
    }))

  it.live("closing the scope ends what is under way, and the client stays the caller's", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const between = yield* proxy(port)
      const own = yield* client(between.port)
      const listeners = () => own.eventNames().map((name) => [name, own.listenerCount(name)])
      yield* Effect.promise(() => own.ping())
      const before = listeners()
      const fiber = yield* Effect.scoped(Effect.gen(function*() {
        const store = yield* RedisBackend.makeStoreClient(own)
        yield* store.inspect("k")
        between.dropReplies = true
        const fiber = yield* Effect.forkDetach(Effect.flip(take(store, "k", "p.1")), { startImmediately: true })
        yield* Effect.sleep("20 millis")
        return fiber
      }))
      assert.deepStrictEqual([(yield* Fiber.join(fiber)).kind], ["Closed"])
      assert.strictEqual(own.status, "ready")
      assert.deepStrictEqual(listeners(), before)
    }))
})

describe("a server with rules", () => {
  const rules = "+eval +evalsha +get +mget +set +del +exists +pexpire +pttl +type +zadd +zrem +zrange +zcard +time"

  it.live("a missing password and a wrong one are told, and never shown", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--requirepass", "right")
      const without = yield* makeStore(port)
      const missing = yield* Effect.flip(take(without, "k", "p.1"))
      assert.deepStrictEqual([missing.kind, missing.retryable], ["Unauthorized", false])
      const store = yield* makeStore(port, { password: Redacted.make("secret") })
      const wrong = yield* Effect.flip(take(store, "k", "p.1"))
      assert.deepStrictEqual([wrong.kind, wrong.retryable], ["Unauthorized", false])
      assert.notInclude(Cause.pretty(Cause.fail(wrong)) + JSON.stringify(wrong) + inspect(wrong), "secret")
      const right = yield* makeStore(port, { url: Redacted.make(`redis://:right@127.0.0.1:${port}`) })
      assert.strictEqual((yield* take(right, "k", "p.1"))._tag, "Acquired")
    }))

  it.live("without the right to subscribe waiters poll, in order", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      yield* Effect.promise(() =>
        look.call("acl", "setuser", "u", "on", ">p", "~lock:*", "resetchannels", ...rules.split(" "))
      )
      const store = yield* makeStore(port, { username: "u", password: Redacted.make("p") })
      yield* take(store, "k", "p.1")
      let notices = 0
      yield* store.listen!("k", "p.2", () => notices++)
      yield* wait(store, "k", "p.2")
      yield* store.release("k", "p.1")
      yield* until(Effect.sync(() => notices > 0))
      assert.strictEqual(yield* holderOf(look, "k"), "p.2")
      assert.isAtMost(yield* Effect.promise(() => look.pttl("lock:{k}")), 1000)
      assert.strictEqual((yield* take(store, "k", "p.3"))._tag, "Held")
      assert.strictEqual((yield* wait(store, "k", "p.2"))._tag, "Acquired")
      assert.isTrue(yield* store.release("k", "p.2"))
    }).pipe(punctual(50)))

  it.live("the least rights that are enough", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const more = `&lock:ch:* +publish +pubsub|numsub +subscribe`
      yield* Effect.promise(() =>
        look.call("acl", "setuser", "u", "on", ">p", "~lock:*", "resetchannels", ...`${rules} ${more}`.split(" "))
      )
      const store = yield* makeStore(port, { username: "u", password: Redacted.make("p") })
      yield* take(store, "k", "p.1")
      const grants: Array<LockStore.Grant | undefined> = []
      yield* store.listen!("k", "p.2", (grant) => grants.push(grant))
      yield* wait(store, "k", "p.2")
      yield* store.release("k", "p.1")
      yield* until(Effect.sync(() => grants.length > 0))
      assert.isDefined(grants[0])
      yield* store.release("k", "p.2")
    }))

  it.live("keys out of reach and scripts switched off are told", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--rename-command", "EVAL", "", "--rename-command", "EVALSHA", "")
      const failure = yield* Effect.flip(take(yield* makeStore(port), "k", "p.1"))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["Unsupported", false])
      const other = yield* redis()
      const look = yield* client(other.port)
      yield* Effect.promise(() => look.call("acl", "setuser", "u", "on", ">p", "~other:*", "+@all"))
      const store = yield* makeStore(other.port, { username: "u", password: Redacted.make("p") })
      assert.strictEqual((yield* Effect.flip(take(store, "k", "p.1"))).kind, "Unauthorized")
    }))

  it.live("a full server refuses new locks, and keeps and frees old ones", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const look = yield* client(port)
      const store = yield* makeStore(port)
      yield* take(store, "old", "p.1")
      yield* Effect.promise(() => look.config("SET", "maxmemory", "1"))
      const failure = yield* Effect.flip(take(store, "new", "p.2"))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["OutOfMemory", true])
      assert.isTrue(yield* store.extend({ key: "old", token: "p.1", expiresMillis: 30_000 }))
      assert.isTrue(yield* store.release("old", "p.1"))
      yield* Effect.promise(() => look.config("SET", "maxmemory", "0"))
      assert.strictEqual((yield* take(store, "new", "p.2"))._tag, "Acquired")
    }))

  it.live("a replica that refuses many commands at once makes no warning of Node's", () =>
    Effect.gen(function*() {
      const server = yield* redis()
      const primary = yield* redis()
      const look = yield* client(server.port)
      const store = yield* makeStore(server.port)
      const warnings: Array<Error> = []
      const hear = (warning: Error) => warnings.push(warning)
      yield* Effect.acquireRelease(
        Effect.sync(() => process.on("warning", hear)),
        () => Effect.sync(() => process.off("warning", hear))
      )
      yield* take(store, "k", "p.1")
      yield* Effect.promise(() => look.replicaof("127.0.0.1", primary.port))
      server.process.kill("SIGSTOP")
      const extensions = yield* Effect.forEach(Array.from({ length: 30 }), () =>
        Effect.andThen(
          Effect.sleep("1 millis"),
          Effect.forkScoped(Effect.exit(store.extend({ key: "k", token: "p.1", expiresMillis: 30_000 })))
        ))
      server.process.kill("SIGCONT")
      for (const extension of extensions) yield* Fiber.join(extension)
      yield* Effect.sleep("20 millis")
      assert.deepStrictEqual(warnings.map(({ message }) => message), [])
    }))

  it.live("a replica takes no locks until it is promoted", () =>
    Effect.gen(function*() {
      const { port } = yield* redis()
      const primary = yield* redis()
      const look = yield* client(port)
      const store = yield* makeStore(port)
      yield* Effect.promise(() => look.replicaof("127.0.0.1", primary.port))
      const failure = yield* Effect.flip(take(store, "k", "p.1"))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["ReadOnly", true])
      yield* Effect.promise(() => look.replicaof("NO", "ONE"))
      const attempt = yield* Effect.retry(take(store, "k", "p.1"), Schedule.spaced("10 millis"))
      assert.strictEqual(attempt._tag, "Acquired")
    }))

  it.live("a server that may evict locks is warned of, once", () =>
    Effect.gen(function*() {
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === "Warn") warnings.push(String(message))
      })
      const build = (port: number, wait: Effect.Effect<void>) =>
        Effect.gen(function*() {
          const store = yield* makeStore(port)
          yield* take(store, "k", "p.1")
          yield* wait
        }).pipe(Effect.scoped, Effect.provide(Logger.layer([logger])))
      yield* build((yield* redis()).port, Effect.sleep("30 millis"))
      assert.deepStrictEqual(warnings, [])
      const { port } = yield* redis("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
      yield* build(port, until(Effect.sync(() => warnings.length > 0)))
      assert.strictEqual(warnings.length, 1)
      assert.include(warnings[0], "allkeys-lru")
    }))
})
