import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Failure from "../../src/internal/sql/failure.ts"
import { hasOpenssl, selfSigned } from "../support/certificates.ts"
import { admin, postgres } from "../support/postgres.ts"
import { directory, shared, until } from "../support/redis.ts"
import { table } from "../support/sqlStores.ts"

const plain = shared(Effect.map(postgres(), ({ port }) => port))

const secure = shared(Effect.gen(function*() {
  const { data, port, url } = yield* postgres()
  const { uid, gid } = statSync(data)
  const { certificate, key } = selfSigned(data, "server")
  for (const file of [certificate, key]) {
    chownSync(file, uid, gid)
    chmodSync(file, 0o600)
  }
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

  it("is told from one whose certificate is out of date", () => {
    for (const code of ["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]) {
      const error = Failure.make({ name: "t", sql: "t" }, "inspect", "key", Object.assign(new Error("no"), { code }))
      assert.deepStrictEqual([error.kind, error.retryable], ["Unsupported", false])
      assert.include(error.message, "not valid at this time")
    }
  })
})
