/** Servers that forget, run full, or lack what the protocol needs. */
import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Layer, Option, Redacted } from "effect"
import { writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { networkInterfaces } from "node:os"
import { join } from "node:path"
import { pin } from "../../src/internal/memcached/pin.ts"
import * as Lock from "../../src/Lock.ts"
import { LockError } from "../../src/LockError.ts"
import * as MemcacheBackend from "../../src/MemcacheBackend.ts"
import { directory } from "../support/directory.ts"
import { memcached } from "../support/memcached.ts"
import { memcachedProxy } from "../support/memcachedProxy.ts"
import { freePort } from "../support/server.ts"
import { acquire, claim, eventually, holderOf, storeAt } from "./support.ts"

describe("forgetting", () => {
  it.live("flush_all: the holder hears that the lock is gone, and cannot touch the next one", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const [one, two] = yield* Effect.all([storeAt(server.port), storeAt(server.port)])
      const first = yield* acquire(one, "k", "a")
      yield* server.command("flush_all")
      assert.isFalse(yield* one.extend(claim("k", "a")))
      const second = yield* acquire(two, "k", "b")
      assert.isAbove(second.fencingToken, first.fencingToken + 7)
      assert.isFalse(yield* one.extend(claim("k", "a")))
      assert.isFalse(yield* one.release("k", "a"))
      assert.strictEqual(yield* holderOf(one, "k"), "b")
    }))

  it.live("restart: a remembered CAS that now is another's does no harm", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const [one, two] = yield* Effect.all([storeAt(server.port), storeAt(server.port)])
      const cas = Effect.map(server.command("gets lock:k"), (text) => /^VALUE \S+ \d+ \d+ (\d+)/.exec(text)?.[1])
      const first = yield* acquire(one, "k", "a")
      const casBefore = yield* cas
      // Fencing tokens do not cover two starts within a second.
      const startedBy = Math.floor(Date.now() / 1000)
      yield* eventually(Effect.sync(() => Math.floor(Date.now() / 1000) > startedBy))
      yield* server.restart
      const second = yield* acquire(two, "k", "b")
      assert.strictEqual(yield* cas, casBefore)
      assert.isAbove(second.fencingToken, first.fencingToken + 7)
      yield* eventually(Effect.map(Effect.option(one.release("k", "a")), Option.contains(false)))
      assert.isFalse(yield* one.extend(claim("k", "a")))
      assert.strictEqual(yield* holderOf(two, "k"), "b")
    }))

  it.live("restart between GET and DELETE: the DELETE goes nowhere", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const proxy = yield* memcachedProxy(() => server.port)
      const [one, two] = yield* Effect.all([storeAt(proxy.port), storeAt(server.port)])
      yield* acquire(two, "k", "a")
      const held = proxy.next("request", "delete", "hold")
      const fiber = yield* Effect.forkChild(Effect.flip(one.release("k", "a")))
      yield* held.arrived
      yield* server.restart
      yield* eventually(Effect.map(Effect.option(acquire(two, "k", "b")), Option.isSome))
      yield* proxy.letGo
      assert.strictEqual((yield* Fiber.join(fiber)).kind, "Unreachable")
      assert.strictEqual(yield* holderOf(two, "k"), "b")
    }))

  it.live("eviction: the holder hears of it", () =>
    Effect.gen(function*() {
      const server = yield* memcached(["-m", "2"])
      const store = yield* storeAt(server.port)
      yield* acquire(store, "k", "a")
      // Several times the memory, in items of the lock's size. Looking at the lock meanwhile would keep it alive.
      for (let round = 0; round < 20; round++) {
        const lines = Array.from({ length: 5_000 }, (_, i) =>
          `set filler-${round}-${i} 0 0 16 noreply\r\n${"x".repeat(16)}`)
        yield* server.command(`${lines.join("\r\n")}\r\nget nothing`)
      }
      assert.isFalse(yield* store.extend(claim("k", "a")))
      yield* acquire(store, "k", "b")
    }))
})

describe("several servers", () => {
  /** Two servers, a key on each, and a backend on both. */
  const two = Effect.gen(function*() {
    const [up, down] = yield* Effect.all([memcached(), memcached()])
    const servers = [up, down].map(({ port }) => `127.0.0.1:${port}`)
    const keyOn = (server: string) => {
      for (let i = 0;; i++) {
        if (pin(servers.map((name) => ({ name })), `lock:key-${i}`).name === server) return `key-${i}`
      }
    }
    return {
      down,
      keyUp: keyOn(servers[0]),
      keyDown: keyOn(servers[1]),
      locks: yield* Layer.build(MemcacheBackend.layer({ servers }))
    }
  })

  it.live("one down: its locks fail and wait for it, those of the other go on, and nothing moves", () =>
    Effect.gen(function*() {
      const { down, keyDown, keyUp, locks } = yield* two
      const held = yield* Deferred.make<void>()
      const done = yield* Deferred.make<void>()
      const work = Effect.andThen(Deferred.succeed(held, undefined), Deferred.await(done))
      const [kept, lost] = yield* Effect.forEach(
        [[keyUp, "1 minute"], [keyDown, "2 seconds"]] as const,
        ([key, expires]) => Effect.forkChild(Effect.provide(Effect.exit(Lock.withLock(work, key, { expires })), locks))
      )
      yield* Deferred.await(held)
      yield* eventually(Effect.provide(Effect.map(Lock.inspect(keyDown), Option.isSome), locks))
      yield* down.stop
      // The holder on it is told, and a lock cannot be had meanwhile.
      const ended = yield* Fiber.join(lost)
      assert(Exit.isFailure(ended))
      const error = Cause.squash(ended.cause)
      assert(error instanceof LockError && error.reason._tag === "LockLost")
      const refused = yield* Effect.flip(Effect.provide(Lock.withLock(Effect.void, keyDown, { timeout: 0 }), locks))
      assert(refused.reason._tag === "BackendFailure")
      assert.strictEqual(refused.reason.kind, "Unreachable")
      const waiting = yield* Effect.forkChild(
        Effect.provide(Lock.withLock(Effect.succeed("back"), keyDown, { timeout: "1 minute" }), locks)
      )
      // The other server does not notice.
      assert.isTrue(Option.isSome(yield* Effect.provide(Lock.inspect(keyUp), locks)))
      assert.isUndefined(kept.pollUnsafe())
      assert.isUndefined(waiting.pollUnsafe())
      yield* down.restart
      assert.strictEqual(yield* Fiber.join(waiting), "back")
      yield* Deferred.succeed(done, undefined)
      assert.isTrue(Exit.isSuccess(yield* Fiber.join(kept)))
    }))
})

describe("refusing", () => {
  it.live("-C, a server without CAS, is not used", () =>
    Effect.gen(function*() {
      const server = yield* memcached(["-C"])
      const store = yield* storeAt(server.port)
      for (const run of [1, 2]) {
        const failure = yield* Effect.flip(store.tryAcquire(claim("k", `token-${run}`)))
        assert.strictEqual(failure.kind, "Unsupported")
        assert.isFalse(failure.retryable)
        assert.include(failure.message, "CAS")
      }
      assert.strictEqual((yield* Effect.flip(store.release("k", "token-1"))).kind, "Unsupported")
    }))

  for (const login of [{}, { username: "locks", password: Redacted.make("s3cret") }]) {
    it.live(`-B ascii, a server without the binary protocol, says so ${login.username ? "to a login" : "at once"}`, () =>
      Effect.gen(function*() {
        const server = yield* memcached(["-B", "ascii"])
        const store = yield* storeAt(server.port, login)
        const failure = yield* Effect.flip(store.tryAcquire(claim("k", "a")))
        assert.strictEqual(failure.kind, "Unsupported")
        assert.isFalse(failure.retryable)
        assert.include(failure.message, "does not speak memcached's binary protocol")
        assert.notInclude(failure.message, "s3cret")
      }))
  }

  it.live("a server of another kind is not used", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer((socket) => {
            socket.on("error", () => {})
            socket.on("data", () => socket.end("-ERR unknown command\r\n"))
          })
          server.listen(port, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      )
      const store = yield* storeAt(port)
      const failure = yield* Effect.flip(store.tryAcquire(claim("k", "a")))
      assert.strictEqual(failure.kind, "Unsupported")
      assert.isFalse(failure.retryable)
      assert.include(failure.message, "-ERR unknown command")
    }))

  it.live("-M, a server that is full: the failure says so, and what is held stays", () =>
    Effect.gen(function*() {
      const server = yield* memcached(["-M", "-m", "2"])
      const [one, two] = yield* Effect.all([storeAt(server.port), storeAt(server.port)])
      yield* acquire(one, "held", "a", 3_600_000)
      let attempt = 0
      const fill = Effect.suspend(() =>
        Effect.match(two.tryAcquire(claim(`filler-${attempt++}`, `token-${attempt}`)), {
          onFailure: (failure) => failure,
          onSuccess: () => undefined
        })
      )
      let failure = yield* fill
      while (failure === undefined) failure = yield* fill
      assert.strictEqual(failure.kind, "OutOfMemory")
      // Other items end, and make room.
      assert.isTrue(failure.retryable)
      // A stale holder who writes with another's CAS must not delete the item, as SET would.
      assert.isFalse(yield* two.extend(claim("held", "b")))
      assert.strictEqual(yield* holderOf(two, "held"), "a")
      assert.isTrue(yield* one.release("held", "a"))
    }))

  it.live("too many connections: the failure is worth a retry", () =>
    Effect.gen(function*() {
      const server = yield* memcached(["-c", "32", "-t", "1"])
      const stores = yield* Effect.forEach(Array.from({ length: 40 }), () => storeAt(server.port))
      const results = yield* Effect.forEach(stores, (store) =>
        Effect.match(store.inspect("k"), { onFailure: (failure) => failure, onSuccess: () => undefined }))
      const failures = results.filter((failure) =>
        failure !== undefined
      )
      assert.isAbove(failures.length, 0)
      for (const failure of failures) {
        assert.strictEqual(failure.kind, "Unreachable")
        assert.isTrue(failure.retryable)
      }
    }))
})

describe("logging in", () => {
  /** memcached asks saslauthd, and this one knows a single password. */
  const authenticated = Effect.gen(function*() {
    const folder = yield* directory
    const socketPath = join(folder, "mux")
    writeFileSync(
      join(folder, "memcached.conf"),
      `pwcheck_method: saslauthd\nsaslauthd_path: ${socketPath}\nmech_list: plain\n`
    )
    yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof createServer>>((resume) => {
        const server = createServer((socket) =>
          socket.on("data", (bytes) => {
            const fields: Array<string> = []
            for (let at = 0; at < bytes.length; at += 2 + bytes.readUInt16BE(at)) {
              fields.push(bytes.toString("utf8", at + 2, at + 2 + bytes.readUInt16BE(at)))
            }
            const answer = fields[0] === "locks" && fields[1] === "s3:cr@t" ? "OK" : "NO"
            socket.end(Buffer.concat([Buffer.from([0, answer.length]), Buffer.from(answer)]))
          })
        )
        server.listen(socketPath, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
    return yield* memcached(["-S"], [`SASL_CONF_PATH=${folder}`])
  })

  it.live("the right password opens, from options or a URL", () =>
    Effect.gen(function*() {
      const server = yield* authenticated
      const one = yield* storeAt(server.port, { username: "locks", password: Redacted.make("s3:cr@t") })
      const two = yield* storeAt(server.port, {
        servers: undefined,
        url: Redacted.make(`memcache://locks:s3%3Acr%40t@127.0.0.1:${server.port}`)
      })
      yield* acquire(one, "k", "a")
      assert.strictEqual(yield* holderOf(two, "k"), "a")
      assert.isTrue(yield* two.release("k", "a"))
    }))

  it.live("a wrong or a missing password is told, without showing it", () =>
    Effect.gen(function*() {
      const server = yield* authenticated
      const stores = [
        yield* storeAt(server.port, { username: "locks", password: Redacted.make("wr0ng") }),
        yield* storeAt(server.port, { username: "locks" }),
        yield* storeAt(server.port)
      ]
      for (const store of stores) {
        const failure = yield* Effect.flip(store.tryAcquire(claim("k", "a")))
        assert.strictEqual(failure.kind, "Unauthorized")
        assert.isFalse(failure.retryable)
        assert.notInclude(JSON.stringify(failure) + failure.message, "wr0ng")
      }
    }))

  it.live("a login that is never answered is given up", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const proxy = yield* memcachedProxy(() => server.port)
      proxy.decide(() => "lose")
      const options = { username: "locks", password: Redacted.make("s3:cr@t"), connectTimeout: 200 }
      const store = yield* storeAt(proxy.port, options)
      const failure = yield* Effect.flip(store.tryAcquire(claim("k", "a")))
      assert.strictEqual(failure.kind, "Unreachable")
      assert.isTrue(failure.retryable)
      // Closing while a login is under way ends it as well.
      const fiber = yield* Effect.scoped(
        Effect.gen(function*() {
          const store = yield* storeAt(proxy.port, { ...options, connectTimeout: "1 hour" })
          const seen = proxy.next("request", "saslAuth", "lose")
          const fiber = yield* Effect.forkDetach(Effect.flip(store.inspect("k")))
          yield* seen.arrived
          return fiber
        })
      )
      assert.strictEqual((yield* Fiber.join(fiber)).kind, "Closed")
    }))

  it.live("credentials do no harm where nobody asks for them", () =>
    Effect.gen(function*() {
      const server = yield* memcached()
      const store = yield* storeAt(server.port, { username: "locks", password: Redacted.make("s3:cr@t") })
      yield* acquire(store, "k", "a")
    }))
})

const hasIPv6 = Object.values(networkInterfaces()).flat().some((address) => address?.address === "::1")

it.live.skipIf(!hasIPv6)("IPv6 addresses are addresses like others", () =>
  Effect.gen(function*() {
    const server = yield* memcached(["-l", "::1"])
    const store = yield* storeAt(server.port, { servers: undefined, url: `memcache://[::1]:${server.port}` })
    yield* acquire(store, "k", "a")
    assert.strictEqual(yield* holderOf(yield* storeAt(server.port), "k"), "a")
  }))
