import { assert, describe, it as vitest } from "@effect/vitest"
import { Effect, Exit } from "effect"
import type { LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { createPrivateKey, generateKeyPairSync } from "node:crypto"
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Failure from "../../src/internal/sql/failure.ts"
import { hasOpenssl, selfSigned } from "../support/certificates.ts"
import { directory } from "../support/directory.ts"
import { admin, postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { shared, until } from "../support/redis.ts"
import { table } from "../support/sqlStores.ts"

const plain = shared(Effect.map(postgres(), ({ port }) => port))

/** Of the server's own folder, as it insists that they are. */
const giveTo = (data: string, files: ReadonlyArray<string>): void => {
  const { gid, uid } = statSync(data)
  for (const file of files) {
    chownSync(file, uid, gid)
    chmodSync(file, 0o600)
  }
}

const secure = shared(Effect.gen(function*() {
  const { data, port, url } = yield* postgres()
  const { certificate, key } = selfSigned(data, "server")
  giveTo(data, [certificate, key])
  const look = yield* admin(url)
  yield* look.unsafe("ALTER SYSTEM SET ssl = on")
  yield* look.unsafe("SELECT pg_reload_conf()")
  yield* until(
    Effect.map(
      Effect.scoped(Effect.flatMap(admin(url), (sql) => sql.unsafe("SHOW ssl").values)),
      ([[ssl]]) => ssl === "on"
    )
  )
  const dir = yield* directory
  const ca = readFileSync(certificate, "utf8")
  const [trusted, other, garbage] = ["trusted.pem", "other.crt", "garbage.pem"].map((name) => join(dir, name))
  writeFileSync(trusted, ca)
  selfSigned(dir, "other")
  writeFileSync(garbage, "no certificate")
  return { port, look, ca, trusted, other, garbage }
}))

/** One that lets in nobody without a certificate, over TLS. */
const strict = shared(Effect.gen(function*() {
  const { data, port, url } = yield* postgres()
  const dir = yield* directory
  const client = selfSigned(dir, "client")
  const stranger = selfSigned(dir, "stranger")
  const { certificate, key } = selfSigned(data, "server")
  const [authority, rules] = ["clients.crt", "pg_hba.conf"].map((name) => join(data, name))
  writeFileSync(authority, readFileSync(client.certificate))
  writeFileSync(rules, "hostssl all all all trust clientcert=verify-ca\nhostnossl all all all trust\n")
  giveTo(data, [certificate, key, authority, rules])
  const look = yield* admin(url)
  yield* look.unsafe("ALTER SYSTEM SET ssl_ca_file = 'clients.crt'")
  yield* look.unsafe("ALTER SYSTEM SET ssl = on")
  yield* look.unsafe("SELECT pg_reload_conf()")
  const ca = join(dir, "server.crt")
  writeFileSync(ca, readFileSync(certificate))
  const encryptedKey = join(dir, "encrypted.key")
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const cipher = { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open sesame" } as const
  writeFileSync(encryptedKey, createPrivateKey(readFileSync(client.key)).export(cipher))
  const otherKey = join(dir, "other.key")
  writeFileSync(otherKey, privateKey.export({ type: "pkcs8", format: "pem" }))
  const name = yield* table(url)
  const trusts = `sslmode=verify-full&sslrootcert=${ca}`
  yield* until(
    Effect.map(
      Effect.exit(Effect.scoped(Effect.flatMap(
        SqlBackend.makeStore({
          url: urlOf(port, `${trusts}&sslcert=${client.certificate}&sslkey=${client.key}`),
          table: name
        }),
        (store) => store.inspect("key")
      ))),
      Exit.isSuccess
    )
  )
  return {
    table: name,
    url: (parameters: string) => urlOf(port, `${trusts}${parameters}`),
    client,
    stranger,
    encryptedKey,
    otherKey
  }
}))

const urlOf = (port: number, parameters: string, host = "localhost") =>
  `postgres://app:secret@${host}:${port}/postgres?${parameters}`

/** A lock that is taken, waited for and handed on: over connections for statements, and over those that listen. */
const takesTurns = Effect.fnUntraced(function*(options: SqlBackend.Options) {
  const one: LockStore.LockStore = yield* SqlBackend.makeStore(options)
  const other = yield* SqlBackend.makeStore(options)
  const claim = { key: "key", expiresMillis: 30_000, wait: true }
  assert.strictEqual((yield* one.tryAcquire({ ...claim, token: "a.0.0" }))._tag, "Acquired")
  let told = false
  yield* other.listen!("key", "b.0.0", () => told = true)
  assert.notStrictEqual((yield* other.tryAcquire({ ...claim, token: "b.0.0" }))._tag, "Acquired")
  assert.isTrue(yield* one.release("key", "a.0.0"))
  yield* until(Effect.sync(() => told))
  // It is given for a second, until one comes for it.
  assert.strictEqual((yield* other.tryAcquire({ ...claim, token: "b.0.0" }))._tag, "Acquired")
  assert.isTrue(yield* other.release("key", "b.0.0"))
})

/** Whether the connections of the locks are encrypted, as far as there are some. */
const encrypted = Effect.gen(function*() {
  const { look } = yield* secure
  const rows = yield* look.unsafe<{ readonly ssl: boolean }>(
    "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'effect-lock'"
  )
  return rows.map(({ ssl }) => ssl)
})

const refusal = (options: SqlBackend.Options) =>
  Effect.scoped(Effect.flatMap(SqlBackend.makeStore(options), (store) => Effect.flip(store.inspect("key"))))

const refuses = Effect.fnUntraced(function*(options: SqlBackend.Options, message: RegExp) {
  const error = yield* refusal(options)
  assert.deepStrictEqual([error.kind, error.retryable], ["Unsupported", false], error.message)
  assert.match(error.message, message)
  assert.notInclude(JSON.stringify([error, String(error)]), "secret")
})

const modes = ["allow", "prefer", "require", "verify-ca", "verify-full"]

describe.skipIf(!hasOpenssl)("a server with TLS (needs openssl)", () => {
  const bench = Effect.gen(function*() {
    const { port, ...files } = yield* secure
    const name = yield* table(urlOf(port, "sslmode=disable"))
    yield* until(Effect.map(encrypted, (found) => found.length === 0))
    return { ...files, table: name, url: (parameters: string, host?: string) => urlOf(port, parameters, host) }
  })

  for (const parameters of ["", "sslmode=disable", "sslmode=disable&sslrootcert=/nowhere"]) {
    it.live(`serves without it, by ${parameters || "no sslmode"}`, () =>
      Effect.gen(function*() {
        const { table, url } = yield* bench
        yield* takesTurns({ url: url(parameters), table })
        assert.deepStrictEqual(yield* encrypted, [false])
      }))
  }

  it.live("serves those who trust its authority, by pg.ssl.ca", () =>
    Effect.gen(function*() {
      const { ca, table, url } = yield* bench
      const given = [{ url: url("") }, ...modes.map((mode) => ({ url: url(`sslmode=${mode}`) })), {
        url: url(""),
        ssl: true
      }]
      for (const options of given) {
        yield* Effect.scoped(Effect.gen(function*() {
          yield* takesTurns({ ...options, table, pg: { ssl: { ca } } })
          assert.deepStrictEqual(yield* encrypted, [true])
        }))
        yield* until(Effect.map(encrypted, (found) => found.length === 0))
      }
    }))

  it.live("serves those who trust its authority, by sslrootcert", () =>
    Effect.gen(function*() {
      const { table, trusted, url } = yield* bench
      for (const sslmode of ["", ...modes.map((mode) => `sslmode=${mode}&`)]) {
        yield* Effect.scoped(Effect.gen(function*() {
          yield* takesTurns({ url: url(`${sslmode}sslrootcert=${trusted}`), table })
          assert.deepStrictEqual(yield* encrypted, [true])
        }))
        yield* until(Effect.map(encrypted, (found) => found.length === 0))
      }
    }))

  it.live("is refused by a name that its certificate has not", () =>
    Effect.gen(function*() {
      const { ca, table, trusted, url } = yield* bench
      yield* refuses({ url: url("", "127.0.0.1"), table, pg: { ssl: { ca } } }, /pg\.ssl\.servername/)
      for (const mode of modes) {
        yield* refuses(
          { url: url(`sslmode=${mode}&sslrootcert=${trusted}`, "127.0.0.1"), table },
          /pg\.ssl\.servername/
        )
      }
      // To say whose certificate it has to be is no less strict.
      yield* takesTurns({ url: url("", "127.0.0.1"), table, pg: { ssl: { ca, servername: "localhost" } } })
    }))

  it.live("is refused by those who do not trust it", () =>
    Effect.gen(function*() {
      const { other, table, url } = yield* bench
      for (const mode of modes) yield* refuses({ url: url(`sslmode=${mode}`), table }, /pg\.ssl\.ca.*sslrootcert/)
      yield* refuses({ url: url(""), table, ssl: true }, /pg\.ssl\.ca/)
      for (const sslrootcert of ["system", other]) {
        yield* refuses({ url: url(`sslmode=verify-full&sslrootcert=${sslrootcert}`), table }, /pg\.ssl\.ca/)
      }
    }))

  it.live("is not asked with certificates that cannot be read, or an sslmode that is none", () =>
    Effect.gen(function*() {
      const { garbage, url } = yield* bench
      const expectations = [
        ["sslmode=verify-full&sslrootcert=/nowhere", /"url": got an sslrootcert that cannot be read, .*PEM/],
        [`sslmode=verify-full&sslrootcert=${garbage}`, /"url": got an sslrootcert that cannot be read, .*PEM/],
        ["sslmode=no-verify", /"url": got an unknown sslmode, expected one of disable, /],
        ["sslmode=require&sslmode=", /"url": got an unknown sslmode, expected one of disable, /]
      ] as const
      for (const [parameters, message] of expectations) {
        const { reason } = yield* Effect.flip(Effect.scoped(SqlBackend.makeStore({ url: url(parameters) })))
        assert.strictEqual(reason._tag, "InvalidOptions")
        assert.match(reason.message, message)
        assert.notInclude(reason.message, "secret")
      }
    }))
})

describe.skipIf(!hasOpenssl)("a server that wants certificates of clients (needs openssl)", () => {
  it.live("serves who has one, by sslcert and sslkey, or by pg.ssl", () =>
    Effect.gen(function*() {
      const { client: { certificate, key }, encryptedKey, table, url } = yield* strict
      const [cert, plainKey] = [certificate, key].map((file) => readFileSync(file, "utf8"))
      const ways: ReadonlyArray<SqlBackend.Options> = [
        { url: url(`&sslcert=${certificate}&sslkey=${key}`) },
        { url: url(`&sslcert=${certificate}&sslkey=${encryptedKey}&sslpassword=open%20sesame`) },
        { url: url(""), pg: { ssl: { cert, key: plainKey } } }
      ]
      for (const way of ways) yield* Effect.scoped(takesTurns({ ...way, table }))
    }))

  it.live("says what is wanted to who has none", () =>
    Effect.gen(function*() {
      const { table, url } = yield* strict
      const error = yield* refusal({ url: url(""), table })
      assert.deepStrictEqual([error.kind, error.retryable], ["Unauthorized", false], error.message)
      assert.match(error.message, /wants a certificate.*sslcert and sslkey.*pg\.ssl\.cert/)
      assert.notInclude(JSON.stringify([error, String(error)]), "secret")
    }))

  it.live("lets in nobody with a certificate of somebody else's", () =>
    Effect.gen(function*() {
      const { stranger: { certificate, key }, table, url } = yield* strict
      const error = yield* refusal({ url: url(`&sslcert=${certificate}&sslkey=${key}`), table })
      // The handshake is over for us before the server looks, so what it says may be lost with the connection.
      assert.include(["Unsupported", "Unreachable"], error.kind, error.message)
      assert.notInclude(JSON.stringify([error, String(error)]), "secret")
    }))

  it.live("is not asked with a certificate that cannot be used, or with less than was asked for", () =>
    Effect.gen(function*() {
      const { client: { certificate, key }, encryptedKey, otherKey, url } = yield* strict
      const expectations = [
        [`&sslcert=${certificate}`, /got an sslcert and no sslkey, expected both/],
        [`&sslkey=${key}`, /got an sslkey and no sslcert, expected both/],
        [`&sslcert=/nowhere&sslkey=${key}`, /got an sslcert that cannot be read, .*PEM/],
        [`&sslcert=${key}&sslkey=${key}`, /got an sslcert that cannot be read, .*PEM/],
        [`&sslcert=${certificate}&sslkey=/nowhere`, /got an sslkey that cannot be read, .*PEM/],
        [`&sslcert=${certificate}&sslkey=${encryptedKey}`, /got an sslkey that cannot be read, .*sslpassword/],
        [`&sslcert=${certificate}&sslkey=${encryptedKey}&sslpassword=secret`, /got an sslkey that cannot be read/],
        [`&sslcert=${certificate}&sslkey=${otherKey}`, /got an sslkey of another certificate/],
        ["&sslcrl=/etc/crl.pem", /got sslcrl, which is not read, expected the option pg\.ssl\.crl/],
        ["&ssl_min_protocol_version=TLSv1.3", /expected the option pg\.ssl\.minVersion/]
      ] as const
      for (const [parameters, message] of expectations) {
        const { reason } = yield* Effect.flip(Effect.scoped(SqlBackend.makeStore({ url: url(parameters) })))
        assert.strictEqual(reason._tag, "InvalidOptions")
        assert.match(reason.message, message)
        assert.notInclude(reason.message, "secret")
      }
    }))

  vitest("is told from one that is down, where what it says arrives", () => {
    for (const alert of ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"]) {
      const cause = Object.assign(new Error("alert"), { code: alert })
      const error = Failure.make({ name: "t", sql: "t" }, "inspect", "key", { _tag: "ConnectionError", cause })
      assert.deepStrictEqual([error.kind, error.retryable], ["Unsupported", false])
      assert.match(error.message, /client's certificate.*sslcert/)
    }
  })
})

describe("a server without TLS", () => {
  it.live("serves those who prefer it, and not those who require it", () =>
    Effect.gen(function*() {
      const port = yield* plain
      const name = yield* table(urlOf(port, ""))
      for (const mode of ["disable", "allow", "prefer"]) {
        yield* takesTurns({ url: urlOf(port, `sslmode=${mode}`), table: name })
      }
      for (const mode of ["require", "verify-ca", "verify-full"]) {
        yield* refuses({ url: urlOf(port, `sslmode=${mode}`), table: name }, /does not speak TLS.*sslmode=disable/)
      }
      const both = urlOf(port, "sslmode=prefer&sslrootcert=system")
      for (const options of [{ url: both }, { url: urlOf(port, ""), ssl: true }]) {
        yield* refuses({ ...options, table: name }, /does not speak TLS/)
      }
    }))

  vitest("is told from one whose certificate is out of date", () => {
    for (const code of ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]) {
      const error = Failure.make({ name: "t", sql: "t" }, "inspect", "key", Object.assign(new Error("no"), { code }))
      assert.deepStrictEqual([error.kind, error.retryable], ["Unsupported", false])
      assert.include(error.message, "not valid at this time")
    }
  })
})
