import { assert, describe, it } from "@effect/vitest"
import { Cause, ConfigProvider, Deferred, Effect, Exit, Layer, Logger, Redacted, Schema } from "effect"
import { Lock, LockBackend, LockError } from "effect-lock"
import * as BackendUrl from "effect-lock/BackendUrl"
import * as SqlBackend from "effect-lock/SqlBackend"
import { existsSync } from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { inspect } from "node:util"
import { isInstalled } from "../scripts/installed.ts"
import { directory } from "./support/directory.ts"
import { admin, postgres } from "./support/postgres.ts"
import { redis } from "./support/redis.ts"
import { freePort } from "./support/server.ts"
import { serverUrl } from "./support/urls.ts"

const nameOf = <E>(layer: Layer.Layer<LockBackend.LockBackend, E>) =>
  LockBackend.LockBackend.useSync((backend) => backend.name).pipe(
    Lock.withLock("key", { timeout: "5 seconds" }),
    Effect.provide(layer)
  )

const reasonOf = <E>(layer: Layer.Layer<LockBackend.LockBackend, E>) =>
  Effect.map(Effect.flip(nameOf(layer)), (error) => error instanceof LockError.LockError ? error.reason : undefined)

/** A server that hangs up on what it is told first. */
const greeted = Effect.gen(function*() {
  const greeting = yield* Deferred.make<Buffer>()
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", (bytes) => {
      Deferred.doneUnsafe(greeting, Exit.succeed(bytes))
      socket.destroy()
    })
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () => Effect.sync(() => server.close())
  )
  const address = server.address()
  return [typeof address === "object" ? address?.port : undefined, greeting] as const
})

const withEnv = (env: Record<string, string>) => ConfigProvider.layer(ConfigProvider.fromEnvRecord(env))

describe("layer", () => {
  it.live("open:// and memory:// need nothing", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* nameOf(BackendUrl.layer("open://")), "open")
      assert.strictEqual(yield* nameOf(BackendUrl.layer("memory://")), "memory")
      assert.strictEqual(yield* nameOf(BackendUrl.layer(Redacted.make("MEMORY://"))), "memory")
    }))

  it.live.skipIf(!isInstalled("redis"))("redis:// is RedisBackend", () =>
    Effect.gen(function*() {
      const url = yield* serverUrl("redis")
      assert.strictEqual(yield* nameOf(BackendUrl.layer(url)), "redis")
      assert.strictEqual(yield* nameOf(BackendUrl.layer(Redacted.make(`${url}/3`))), "redis")
      // Valkey is served by the same driver.
      assert.strictEqual(yield* nameOf(BackendUrl.layer(url.replace("redis://", "VALKEY://"))), "redis")
    }))

  it.live.skipIf(!isInstalled("memcached"))("memcache:// is MemcacheBackend", () =>
    Effect.gen(function*() {
      const [url, other] = [yield* serverUrl("memcached"), yield* serverUrl("memcached")]
      assert.strictEqual(yield* nameOf(BackendUrl.layer(url)), "memcached")
      const servers = `memcached://${url.slice("memcache://".length)},${other.slice("memcache://".length)}/`
      assert.strictEqual(yield* nameOf(BackendUrl.layer(servers)), "memcached")
    }))

  it.live.skipIf(!isInstalled("postgres"))(
    "postgres:// and postgresql:// are SqlBackend",
    () =>
      Effect.gen(function*() {
        const { url } = yield* postgres()
        const sql = yield* admin(url)
        yield* sql.unsafe(yield* SqlBackend.createTable())
        assert.strictEqual(yield* nameOf(BackendUrl.layer(url)), "postgresql")
        assert.strictEqual(yield* nameOf(BackendUrl.layer(url.replace("postgres:", "postgresql:"))), "postgresql")
      })
  )

  it.live("file:// is FileBackend, with the directory that it names", () =>
    Effect.gen(function*() {
      const inside = join(yield* directory, "a b")
      assert.strictEqual(yield* nameOf(BackendUrl.layer(pathToFileURL(inside).href)), "file")
      assert.isTrue(existsSync(inside))
    }))

  for (const scheme of ["rediss", "valkeys"]) {
    it.live(`${scheme}:// speaks TLS`, () =>
      Effect.gen(function*() {
        const [port, greeting] = yield* greeted
        const attempt = Lock.withLock(Effect.void, "key", { timeout: 0 }).pipe(
          Effect.provide(BackendUrl.layer(`${scheme}://127.0.0.1:${port}`))
        )
        assert.strictEqual((yield* Effect.flip(attempt)).reason._tag, "BackendFailure")
        // The first byte of a TLS handshake.
        assert.strictEqual((yield* Deferred.await(greeting))[0], 0x16)
      }))
  }

  it.live("builds when the server is down", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      for (const url of [`redis://127.0.0.1:${port}`, `memcache://127.0.0.1:${port}`]) {
        yield* Effect.scoped(Layer.build(BackendUrl.layer(url)))
      }
    }))

  for (const url of ["mysql://db", "http://localhost", "redis+tls://localhost", "constructor://"]) {
    it.effect(`says which schemes there are: ${url}`, () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(BackendUrl.layer(url))
        assert.strictEqual(
          reason?.message,
          `Invalid lock option "url": got the unknown scheme ${url.split("//")[0]}//, ` +
            "expected a URL that starts with open://, memory://, redis://, rediss://, valkey://, valkeys://, " +
            "redis+sentinel://, redis+cluster://, " +
            "rediss+sentinel://, rediss+cluster://, memcache://, memcached://, postgres://, postgresql:// or file://"
        )
      }))
  }

  const malformed: ReadonlyArray<readonly [string, RegExp]> = [
    ["", /expected a URL that starts with open:\/\//],
    ["localhost:6379", /expected a URL that starts with open:\/\//],
    ["redis:localhost", /expected a URL that starts with open:\/\//],
    ["//localhost", /expected a URL that starts with open:\/\//],
    ["open://localhost", /expected open:\/\/ and nothing after it/],
    ["memory:///", /expected memory:\/\/ and nothing after it/],
    ["redis://host:port", /got a malformed server, number 1, expected a host and a port from 1 to 65535/],
    ["rediss://host/db", /got a database that is no number, expected a number/],
    ["redis+sentinel://host", /got no name of a primary, expected redis\+sentinel:/],
    ["redis+cluster://host/3", /got a database, or more of a path, expected no path/],
    ["valkey://user@ho@st", /got an "@" in the user or the password, expected percent-encoded text/],
    ["memcache://host,host:99999", /got a malformed server, number 2, expected a host and a port from 1 to 65535/],
    ["file://locks", /got a host, or a malformed path, expected file:\/\/\/directory/],
    ["file:///locks?poll=1", /got a query or a fragment, expected a path with "%3F"/],
    ["file:///locks#1", /got a query or a fragment, expected a path with "%3F"/],
    ["postgres://host:port", /got a malformed server, expected a host and a port from 1 to 65535/],
    ["memcached://host?x=1", /got a query or a fragment, expected a URL that ends after the servers/]
  ]
  for (const [url, message] of malformed) {
    it.effect(`says what to write instead of "${url}"`, () =>
      Effect.gen(function*() {
        const reason = yield* reasonOf(BackendUrl.layer(url))
        assert.strictEqual(reason?._tag, "InvalidOptions")
        assert.match(reason?.message ?? "", message)
      }))
  }
})

describe("layerConfig", () => {
  const locksIn = <E>(layer: Layer.Layer<LockBackend.LockBackend, E>, env: Record<string, string>) => {
    const logged: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ logLevel, message }) => void logged.push([logLevel, message]))])
    const provider = withEnv(env)
    return {
      logged,
      name: Effect.provide(nameOf(layer), [provider, logger]),
      reason: Effect.provide(reasonOf(layer), [provider, logger])
    }
  }
  const warning = (variable: string) => [
    "Warn",
    [
      `${variable} is not set or empty: locks are in this process only, and other processes do not see them. ` +
      "Set it to where locks live, or to memory:// if that is meant"
    ]
  ]

  it.live("is in memory when LOCK_URL is not set or empty, and says so once", () =>
    Effect.gen(function*() {
      for (const env of [{}, { LOCK_UR: "open://" }, { LOCK_URL: "" }]) {
        const { logged, name } = locksIn(BackendUrl.layerConfig, env)
        assert.deepStrictEqual([yield* name, yield* name], ["memory", "memory"])
        assert.deepStrictEqual(logged, [warning("LOCK_URL")])
      }
    }))

  it.live("says nothing of a LOCK_URL that is set", () =>
    Effect.gen(function*() {
      for (const backend of ["open", "memory"]) {
        const { logged, name } = locksIn(BackendUrl.layerConfig, { LOCK_URL: `${backend}://` })
        assert.strictEqual(yield* name, backend)
        assert.deepStrictEqual(logged, [])
      }
    }))

  it.live("does not take a wrong LOCK_URL for none, and names it", () =>
    Effect.gen(function*() {
      for (const LOCK_URL of [" ", "redis", "memory", "memory://x", "redis://a:b", "memcache://a:b"]) {
        const { logged, reason } = locksIn(BackendUrl.layerConfig, { LOCK_URL })
        const failure = yield* reason
        assert(failure?._tag === "InvalidOptions")
        assert.strictEqual(failure.option, "LOCK_URL")
        assert.deepStrictEqual(logged, [])
      }
    }))

  it.live("reads another variable, and fails without it if it is required", () =>
    Effect.gen(function*() {
      const shop = { variable: "SHOP_LOCKS" }
      const set = locksIn(BackendUrl.layerConfigWith({ ...shop, required: true }), { SHOP_LOCKS: "open://" })
      assert.strictEqual(yield* set.name, "open")
      const optional = locksIn(BackendUrl.layerConfigWith(shop), { LOCK_URL: "open://" })
      assert.strictEqual(yield* optional.name, "memory")
      assert.deepStrictEqual(optional.logged, [warning("SHOP_LOCKS")])
      for (const env of [{ LOCK_URL: "open://" }, { SHOP_LOCKS: "" }]) {
        const { logged, reason } = locksIn(BackendUrl.layerConfigWith({ ...shop, required: true }), env)
        const failure = yield* reason
        assert(failure?._tag === "InvalidOptions")
        assert.deepStrictEqual([failure.option, failure.value], ["SHOP_LOCKS", "nothing"])
        assert.match(failure.expected, /^a URL that starts with open:/)
        assert.deepStrictEqual(logged, [])
      }
    }))
})

/** All that a program can see of using a URL: how it ends, in every form, and what is logged. */
const traces = Effect.fnUntraced(function*(url: string) {
  const lines: Array<string> = []
  const logger = Logger.make((options) => {
    lines.push(inspect(options.message, { depth: 20 }), Cause.pretty(options.cause))
  })
  const use = (layer: Layer.Layer<LockBackend.LockBackend, unknown>) =>
    Lock.withLock(Effect.void, "key", { timeout: 0 }).pipe(
      Effect.provide(layer),
      Effect.withSpan("use"),
      Effect.tapCause((cause) => Effect.logError("failed", cause)),
      Effect.provide(Logger.layer([logger])),
      Effect.exit
    )
  const exits = [
    yield* use(BackendUrl.layer(url)),
    yield* use(BackendUrl.layer(Redacted.make(url))),
    yield* Effect.provide(use(BackendUrl.layerConfig), withEnv({ LOCK_URL: url }))
  ]
  for (const exit of exits) {
    assert(Exit.isFailure(exit), `${url} is of use`)
    const error = Cause.squash(exit.cause)
    assert.instanceOf(error, LockError.LockError)
    const encoded = yield* Schema.encodeEffect(Schema.toCodecJson(LockError.LockError))(error)
    lines.push(
      Cause.pretty(exit.cause),
      String(error),
      error.stack ?? "",
      inspect(error, { depth: 20, showHidden: true }),
      inspect(error.cause, { depth: 20, showHidden: true }),
      JSON.stringify(encoded),
      JSON.stringify(exit)
    )
  }
  return lines.join("\n")
})

describe("what is secret in a URL", () => {
  const secret = "hunter2"
  const urls = [
    secret,
    `user:${secret}@host`,
    `redis//user:${secret}@host`,
    `mysql://user:${secret}@host`,
    `open://user:${secret}@host`,
    `memory://user:${secret}@host`,
    `redis://user:${secret}@host:port`,
    `redis://user:${secret}@host/0?password=${secret}`,
    `redis://user:%zz${secret}@host`,
    `redis://user:${secret}@ho@st`,
    `rediss://${secret}@host/x`,
    `memcache://user:${secret}@host:port`,
    `memcache://user:${secret}@host,[`,
    `memcache://user:%zz${secret}@host`,
    `memcached://user:${secret}@host/${secret}?${secret}`,
    `memcached://user:a@${secret}@host`,
    `valkey://user:${secret}@ho@st`,
    `redis+sentinel://user:${secret}@ho@st`,
    `postgres://user:${secret}@host:port`,
    `file://user:${secret}@host/%zz${secret}`,
    ` redis://user:${secret}@host`
  ]
  for (const url of urls) {
    it.live(`is not shown when it is malformed: ${url}`, () =>
      Effect.gen(function*() {
        assert.notInclude(yield* traces(url), secret)
      }))
  }

  it.live("is not shown when nobody is there", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      assert.notInclude(yield* traces(`redis://user:${secret}@127.0.0.1:${port}`), secret)
      assert.notInclude(yield* traces(`memcache://user:${secret}@127.0.0.1:${port}`), secret)
    }))

  it.live.skipIf(!isInstalled("redis"))("is not shown when Redis refuses it", () =>
    Effect.gen(function*() {
      const { port } = yield* redis("--requirepass", "another")
      for (const user of ["", "user"]) {
        const seen = yield* traces(`redis://${user}:${secret}@127.0.0.1:${port}`)
        assert.include(seen, "Unauthorized")
        assert.notInclude(seen, secret)
      }
    }))
})
