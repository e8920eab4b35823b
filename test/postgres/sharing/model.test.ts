/**
 * Two processes on PostgreSQL against the store in memory: steps of chance by those who
 * want one key, alone or shared. After each step all who wait come by in their order,
 * as they are told to. The server's clock is a row of ours, so time passes in leaps.
 *
 * `SHARING_SEEDS` says how many runs (default 10, and in CI three times as many), `SHARING_SEED` the first.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { InMemoryBackend, type LockStore } from "effect-lock"
import * as SqlBackend from "effect-lock/SqlBackend"
import * as SqlClient from "effect/sql/SqlClient"
import { Random } from "../../simulation/random.ts"
import { seeds as times } from "../../simulation/seeds.ts"
import { admin, postgres } from "../../support/postgres.ts"
import { sqlClient, table } from "../../support/sqlStores.ts"

const seeds = Number(process.env.SHARING_SEEDS ?? 10 * times)
const firstSeed = Number(process.env.SHARING_SEED ?? 1)
const stepsOfASeed = 40
const workers = 6
const unlimited = Number.MAX_SAFE_INTEGER

type Store = LockStore.LockStore
type Claim = LockStore.Claim

/** A table with a clock, and the stores over it. */
const bench = (url: string) =>
  Effect.gen(function*() {
    const name = yield* table(url)
    const look = yield* admin(url)
    yield* look.unsafe(`CREATE TABLE ${name}_clock AS SELECT '2030-01-01'::timestamptz AS at`)
    let millis = Date.parse("2030-01-01")
    const nanos = () => BigInt(millis) * 1_000_000n
    const real = yield* Clock.Clock
    const clock: Clock.Clock = {
      currentTimeMillisUnsafe: () => millis,
      currentTimeMillis: Effect.sync(() => millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos),
      monotonicTimeNanosUnsafe: nanos,
      monotonicTimeNanos: Effect.sync(nanos),
      sleep: (duration) => real.sleep(duration)
    }
    const process = Effect.gen(function*() {
      const sql = yield* sqlClient(url, 2)
      const unsafe = sql.unsafe.bind(sql)
      return yield* Effect.provideService(
        SqlBackend.makeStoreSqlClient({ table: name }),
        SqlClient.SqlClient,
        Object.assign(sql, {
          listen: undefined,
          unsafe: (text: string, parameters?: ReadonlyArray<unknown>) =>
            unsafe(text.replaceAll("clock_timestamp()", `(SELECT at FROM ${name}_clock)`), parameters)
        })
      )
    }).pipe(Effect.provideService(Clock.Clock, clock))
    return {
      processes: [yield* process, yield* process],
      memory: yield* Effect.provideService(InMemoryBackend.makeStore, Clock.Clock, clock),
      row: (key: string) =>
        Effect.map(
          look.unsafe<{
            readonly token: string
            readonly fence: bigint
            readonly queue: ReadonlyArray<string>
            readonly sharers: ReadonlyArray<string>
          }>(`SELECT * FROM ${name} WHERE key = $1`, [`k${key}`]),
          (rows) => rows.at(0)
        ),
      leap: (by: number) =>
        Effect.suspend(() => {
          millis += by
          return look.unsafe(`UPDATE ${name}_clock SET at = at + $1 * interval '1 ms'`, [by])
        })
    }
  })

const oneSeed = Effect.fnUntraced(function*(seed: number, at: Effect.Success<ReturnType<typeof bench>>) {
  const { leap, memory, processes } = at
  const chance = new Random(seed)
  const profile = chance.pick(["readers", "permits", "weights", "mixed"])
  const key = `k-${seed}`
  // One for all: in memory who waits is forgotten after so long, and the order with it.
  const expiresMillis = chance.pick([60_000, 90_000, 30_000])
  const claims: Array<Claim> = []
  let waiting: Array<Claim> = []
  const trace: Array<string> = []
  const same = (what: string, actual: unknown, expected: unknown) =>
    assert.deepStrictEqual(actual, expected, `seed ${seed} (${profile}): ${what}\n${trace.slice(-20).join("\n")}`)
  const process = (): Store => chance.pick(processes)

  const newClaim = (wait: boolean): Claim => {
    const alone = (profile === "readers" || profile === "mixed") && chance.chance(0.3)
    const limit = profile === "readers" || (profile === "mixed" && chance.chance(0.4))
      ? unlimited
      : profile === "permits"
      ? 3
      : chance.pick([2, 5])
    const permits = profile === "weights" || profile === "mixed" ? 1 + chance.int(Math.min(limit, 4)) : 1
    const claim: Claim = {
      key,
      token: `t.${seed}.${claims.length}`,
      expiresMillis,
      wait,
      share: alone ? undefined : { permits, limit }
    }
    claims.push(claim)
    return claim
  }
  const some = (): Claim => claims.length === 0 ? newClaim(false) : chance.pick(claims.slice(-12))
  const own = new Map<string, Store>()
  /** Of the process that asked first, as it alone knows of a place in the queue. */
  const storeOf = ({ token }: Claim): Store => {
    const store = own.get(token) ?? process()
    own.set(token, store)
    return store
  }
  const ask = Effect.fnUntraced(function*(claim: Claim) {
    const expected = (yield* memory.tryAcquire(claim))._tag
    const attempt = yield* storeOf(claim).tryAcquire(claim)
    trace.push(`ask ${JSON.stringify(claim)}: ${attempt._tag}`)
    same("the answer", attempt._tag, expected)
    waiting = waiting.filter(({ token }) => token !== claim.token)
    if (expected === "Held" && claim.wait) waiting.push(claim)
    return attempt
  })
  const comeBy = Effect.gen(function*() {
    const before = waiting
    waiting = []
    for (const claim of before) yield* ask(claim)
  })
  const released = new Set<string>()
  const steps: Record<string, Effect.Effect<unknown, unknown>> = {
    attempt: Effect.suspend(() => ask(newClaim(false))),
    wait: Effect.suspend(() => ask(newClaim(true))),
    exchange: Effect.suspend(() => {
      const [previous, claim] = [some(), newClaim(true)]
      own.set(claim.token, storeOf(previous))
      return Effect.gen(function*() {
        yield* memory.release(key, previous.token)
        waiting = waiting.filter(({ token }) => token !== previous.token)
        released.add(previous.token)
        trace.push(`exchange ${previous.token} for ${JSON.stringify(claim)}`)
        const attempt = yield* storeOf(previous).exchange!(previous.token, claim)
        // In memory those who waited before come by first.
        yield* comeBy
        const expected = yield* memory.tryAcquire(claim)
        same("the answer", attempt._tag, expected._tag)
        if (expected._tag === "Held") waiting.push(claim)
      })
    }),
    release: Effect.suspend(() => {
      const claim = some()
      return Effect.gen(function*() {
        const expected = yield* memory.release(key, claim.token)
        waiting = waiting.filter(({ token }) => token !== claim.token)
        const isOurs = yield* storeOf(claim).release(key, claim.token)
        released.add(claim.token)
        trace.push(`release ${claim.token}: ${isOurs}`)
        same("the answer", isOurs, expected)
      })
    }),
    extend: Effect.suspend(() => {
      const some = claims.slice(-6).filter(() => chance.chance(0.5))
      if (some.length === 0) return Effect.void
      return Effect.gen(function*() {
        const expected = yield* Effect.forEach(some, memory.extend)
        const extended = yield* process().extendAll!(some)
        trace.push(`extend ${some.map(({ token }) => token).join()}: ${extended.join()}`)
        same("the answers", extended, expected)
      })
    }),
    leap: Effect.suspend(() => {
      const millis = chance.pick([1, 500, 3_000, 12_000, 41_000, 60_002, 90_001])
      trace.push(`leap ${millis}`)
      return leap(millis)
    })
  }
  const weighted = Object.entries({ attempt: 12, wait: 36, exchange: 8, release: 34, extend: 8, leap: 4 })
    .flatMap(([name, weight]) => Array.from({ length: weight }, () => name))
  let fences = new Map<string, number>()

  for (let i = 0; i < stepsOfASeed; i++) {
    yield* leap(1)
    yield* steps[chance.pick(weighted)]
    yield* comeBy
    const lookers = [memory, ...processes].map((store) =>
      Effect.map(
        store.holders!(key),
        (holders) =>
          holders.map((
            { permits, remainingMillis, token }
          ) => [token, permits ?? "alone", Math.round(remainingMillis!)]).toSorted()
      )
    )
    const [expected, ...actual] = yield* Effect.all(lookers)
    for (const one of actual) same("the holders", one, expected)
    const row = yield* at.row(key)
    if (row !== undefined) {
      const queue = row.queue.map((entry) => entry.split(" ")[0])
      same("the queue", queue, waiting.map(({ token }) => token))
      // Whoever came in later has a greater number.
      const numbers = new Map(
        (row.token === "+" ? row.sharers : [`${row.token} 0 ${row.fence}`])
          .filter((entry) => /^\w/.test(entry))
          .map((entry) => [entry.split(" ")[0], Number(entry.split(" ")[2])] as const)
      )
      const greatest = Math.max(0, ...fences.values())
      for (const [token, number] of numbers) {
        const before = fences.get(token)
        if (before === undefined) assert.isAbove(number, greatest)
        else same("the fencing token", number, before)
      }
      if (numbers.size > 0) fences = numbers
    }
  }
  for (const claim of claims) {
    yield* memory.release(key, claim.token)
    yield* storeOf(claim).release(key, claim.token)
  }
  waiting = []
  const row = yield* at.row(key)
  if (row !== undefined) same("what is left", [row.token, row.queue, row.sharers], ["", [], []])
})

describe("sharing agrees with the store in memory", () => {
  it.live(`in ${seeds} runs`, () =>
    Effect.gen(function*() {
      const { url } = yield* postgres("fsync=off")
      let next = firstSeed
      yield* Effect.forEach(Array.from({ length: workers }), () =>
        Effect.gen(function*() {
          const at = yield* bench(url)
          while (next < firstSeed + seeds) yield* oneSeed(next++, at)
        }), { concurrency: "unbounded" })
    }).pipe(Effect.scoped), 600_000)
})
