import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Option } from "effect"
import { InMemoryBackend, type LockStore } from "effect-lock"
import { conformance, TestBackend } from "effect-lock/testing"
import { monotonicMillis } from "../src/internal/time.ts"
import { storeIn } from "./file/support.ts"
import { directory } from "./support/directory.ts"
import { program } from "./support/program.ts"

describe("InMemoryBackend conforms", () =>
  conformance.register(
    it,
    conformance.conformance({
      name: "memory",
      time: "test",
      smallest: "1 millis",
      make: Effect.map(InMemoryBackend.makeStore, (store) => ({ one: store, other: store }))
    })
  ))

it("gives a case the time that it takes to say what is wrong", () => {
  const run = Effect.void
  const timeouts: Array<number> = []
  conformance.register((_name, _test, timeout) => timeouts.push(timeout), [{ name: "case", processes: 0, run }])
  // A case waits for a minute for what does not come.
  assert.isAbove(timeouts[0], 60_000)
})

describe("InMemoryBackend conforms in real time", () =>
  conformance.register(
    it,
    conformance.conformance({
      name: "memory",
      lease: "1 second",
      make: Effect.map(InMemoryBackend.makeStore, (store) => ({
        one: { ...store, patience: Duration.millis(100) },
        other: store
      }))
    })
  ))

describe("TestBackend conforms, with faults of its own", () =>
  conformance.register(
    it,
    conformance.conformance({
      name: "test",
      time: "test",
      make: Effect.gen(function*() {
        const store = yield* InMemoryBackend.makeStore
        const test = yield* TestBackend.make(store)
        const once = { times: 1 }
        return {
          one: test.store,
          other: store,
          faults: {
            lostReply: (operation) => test.loseReply(operation, once),
            lateReply: (operation, by) => test.delay(operation, by, once),
            lostRequest: (operation) => test.loseRequest(operation, once),
            lateRequest: (operation, by) => test.delayRequest(operation, by, once),
            steal: test.steal,
            down: test.down,
            up: test.up
          }
        }
      })
    })
  ))

interface Flaws {
  readonly acquire?: "notIdempotent" | "checkThenSet" | "ignoresHolder" | "keepsOldLease"
  readonly release?: "blind" | "alwaysTrue" | "neverTrue" | "nothing"
  readonly extend?: "blind" | "creates" | "neverLonger" | "neverShorter"
  readonly expiry?: "never" | "early" | "wholeSeconds"
  readonly fencing?: "constant" | "restarts" | "tooLittleRoom"
  readonly key?: "trimmed" | "utf8" | "truncated"
  readonly queue?: "forgetsNobody" | "waitsForTheGone"
  readonly inspect?: "nothing" | "wrongToken"
  readonly listen?: "deaf" | "forEver"
  readonly extendAll?: "backwards" | "blind"
  readonly exchange?: "onlyReleases" | "onlyClaims" | "blind"
}

/** A store over a map that gets wrong what it is told to. */
const flawed = (flaws: Flaws) =>
  Effect.map(Effect.service(Clock.Clock), (clock): LockStore.LockStore => {
    const entries = new Map<string, { readonly token: string; readonly endsAt: number }>()
    const queue = new Map<string, string>()
    const listeners = new Map<string, Set<() => void>>()
    let fence = 0
    const now = () => monotonicMillis(clock)
    const name = (key: string) => {
      if (flaws.key === "trimmed") return key.trim()
      if (flaws.key === "utf8") return Buffer.from(key).toString("hex")
      return flaws.key === "truncated" ? key.slice(0, 250) : key
    }
    const entryAt = (key: string) => {
      const entry = entries.get(name(key))
      return entry !== undefined && entry.endsAt > now() ? entry : undefined
    }
    const endsAt = (expiresMillis: number) => {
      if (flaws.expiry === "never") return Infinity
      if (flaws.expiry === "wholeSeconds") return now() + Math.floor(expiresMillis / 1_000) * 1_000
      return now() + expiresMillis * (flaws.expiry === "early" ? 0.9 : 1)
    }
    const put = (key: string, token: string, expiresMillis: number) =>
      entries.set(name(key), { token, endsAt: endsAt(expiresMillis) })
    const free = (key: string) => {
      entries.delete(name(key))
      if (flaws.fencing === "restarts") fence = 0
      if (flaws.listen !== "deaf") listeners.get(key)?.forEach((notify) => notify())
    }
    const release = (key: string, token: string) => {
      if (flaws.queue === "waitsForTheGone" && queue.get(key) === token) queue.delete(key)
      const mine = entryAt(key)?.token === token
      if ((mine || (flaws.release === "blind" && entryAt(key) !== undefined)) && flaws.release !== "nothing") free(key)
      return flaws.release === "alwaysTrue" || (mine && flaws.release !== "neverTrue")
    }
    const extend = ({ expiresMillis, key, token }: LockStore.Extension) => {
      const entry = entryAt(key)
      if (entry === undefined && flaws.extend !== "creates") return false
      if (entry !== undefined && entry.token !== token && flaws.extend !== "blind") return false
      const endsBefore = entry?.endsAt ?? 0
      put(key, entry?.token ?? token, expiresMillis)
      if (flaws.extend === "neverShorter" && endsBefore > now() + expiresMillis) {
        entries.set(name(key), { token, endsAt: endsBefore })
      }
      if (flaws.extend === "neverLonger") entries.set(name(key), { token, endsAt: Math.min(endsBefore, now() + 1_000) })
      return true
    }
    const grant = ({ expiresMillis, key, token }: LockStore.Claim): LockStore.Attempt => {
      if (flaws.acquire !== "keepsOldLease" || entryAt(key) === undefined) put(key, token, expiresMillis)
      queue.delete(key)
      fence += flaws.fencing === "constant" ? 0 : flaws.fencing === "tooLittleRoom" ? 1 : 1_000
      return { _tag: "Acquired", fencingToken: fence }
    }
    const claim = (request: LockStore.Claim): LockStore.Attempt => {
      const entry = entryAt(request.key)
      const reserved = queue.get(request.key)
      if (flaws.acquire === "ignoresHolder") return grant(request)
      if (entry?.token === request.token && flaws.acquire !== "notIdempotent") return grant(request)
      if (entry !== undefined || (reserved !== undefined && reserved !== request.token)) {
        if (request.wait && flaws.queue === "forgetsNobody") queue.set(request.key, request.token)
        if (request.wait && flaws.queue === "waitsForTheGone" && reserved === undefined) {
          queue.set(request.key, request.token)
        }
        return { _tag: "Held", token: entry?.token ?? "nobody" }
      }
      return grant(request)
    }
    return {
      name: "flawed",
      drift: 0,
      handOver: { times: 1_000, within: Duration.seconds(1) },
      tryAcquire: (request) =>
        flaws.acquire === "checkThenSet"
          ? Effect.suspend(() => {
            const attempt = entryAt(request.key) === undefined
            return Effect.andThen(Effect.yieldNow, Effect.sync(() => attempt ? grant(request) : claim(request)))
          })
          : Effect.sync(() => claim(request)),
      extend: (holding) => Effect.sync(() => extend(holding)),
      release: (key, token) => Effect.sync(() => release(key, token)),
      inspect: (key) =>
        Effect.sync(() => {
          const entry = entryAt(key)
          if (entry === undefined || flaws.inspect === "nothing") return Option.none()
          return Option.some({ token: flaws.inspect === "wrongToken" ? "somebody" : entry.token })
        }),
      listen: (key, _token, notify) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const listener = () => notify(undefined)
            listeners.set(key, (listeners.get(key) ?? new Set()).add(listener))
            return listener
          }),
          (listener) =>
            Effect.sync(() => {
              if (flaws.listen !== "forEver") listeners.get(key)?.delete(listener)
            })
        ),
      extendAll: (holdings) =>
        Effect.sync(() => {
          if (flaws.extendAll === "blind") return holdings.map(() => true)
          return flaws.extendAll === "backwards" ? holdings.map(extend).toReversed() : holdings.map(extend)
        }),
      exchange: (token, request) =>
        Effect.sync(() => {
          if (flaws.exchange === "blind") return grant(request)
          if (flaws.exchange !== "onlyClaims") release(request.key, token)
          return flaws.exchange === "onlyReleases" ? { _tag: "Held", token: "nobody" } : claim(request)
        })
    }
  })

const failuresOf = (flaws: Flaws) =>
  Effect.gen(function*() {
    const cases = conformance.conformance({
      name: "flawed",
      time: "test",
      make: Effect.map(flawed(flaws), (store) => ({ one: store, other: store }))
    })
    const failures: Array<string> = []
    for (const { name, run } of cases) {
      const result = yield* Effect.result(Effect.scoped(run))
      if (result._tag === "Failure") failures.push(name)
    }
    return failures
  })

describe("the suite finds", () => {
  it.effect("nothing in a store without flaws", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* failuresOf({}), [])
    }))

  const found: ReadonlyArray<readonly [Flaws, string]> = [
    [{ acquire: "notIdempotent" }, "a holder that asks again has the key, with a new lease"],
    [{ acquire: "keepsOldLease" }, "a holder that asks again has the key, with a new lease"],
    [{ acquire: "checkThenSet" }, "of fifty that ask at once one gets the key"],
    [{ acquire: "ignoresHolder" }, "a held key is refused to others, who hear what is known of the holder"],
    [{ acquire: "ignoresHolder" }, "no two holders overlap, be they fibers or processes"],
    [{ release: "blind" }, "a release by another token is refused and changes nothing"],
    [{ release: "alwaysTrue" }, "a release frees the key, and a second one says that it was free"],
    [{ release: "neverTrue" }, "a release frees the key, and a second one says that it was free"],
    [{ release: "nothing" }, "a release frees the key, and a second one says that it was free"],
    [{ extend: "blind" }, "an extension by another token, or of a free key, is refused and changes nothing"],
    [{ extend: "creates" }, "a lease that has ended is not extended or released"],
    [{ extend: "neverLonger" }, "an extension starts the lease anew, and may make it longer"],
    [{ extend: "neverShorter" }, "an extension may make a lease shorter, and then it ends by itself"],
    [{ expiry: "never" }, "a lease ends by itself, and never early"],
    [{ expiry: "never" }, "a waiter takes over from a holder that crashed"],
    [{ expiry: "early" }, "a lease ends by itself, and never early"],
    [{ expiry: "wholeSeconds" }, "the shortest lease is honoured"],
    [{ fencing: "constant" }, "fencing tokens increase over release, expiry, asking again and extension"],
    [{ fencing: "restarts" }, "fencing tokens increase over release, expiry, asking again and extension"],
    [{ fencing: "tooLittleRoom" }, "fencing tokens leave room for holders that take over within a process"],
    [{ key: "trimmed" }, "any text is a key, and different texts are different keys"],
    [{ key: "utf8" }, "any text is a key, and different texts are different keys"],
    [{ key: "truncated" }, "any text is a key, and different texts are different keys"],
    [{ queue: "forgetsNobody" }, "a release withdraws a token that only waits"],
    [{ queue: "waitsForTheGone" }, "one that waited and is gone blocks nobody for longer than its lease"],
    [{ inspect: "nothing" }, "whoever looks sees who holds a key, or that nobody does"],
    [{ inspect: "wrongToken" }, "whoever looks sees who holds a key, or that nobody does"],
    [{ listen: "deaf" }, "whoever listens is told of a release, and not any more after that"],
    [{ listen: "forEver" }, "whoever listens is told of a release, and not any more after that"],
    [{ extendAll: "backwards" }, "extending many at once is extending each"],
    [{ extendAll: "blind" }, "extending many at once is extending each"],
    [{ exchange: "onlyReleases" }, "an exchange releases the one token and claims for the other"],
    [{ exchange: "onlyClaims" }, "an exchange releases the one token and claims for the other"],
    [{ exchange: "blind" }, "an exchange releases the one token and claims for the other"]
  ]
  it.effect.each(found)("%o", ([flaws, name]) =>
    Effect.gen(function*() {
      assert.include(yield* failuresOf(flaws), name)
    }))

  it.effect("a failure that says which store, which case and what", () =>
    Effect.gen(function*() {
      const [, second] = conformance.conformance({
        name: "flawed",
        time: "test",
        make: Effect.map(flawed({ acquire: "ignoresHolder" }), (store) => ({ one: store, other: store }))
      })
      const failure = yield* Effect.flip(Effect.scoped(second.run))
      assert.strictEqual(
        failure.message,
        "flawed: a held key is refused to others, who hear what is known of the holder: a key was acquired that is held"
      )
    }))

  it.effect("a store that cannot be made", () =>
    Effect.gen(function*() {
      const [first] = conformance.conformance({ name: "missing", make: Effect.fail(new Error("no server")) })
      const failure = yield* Effect.flip(Effect.scoped(first.run))
      assert.strictEqual(failure.message, "missing: a free key is acquired: no server")
    }))
})

describe("a case that fails in real time", () => {
  const releases = "a release by another token is refused and changes nothing"
  /** Has a flaw the first time that it is made, and then keeps this process busy, or does not. */
  const attempts = (busyMillis: number) =>
    Effect.gen(function*() {
      let made = 0
      const cases = conformance.conformance({
        name: "flawed",
        make: Effect.gen(function*() {
          const store = yield* flawed(++made === 1 ? { release: "blind" } : {})
          if (made > 1) return { one: store, other: store }
          const clock = yield* Clock.Clock
          const release: LockStore.LockStore["release"] = (key, token) =>
            Effect.suspend(() => {
              const until = monotonicMillis(clock) + busyMillis
              while (monotonicMillis(clock) < until);
              return store.release(key, token)
            })
          return { one: { ...store, release }, other: { ...store, release } }
        })
      })
      const exit = yield* Effect.exit(Effect.scoped(cases.find(({ name }) => name === releases)!.run))
      return { ended: exit._tag, made }
    })

  it.live("is tried again where the process was late", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* attempts(200), { ended: "Success", made: 2 })
    }))

  it.live("has failed where it was not", () =>
    Effect.gen(function*() {
      // Until it was not.
      const punctual = Effect.repeat(attempts(0), { until: ({ made }) => made === 1 })
      assert.deepStrictEqual(yield* punctual, { ended: "Failure", made: 1 })
    }))
})

describe("the suite finds with processes", () => {
  const caseOf = (name: string, flaw: string) =>
    Effect.gen(function*() {
      const path = yield* directory
      const cases = conformance.conformance({
        name: "flawed",
        make: Effect.gen(function*() {
          const store = yield* storeIn(path)
          return { one: store, other: store, program: yield* program("flawed", `${flaw}:${path}`) }
        })
      })
      const { run } = cases.find((one) => one.name === name)!
      return yield* Effect.scoped(run)
    }).pipe(Effect.scoped)
  const failureOf = (name: string, flaw: string) =>
    Effect.map(Effect.flip(caseOf(name, flaw)), ({ description }) => description)

  const asking = "processes that ask all the time never overlap, and their fencing tokens rise"
  const sharing = "processes that share a key never have more of it than its limit, and nobody has it beside one alone"

  for (const name of [asking, sharing]) {
    it.live(`nothing in a store that is late to answer: ${name}`, () => caseOf(name, "unheard"))
  }

  it.live("a store that each has for itself", () =>
    Effect.gen(function*() {
      assert.match(yield* failureOf(asking, "alone"), /^two processes had the key for|^the fencing token is/)
    }))

  it.live("a store whose clock is older than what it is compared with", () =>
    Effect.gen(function*() {
      assert.match(yield* failureOf(asking, "late"), /^two processes had the key for|^the fencing token is/)
    }))

  it.live("permits that each counts for itself", () =>
    Effect.gen(function*() {
      assert.match(yield* failureOf(sharing, "alone"), /permits of 5 were out$|^somebody had the key beside one/)
    }))

  it.live("a program that cannot be run", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const cases = conformance.conformance({
        name: "flawed",
        make: Effect.map(
          storeIn(path),
          (store) => ({ one: store, other: store, program: { module: `${path}/none.js` } })
        )
      })
      const { run } = cases.find((one) => one.name === asking)!
      assert.match((yield* Effect.flip(Effect.scoped(run))).description, /^a process ended with 1: .*none\.js/s)
    }).pipe(Effect.scoped))
})
