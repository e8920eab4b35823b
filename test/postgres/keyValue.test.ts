/** `KeyValueBackend` over Effect's SQL-backed `KeyValueStore`. */
import { PgClient } from "@effect/sql-pg"
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Option, Redacted } from "effect"
import { Lock } from "effect-lock"
import * as KeyValueBackend from "effect-lock/KeyValueBackend"
import { KeyValueStore } from "effect/persistence"
import { admin, postgres } from "../support/postgres.ts"
import { it } from "../support/punctual.ts"
import { until } from "../support/redis.ts"

/** The database of a process, and its locks in there. */
const processOn = (url: string) =>
  Layer.build(Layer.fresh(KeyValueBackend.layer.pipe(
    Layer.provideMerge(KeyValueStore.layerSql()),
    Layer.provideMerge(PgClient.layer({ url: Redacted.make(url), maxConnections: 3 }))
  )))

it.live("a lock that is taken inside a transaction lives outside of it", () =>
  Effect.gen(function*() {
    const { url } = yield* postgres()
    const look = yield* admin(url)
    const [one, other] = [yield* processOn(url), yield* processOn(url)]
    const records = Effect.map(
      look.unsafe<{ readonly record: string }>(
        "SELECT convert_from(value, 'utf8') AS record FROM effect_key_value_store"
      ),
      (rows) => rows.map(({ record }) => record)
    )
    const entered = yield* Deferred.make<void>()
    const leave = yield* Deferred.make<void>()

    const work = yield* Effect.forkChild(
      Effect.flatMap(PgClient.PgClient, (sql) =>
        sql.withTransaction(
          Effect.gen(function*() {
            yield* Lock.withLock(
              Effect.andThen(Deferred.succeed(entered, undefined), Deferred.await(leave)),
              "key",
              { expires: "6 seconds" }
            )
            // It has been given back before the transaction ends.
            assert.deepStrictEqual(yield* records, [])
            return "committed"
          })
        )).pipe(Effect.provide(one))
    )
    yield* Deferred.await(entered)
    // Others see that it is held, and that it is renewed.
    const isHeld = Effect.map(Effect.provide(Lock.once(Effect.void, "key"), other), Option.isNone)
    assert.isTrue(yield* isHeld)
    const [first] = yield* records
    yield* until(Effect.map(records, ([record]) => record !== first))
    assert.isTrue(yield* isHeld)
    yield* Deferred.succeed(leave, undefined)
    assert.strictEqual(yield* Fiber.join(work), "committed")
    assert.strictEqual(yield* Effect.provide(Lock.withLock(Effect.succeed("in"), "key"), other), "in")

    // A transaction that fails takes nothing of the lock back.
    const failed = yield* Effect.flatMap(PgClient.PgClient, (sql) =>
      sql.withTransaction(Effect.andThen(Lock.withLock(Effect.void, "key"), Effect.fail("rolled back")))).pipe(
        Effect.provide(one),
        Effect.flip
      )
    assert.strictEqual(failed, "rolled back")
    assert.deepStrictEqual(yield* records, [])
  }))
