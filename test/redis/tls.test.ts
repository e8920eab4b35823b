import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Option, Schedule, Scope } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import Tls from "node:tls"
import * as Failure from "../../src/internal/redis/failure.ts"
import { hasOpenssl, selfSigned } from "../support/certificates.ts"
import { directory } from "../support/directory.ts"
import { proxy } from "../support/proxy.ts"
import { client, redisAt, shared, until } from "../support/redis.ts"
import { freePort, start } from "../support/server.ts"

/** A server, a strict one, a Sentinel and a node of a cluster, each with a port for TLS and one for none. */
const servers = shared(Effect.gen(function*() {
  const { certificate, key } = selfSigned(yield* directory, "server")
  const serve = Effect.fnUntraced(function*(settings: ReadonlyArray<string>, ...args: ReadonlyArray<string>) {
    const dir = yield* directory
    const [plain, tls] = [yield* freePort, yield* freePort]
    const file = join(dir, "redis.conf")
    const ports = [`port ${plain}`, `tls-port ${tls}`, "bind 127.0.0.1", "tls-auth-clients no"]
    const files = [
      `tls-key-file ${key}`,
      `tls-cert-file ${certificate}`,
      `tls-ca-cert-file ${certificate}`,
      `dir ${dir}`
    ]
    writeFileSync(file, [...ports, ...files, ...settings, ""].join("\n"))
    yield* start("redis-server", [file, ...args], plain)
    return { plain, tls }
  })
  const single = yield* serve([`save ""`])
  const strict = yield* serve([`save ""`, "tls-auth-clients yes"])
  const monitor = `sentinel monitor mymaster localhost ${single.tls} 1`
  const names = ["sentinel resolve-hostnames yes", "sentinel announce-hostnames yes"]
  const sentinel = yield* serve([...names, monitor, "tls-replication yes"], "--sentinel")
  const announced = ["cluster-announce-hostname localhost", "cluster-preferred-endpoint-type hostname"]
  const node = yield* serve([`save ""`, "cluster-enabled yes", "tls-cluster yes", ...announced])
  const look = yield* client(node.plain)
  yield* Effect.promise(() => look.call("cluster", "addslotsrange", 0, 16_383))
  yield* until(Effect.promise(async () => String(await look.call("cluster", "info")).includes("cluster_state:ok")))
  // One that can be spoken to either way, for each primary that cannot.
  const naming = (port: number) => serve([...names, `sentinel monitor mymaster localhost ${port} 1`], "--sentinel")
  const [ofPlain, ofSecure] = [yield* naming(single.plain), yield* naming(single.tls)]
  return { single, strict, sentinel, ofPlain, ofSecure, node, ca: readFileSync(certificate), key: readFileSync(key) }
}))

const serves = Effect.fnUntraced(function*(options: RedisBackend.Options) {
  const store = yield* RedisBackend.makeStore(options)
  const claim = { key: "k", token: "p.1", expiresMillis: 60_000, wait: false }
  assert.strictEqual((yield* store.tryAcquire(claim))._tag, "Acquired")
  let told = false
  yield* store.listen!("k", "p.2", () => told = true)
  yield* store.tryAcquire({ ...claim, token: "p.2", wait: true })
  yield* store.release("k", "p.1")
  yield* until(Effect.sync(() => told))
  // It is given for less than a second, until one comes for it.
  assert.strictEqual((yield* store.tryAcquire({ ...claim, token: "p.2", wait: true }))._tag, "Acquired")
  assert.isTrue(yield* store.release("k", "p.2"))
}, Effect.scoped)

/** Says so at the first attempts, and at those that follow. A busy machine may leave no time to find out at one of them. */
const refuses = Effect.fnUntraced(function*(options: RedisBackend.Options, message: RegExp) {
  const store = yield* RedisBackend.makeStore(options)
  for (const wait of [0, 300]) {
    yield* Effect.sleep(wait)
    const failure = yield* Effect.flip(store.inspect("k")).pipe(
      Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: ({ kind }) => kind === "Unsupported" })
    )
    assert.isFalse(failure.retryable)
    assert.match(failure.message, message)
  }
}, Effect.scoped)

const forms = [
  { of: "a server", port: "single", kind: "", path: "" },
  { of: "Sentinels", port: "sentinel", kind: "+sentinel", path: "/mymaster" },
  { of: "a cluster", port: "node", kind: "+cluster", path: "" }
] as const

const certificateOf = /authority as ioredis\.tls\.ca/
const speaksNone = /does not speak TLS.*redis:\/\//
const speaksOnly = /speaks TLS.*rediss:\/\//
const onlyReset = /ECONNRESET|EPIPE|may want/
const nameOf = /has another name than the host.*servername/

describe.skipIf(!hasOpenssl)("TLS (needs openssl)", () => {
  for (const { kind, of, path, port } of forms) {
    const bench = Effect.map(servers, ({ ca, [port]: { plain, tls } }) => ({
      trust: { tls: { ca }, ...(kind === "+sentinel" && { sentinelTLS: { ca } }) },
      url: (secure: "" | "s", which: "plain" | "tls", host = "localhost") =>
        `redis${secure}${kind}://${host}:${which === "tls" ? tls : plain}${path}`
    }))

    describe(of, () => {
      it.live("serves those who trust its certificate", () =>
        Effect.gen(function*() {
          const { trust, url } = yield* bench
          yield* serves({ url: url("s", "tls"), ioredis: trust })
        }))

      it.live("is refused by those who do not", () =>
        Effect.gen(function*() {
          const { url } = yield* bench
          yield* refuses({ url: url("s", "tls") }, certificateOf)
        }))

      it.live("is refused by a name that its certificate has not", () =>
        Effect.gen(function*() {
          const { trust, url } = yield* bench
          yield* refuses({ url: url("s", "tls", "127.0.0.1"), ioredis: trust }, nameOf)
        }))

      it.live("that does not speak it is told from one that is away", () =>
        Effect.gen(function*() {
          const { trust, url } = yield* bench
          yield* refuses({ url: url("s", "plain"), ioredis: trust }, speaksNone)
        }))

      it.live("that speaks nothing else is, too", () =>
        Effect.gen(function*() {
          const { url } = yield* bench
          yield* refuses({ url: url("", "tls") }, speaksOnly)
        }))
    })
  }

  describe("a primary that good Sentinels name", () => {
    it.live("is told when it does not speak it", () =>
      Effect.gen(function*() {
        const { ca, ofPlain } = yield* servers
        const ioredis = { tls: { ca }, sentinelTLS: { ca } }
        yield* refuses({ url: `rediss+sentinel://localhost:${ofPlain.tls}/mymaster`, ioredis }, speaksNone)
      }))

    it.live("is told when it speaks nothing else", () =>
      Effect.gen(function*() {
        const { ofSecure } = yield* servers
        yield* refuses({ url: `redis+sentinel://localhost:${ofSecure.plain}/mymaster` }, speaksOnly)
      }))

    it.live("is looked for where it is from here", () =>
      Effect.gen(function*() {
        const { ofSecure, single } = yield* servers
        const between = yield* proxy(single.tls)
        const natMap = { [`localhost:${single.tls}`]: { host: "localhost", port: between.port } }
        const url = `redis+sentinel://localhost:${ofSecure.plain}/mymaster`
        yield* refuses({ url, ioredis: { natMap } }, speaksOnly)
        assert.isAbove(between.accepted(), 1)
      }))
  })

  describe("a server that wants a certificate of its clients", () => {
    /** Such a server, behind what can make a reset of each refusal. */
    const bench = Effect.gen(function*() {
      const { ca, key, strict } = yield* servers
      const scope = yield* Scope.fork(yield* Effect.scope)
      const between = yield* Scope.provide(proxy(strict.tls), scope)
      const url = `rediss://localhost:${between.port}`
      const store = yield* RedisBackend.makeStore({ url, ioredis: { tls: { ca } } })
      const failure = Effect.flip(store.inspect("k"))
      const says = (kind: string) => until(Effect.map(failure, (failure) => failure.kind === kind))
      return {
        between,
        goes: Scope.close(scope, Exit.void),
        failure,
        says,
        mutual: { url, ioredis: { tls: { ca, cert: ca, key } } }
      }
    })

    it.live("says so, and serves those who have one", () =>
      Effect.gen(function*() {
        const { failure, mutual, says } = yield* bench
        yield* says("Unsupported")
        for (let i = 0; i < 20; i++) {
          const { kind, message } = yield* failure
          if (kind === "Unsupported") assert.match(message, /wants one: .*ioredis\.tls\.cert/)
          assert.notMatch(message, onlyReset)
          yield* Effect.sleep(50)
        }
        yield* serves(mutual)
      }))

    it.live("may have wanted one where only a reset arrives", () =>
      Effect.gen(function*() {
        const { between, failure, says } = yield* bench
        between.hideRefusals = true
        between.reset()
        yield* until(Effect.map(failure, ({ message }) => /TLS handshake.*may want.*ioredis\.tls\.cert/.test(message)))
        const { kind, message, retryable } = yield* failure
        assert.deepStrictEqual([kind, retryable], ["Unreachable", true], message)
        // As soon as one has heard it, it is certain.
        between.hideRefusals = false
        yield* says("Unsupported")
      }))

    it.live("is not forgotten when a reset is all that arrives later, but when the server is away", () =>
      Effect.gen(function*() {
        const { between, failure, goes, says } = yield* bench
        yield* says("Unsupported")
        between.hideRefusals = true
        const before = between.accepted()
        yield* until(Effect.gen(function*() {
          assert.notMatch((yield* failure).message, onlyReset)
          return between.accepted() > before + 6
        }))
        yield* goes
        yield* says("Unreachable")
      }))
  })

  it.live("is right as soon as what was wrong is mended", () =>
    Effect.gen(function*() {
      const { certificate, key } = selfSigned(yield* directory, "mended")
      const port = yield* freePort
      const ports = ["--tls-port", `${port}`, "--tls-auth-clients", "no"]
      const files = ["--tls-key-file", key, "--tls-cert-file", certificate, "--tls-ca-cert-file", certificate]
      const url = `rediss://localhost:${port}`
      const store = yield* RedisBackend.makeStore({ url, ioredis: { tls: { ca: readFileSync(certificate) } } })
      yield* Effect.scoped(Effect.gen(function*() {
        yield* redisAt(port)
        yield* until(Effect.map(Effect.flip(store.inspect("k")), ({ kind }) => kind === "Unsupported"))
      }))
      yield* start("redis-server", ["--port", "0", "--save", "", ...ports, ...files], port)
      yield* until(Effect.map(Effect.option(store.inspect("k")), Option.isSome))
    }))

  it.live("does not make a refusal of what was sent before it broke", () =>
    Effect.sync(() => {
      // Otherwise a release in flight would be no debt, and a turn's calls would be sent once more.
      for (const code of ["CERT_HAS_EXPIRED", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"]) {
        const cause = Object.assign(new Error("refused"), { code })
        assert.strictEqual(Failure.classify(cause).kind, "Unsupported")
        assert.isTrue(Failure.isLost(cause))
        assert.isFalse(Failure.isRefusal(cause))
      }
      assert.isTrue(Failure.isRefusal(new Error("NOPERM this user has no permissions")))
    }))

  describe("who says more of a connection than one error is outlived", () => {
    /** Every connection that speaks TLS, whoever makes it, and what is printed of errors. */
    const connections = Effect.acquireRelease(
      Effect.sync(() => {
        const sockets: Array<Tls.TLSSocket> = []
        const printed: Array<unknown> = []
        const { connect } = Tls
        const { error } = console
        console.error = (...said) => void printed.push(...said)
        Tls.connect = ((...args: Parameters<typeof connect>) => {
          const socket = connect(...args)
          sockets.push(socket)
          return socket
        }) as typeof connect
        return { connect, error, printed, sockets }
      }),
      ({ connect, error }) =>
        Effect.sync(() => {
          Tls.connect = connect
          console.error = error
        })
    )

    for (const { kind, of, path, port } of forms) {
      for (const host of ["localhost", "127.0.0.1"]) {
        it.live(`${of}, ${host === "localhost" ? "served" : "refused"}`, () =>
          Effect.gen(function*() {
            const { ca, [port]: { tls } } = yield* servers
            const { printed, sockets } = yield* connections
            const options = {
              url: `rediss${kind}://${host}:${tls}${path}`,
              ioredis: { tls: { ca }, ...(kind === "+sentinel" && { sentinelTLS: { ca } }) }
            }
            yield* host === "localhost" ? serves(options) : refuses(options, nameOf)
            assert.isAbove(sockets.length, 0)
            // Such as an alert of the other side and a reset, which throws where nobody listens.
            for (const socket of sockets) {
              for (const error of ["one", "one more"]) socket.emit("error", new Error(error))
            }
            assert.deepStrictEqual(printed, [])
          }).pipe(Effect.scoped))
      }
    }
  })

  it.live("a server that is away is only away", () =>
    Effect.gen(function*() {
      const port = yield* freePort
      for (const url of [`rediss://localhost:${port}`, `redis://localhost:${port}`]) {
        const failure = yield* Effect.scoped(
          Effect.flatMap(RedisBackend.makeStore({ url }), (store) => Effect.flip(store.inspect("k")))
        )
        assert.deepStrictEqual([failure.kind, failure.retryable], ["Unreachable", true])
      }
    }))
})
