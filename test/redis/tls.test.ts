import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as RedisBackend from "effect-lock/RedisBackend"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { directory, until } from "../support/redis.ts"
import { freePort, start } from "../support/server.ts"

const openssl = (...args: ReadonlyArray<string>) => spawnSync("openssl", args, { stdio: "ignore" }).status === 0

describe.skipIf(!openssl("version"))("a server behind TLS", () => {
  it.live("serves over rediss, to those who trust it", () =>
    Effect.gen(function*() {
      const dir = yield* directory
      const [key, certificate] = [join(dir, "key.pem"), join(dir, "certificate.pem")]
      const [subject, algorithm] = ["/CN=localhost", "rsa:2048"]
      openssl("req", "-x509", "-nodes", "-newkey", algorithm, "-subj", subject, "-keyout", key, "-out", certificate)
      const port = yield* freePort
      const files = ["--tls-key-file", key, "--tls-cert-file", certificate, "--tls-ca-cert-file", certificate]
      const args = ["--port", "0", "--save", "", "--tls-port", `${port}`, "--tls-auth-clients", "no", ...files]
      yield* start("redis-server", args, port)

      const url = `rediss://localhost:${port}`
      const doubting = yield* RedisBackend.makeStore({ url })
      const failure = yield* Effect.flip(doubting.inspect("k"))
      assert.deepStrictEqual([failure.kind, failure.retryable], ["Unreachable", true])
      assert.include(failure.message, "self-signed")

      const trusting = yield* RedisBackend.makeStore({ url, ioredis: { tls: { ca: readFileSync(certificate) } } })
      const claim = { key: "k", token: "p.1", expiresMillis: 5000, wait: false }
      assert.strictEqual((yield* trusting.tryAcquire(claim))._tag, "Acquired")
      let told = false
      yield* trusting.listen!("k", "p.2", () => told = true)
      yield* trusting.tryAcquire({ ...claim, token: "p.2", wait: true })
      yield* trusting.release("k", "p.1")
      yield* until(Effect.sync(() => told))
      assert.isTrue(yield* trusting.release("k", "p.2"))
    }))
})
