/** What the contract of a store demands. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { BackendFailure } from "../../../LockError.ts"
import { type Case, same, that, type Wrong, wrong } from "../case.ts"
import { acquired, claim, endsByItself, held, isFree, listing, take } from "../steps.ts"

const oddKeys: ReadonlyArray<string> = [
  " ",
  "a",
  "a ",
  " a",
  "a b",
  "a%20b",
  "A",
  "a:b",
  "a/b",
  "a\\b",
  "a\"b",
  "a\tb",
  "a\nb",
  "a\r\nb",
  "a\u0000",
  "a\u0000b",
  "\u007f",
  "\u0085",
  "{",
  "}",
  "{}",
  "{a}",
  "{a}b",
  "a{b}",
  "*",
  "a*",
  "a?",
  "[a]",
  "lock:",
  "lock:a",
  "__proto__",
  "constructor",
  "ключ",
  "钥匙",
  "🔑",
  "🔑🔒",
  "\u00e9",
  "e\u0301",
  "\ufeffa",
  "\ud800",
  "\ud801",
  "\udc00",
  "\ufffd",
  "\u200b",
  "x".repeat(250),
  "x".repeat(251),
  `${"x".repeat(4_000)}y`,
  `${"x".repeat(4_000)}z`,
  "я".repeat(300)
]

export const contract: ReadonlyArray<Case> = [
  {
    name: "a free key is acquired",
    run: Effect.fnUntraced(function*({ key, one, token }) {
      const fencingToken = yield* acquired("a free key", yield* one.tryAcquire(claim(key, token(), 60_000)))
      yield* that("the fencing token is a safe integer", Number.isSafeInteger(fencingToken))
    })
  },
  {
    name: "a held key is refused to others, who hear what is known of the holder",
    run: Effect.fnUntraced(function*(bench) {
      const { grain, key, one, other, token } = bench
      const holder = token()
      yield* take(bench, one, key, holder, 60_000)
      for (const store of [one, other]) {
        const attempt = yield* store.tryAcquire(claim(key, token(), 60_000))
        if (attempt._tag === "Acquired") return yield* wrong("a key was acquired that is held")
        if (attempt.token !== undefined) yield* same("the holder's token", attempt.token, holder)
        const { remainingMillis } = attempt
        if (remainingMillis === undefined) continue
        // A store may add jitter to it, but must not make the holder vanish.
        yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis > 50_000)
        yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis <= 66_000 + grain)
      }
    })
  },
  {
    name: "a holder that asks again has the key, with a new lease",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, lease, one, other, token } = bench
      const holder = token()
      yield* take(bench, one, key, holder, lease)
      yield* acquired("its own token", yield* other.tryAcquire(claim(key, holder, 60_000)))
      yield* elapse(lease * 1.2)
      yield* held("another token", yield* one.tryAcquire(claim(key, token(), lease)))
      yield* same("the release", yield* one.release(key, holder), true)
    })
  },
  {
    name: "a release frees the key, and a second one says that it was free",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      const holder = token()
      yield* take(bench, one, key, holder)
      yield* same("the release", yield* other.release(key, holder), true)
      yield* same("the second release", yield* one.release(key, holder), false)
      yield* take(bench, one, key, token())
    })
  },
  {
    name: "a release by another token is refused and changes nothing",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      const holder = token()
      const stale = token()
      yield* take(bench, one, key, stale)
      yield* one.release(key, stale)
      yield* take(bench, one, key, holder)
      yield* same("the release by an earlier holder", yield* one.release(key, stale), false)
      yield* same("the release by nobody's token", yield* other.release(key, token()), false)
      yield* held("the key", yield* other.tryAcquire(claim(key, token(), 60_000)))
      yield* same("the extension by the holder", yield* other.extend(claim(key, holder, 60_000)), true)
    })
  },
  {
    name: "an extension starts the lease anew, and may make it longer",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, lease, now, one, other, token } = bench
      const holder = token()
      for (const [name, store, length] of [["as long", one, lease], ["longer", other, lease * 2]] as const) {
        yield* take(bench, one, `${key}-${name}`, holder, lease)
        yield* elapse(lease * 0.3)
        const at = yield* now
        yield* same(`the extension, ${name}`, yield* store.extend(claim(`${key}-${name}`, holder, length)), true)
        yield* endsByItself(bench, `${key}-${name}`, at, length)
      }
    })
  },
  {
    name: "an extension may make a lease shorter, and then it ends by itself",
    run: Effect.fnUntraced(function*(bench) {
      const { key, lease, now, one, other, token } = bench
      const holder = token()
      yield* take(bench, one, key, holder, 60_000)
      const at = yield* now
      yield* same("the shorter extension", yield* one.extend(claim(key, holder, lease)), true)
      yield* held("within it", yield* other.tryAcquire(claim(key, token(), lease)))
      yield* endsByItself(bench, key, at, lease)
    })
  },
  {
    name: "a key is given from a token to another, once, and past those who wait",
    run: Effect.fnUntraced(function*(bench) {
      const { key, lease, one, other, token } = bench
      if (one.transfer === undefined || other.transfer === undefined) return
      const [from, to, waiting] = [token(), token(), token()]
      const { fencingToken } = yield* take(bench, one, key, from)
      yield* held("who waits", yield* one.tryAcquire(claim(key, waiting, 60_000, true)))
      const given = yield* acquired("the transfer", yield* other.transfer(from, claim(key, to, lease)))
      yield* that(`the fencing token is ${given} after ${fencingToken}`, given > fencingToken)
      yield* held("a second transfer", yield* one.transfer(from, claim(key, token(), lease)))
      const again = yield* acquired("the same once more", yield* other.transfer(from, claim(key, to, 60_000)))
      yield* that(`the fencing token is ${again} after ${given}`, again >= given)
      yield* same("an extension by the earlier token", yield* one.extend(claim(key, from, 60_000)), false)
      yield* same("a release by the earlier token", yield* one.release(key, from), false)
      yield* same("an extension by the later token", yield* one.extend(claim(key, to, 60_000)), true)
      yield* one.release(key, waiting)
      yield* same("a release by the later token", yield* other.release(key, to), true)
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  {
    name: "a key that is free, or has a new holder, is not given from an earlier token",
    run: Effect.fnUntraced(function*(bench) {
      const { eventually, grain, key, one, other, slack, smallest, token } = bench
      if (one.transfer === undefined) return
      const from = token()
      yield* held("a free key", yield* one.transfer(from, claim(key, token(), 60_000)))
      yield* take(bench, one, key, from, smallest)
      yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key))
      yield* held("after the end of its lease", yield* one.transfer(from, claim(key, token(), 60_000)))
      yield* same("the key is free", yield* isFree(other, key), true)
      const next = token()
      yield* take(bench, other, key, next)
      yield* held("with a new holder", yield* one.transfer(from, claim(key, token(), 60_000)))
      yield* same("the new holder's release", yield* other.release(key, next), true)
    })
  },
  {
    name: "a transferred lease ends by itself, and never early",
    run: Effect.fnUntraced(function*(bench) {
      const { key, lease, now, one, other, token } = bench
      if (other.transfer === undefined) return
      const from = token()
      yield* take(bench, one, key, from)
      const at = yield* now
      yield* acquired("the transfer", yield* other.transfer(from, claim(key, token(), lease)))
      yield* endsByItself(bench, key, at, lease)
    })
  },
  {
    name: "whoever watches a key is told of each other holder, and not any more after that",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, eventually, key, one, other, slack, token } = bench
      if (one.watch === undefined) return
      let told = 0
      const scope = yield* Scope.make()
      yield* Scope.provide(one.watch(key, () => told++), scope)
      const tells = Effect.fnUntraced(function*<A>(what: string, change: Effect.Effect<A, BackendFailure | Wrong>) {
        // What is told may be told again.
        yield* elapse(100)
        told = 0
        const answer = yield* change
        yield* eventually(`${what} is told`, 500 + slack, Effect.sync(() => told > 0))
        return answer
      })
      const holder = token()
      yield* tells("a first holder", take(bench, other, key, holder))
      yield* tells("a release", other.release(key, holder))
      const next = token()
      yield* tells("the next holder", take(bench, other, key, next))
      const { transfer } = other
      if (transfer !== undefined) {
        const heir = token()
        yield* tells("a transfer", transfer(next, claim(key, heir, 60_000)))
        yield* tells("a release by the heir", other.release(key, heir))
      } else yield* other.release(key, next)
      yield* Scope.close(scope, Exit.void)
      yield* elapse(100)
      told = 0
      yield* take(bench, other, key, holder)
      yield* other.release(key, holder)
      yield* elapse(100)
      yield* same("how often it is told after that", told, 0)
    })
  },
  {
    name: "an extension by another token, or of a free key, is refused and changes nothing",
    run: Effect.fnUntraced(function*(bench) {
      const { key, lease, one, other, token } = bench
      yield* same("of a free key", yield* one.extend(claim(key, token(), 60_000)), false)
      yield* same("the key is free", yield* isFree(other, key), true)
      const { at } = yield* take(bench, one, key, token(), lease)
      yield* same("by another token", yield* one.extend(claim(key, token(), 60_000)), false)
      yield* same("by another token", yield* other.extend(claim(key, token(), 60_000)), false)
      yield* endsByItself(bench, key, at, lease)
    })
  },
  {
    name: "a lease ends by itself, and never early",
    run: Effect.fnUntraced(function*(bench) {
      const { at } = yield* take(bench, bench.one, bench.key, bench.token(), bench.lease)
      yield* endsByItself(bench, bench.key, at, bench.lease)
    })
  },
  {
    name: "the shortest lease is honoured",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, smallest, token } = bench
      const { at } = yield* take(bench, one, key, token(), smallest)
      yield* endsByItself(bench, key, at, smallest)
    })
  },
  {
    name: "a lease that has ended is not extended or released",
    run: Effect.fnUntraced(function*(bench) {
      const { eventually, grain, key, one, other, slack, smallest, token } = bench
      const holder = token()
      yield* take(bench, one, key, holder, smallest)
      yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key))
      yield* same("the extension", yield* one.extend(claim(key, holder, 60_000)), false)
      yield* same("the release", yield* one.release(key, holder), false)
      yield* same("the key is free", yield* isFree(other, key), true)
      const successor = token()
      yield* take(bench, other, key, successor)
      yield* same("the extension with a successor", yield* one.extend(claim(key, holder, 60_000)), false)
      yield* same("the release with a successor", yield* one.release(key, holder), false)
      yield* same("the successor's release", yield* other.release(key, successor), true)
    })
  },
  {
    name: "fencing tokens increase over release, expiry, asking again and extension",
    run: Effect.fnUntraced(function*(bench) {
      const { eventually, grain, key, one, other, slack, smallest, token } = bench
      let last = -1
      const next = (what: string, fencingToken: number) => {
        const before = last
        last = fencingToken
        return that(`${what}: ${fencingToken} after ${before}`, fencingToken > before)
      }
      const first = token()
      yield* next("the first", (yield* take(bench, one, key, first)).fencingToken)
      // Asking again may give the same or a greater one; what counts is the next holder's.
      last = Math.max(last, yield* acquired("again", yield* other.tryAcquire(claim(key, first, 60_000))))
      yield* one.extend(claim(key, first, 60_000))
      yield* one.release(key, first)
      const second = token()
      yield* next("after asking again and extending", (yield* take(bench, other, key, second, smallest)).fencingToken)
      yield* eventually("the lease ends", smallest + grain + slack, isFree(other, key))
      for (const store of [one, other, one]) {
        const holder = token()
        yield* next("after an expiry and releases", (yield* take(bench, store, key, holder)).fencingToken)
        yield* store.release(key, holder)
      }
    })
  },
  {
    name: "fencing tokens leave room for holders that take over within a process",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, one, other, token } = bench
      const times = one.handOver?.times
      if (times === undefined) return
      const holder = token()
      const first = (yield* take(bench, one, key, holder)).fencingToken
      yield* elapse(Math.ceil(times / 1_000) + 1)
      yield* one.release(key, holder)
      const next = (yield* take(bench, other, key, token())).fencingToken
      yield* that(`${next} after ${first} and ${times - 1} hand-overs`, next >= first + times)
    })
  },
  {
    name: "a release withdraws a token that only waits",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      const [holder, waiting] = [token(), token()]
      yield* take(bench, one, key, holder)
      yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)))
      yield* same("the release of the waiting token", yield* other.release(key, waiting), false)
      yield* same("the release of the holder", yield* one.release(key, holder), true)
      yield* same("the key is free", yield* isFree(other, key), true)
      yield* take(bench, one, key, token())
    })
  },
  {
    name: "a claim that waits is granted when the key is free",
    run: Effect.fnUntraced(function*({ key, one, token }) {
      yield* acquired("a claim that waits", yield* one.tryAcquire(claim(key, token(), 60_000, true)))
    })
  },
  {
    name: "whoever looks sees who holds a key, or that nobody does",
    run: Effect.fnUntraced(function*(bench) {
      const { grain, key, one, other, token } = bench
      yield* same("at first nobody", yield* isFree(one, key), true)
      const holder = token()
      yield* take(bench, one, key, holder)
      for (const store of [one, other]) {
        const found = yield* store.inspect(key)
        if (Option.isNone(found)) return yield* wrong("a held key looks free")
        yield* same("the holder's token", found.value.token, holder)
        const { remainingMillis = 60_000 } = found.value
        yield* that(
          `remainingMillis is ${remainingMillis} of 60000`,
          remainingMillis > 50_000 && remainingMillis <= 66_000 + grain
        )
      }
      yield* one.release(key, holder)
      yield* same("at last nobody", yield* isFree(other, key), true)
    })
  },
  {
    name: "a list has what is held of the keys that start so, on all its pages",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, lease, one, other, token } = bench
      if (other.list === undefined) return
      const keys = Array.from({ length: 20 }, (_, i) => `${key}:[${i}*]\\é`)
      const holders = new Map(keys.map((key) => [key, token()]))
      for (const [key, holder] of holders) yield* take(bench, one, key, holder)
      yield* take(bench, one, `${key}:over`, token(), lease)
      yield* take(bench, one, `${key}/other`, token())
      yield* elapse(lease * 1.2)
      yield* one.release(keys[0], holders.get(keys[0])!)
      const listed = yield* listing(other, `${key}:`)
      yield* same("the keys", listed.map(({ key }) => key).toSorted().join(), keys.slice(1).toSorted().join())
      for (const { key, remainingMillis = 60_000, token } of listed) {
        yield* same(`the holder of ${JSON.stringify(key)}`, token, holders.get(key))
        yield* that(`remainingMillis is ${remainingMillis} of 60000`, remainingMillis > 0 && remainingMillis <= 66_000)
      }
      const some = yield* listing(other, `${key}:[1`)
      yield* same("how many of those that start with more", some.length, 11)
      yield* same("how many of those that nobody has", (yield* listing(other, `${key}:*`)).length, 0)
    })
  },
  {
    name: "any text is a key, and different texts are different keys",
    run: Effect.fnUntraced(function*(bench) {
      const { one, other, token } = bench
      const keys = [...oddKeys, ...oddKeys.map((odd) => bench.key + odd), ...oddKeys.map((odd) => odd + bench.key)]
      // Some at once, since a store that is far away is asked five times for each.
      const together = { concurrency: 10 }
      const holders = yield* Effect.forEach(keys, (key) =>
        Effect.gen(function*() {
          const holder = token()
          yield* acquired(`the key ${JSON.stringify(key)}`, yield* one.tryAcquire(claim(key, holder, 60_000)))
          return { key, holder }
        }), together)
      yield* Effect.forEach(holders, ({ holder, key }) =>
        Effect.gen(function*() {
          const what = `the key ${JSON.stringify(key)}`
          const found = yield* other.inspect(key)
          yield* same(`${what}, its holder`, Option.getOrUndefined(found)?.token, holder)
          yield* held(what, yield* other.tryAcquire(claim(key, token(), 60_000)))
          yield* same(`${what}, its extension`, yield* other.extend(claim(key, holder, 60_000)), true)
          yield* same(`${what}, its release`, yield* other.release(key, holder), true)
        }), together)
    })
  },
  {
    name: "of fifty that ask at once one gets the key",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      const attempts = yield* Effect.forEach(
        Array.from({ length: 50 }, () => token()),
        (token, i) =>
          Effect.map(
            (i % 2 === 0 ? one : other).tryAcquire(claim(key, token, 60_000)),
            (attempt) => ({ attempt, token })
          ),
        { concurrency: "unbounded" }
      )
      const winners = attempts.filter(({ attempt }) => attempt._tag === "Acquired")
      yield* same("how many got it", winners.length, 1)
      for (const { attempt } of attempts) {
        if (attempt._tag === "Held" && attempt.token !== undefined) {
          yield* same("the holder's token", attempt.token, winners[0].token)
        }
      }
    })
  },
  {
    name: "whoever listens is told of a release, and not any more after that",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, eventually, key, one, other, slack, token } = bench
      if (other.listen === undefined) return
      const [holder, waiting] = [token(), token()]
      const before = (yield* take(bench, one, key, holder)).fencingToken
      const listening = yield* Scope.make()
      let news = 0
      yield* Scope.provide(other.listen(key, waiting, () => void news++), listening)
      yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)))
      news = 0
      yield* one.release(key, holder)
      yield* eventually("the news of the release", 1_000 + slack, Effect.sync(() => news > 0))
      const after = yield* acquired("after the news", yield* other.tryAcquire(claim(key, waiting, 60_000, true)))
      yield* that(`the fencing token is ${after} after ${before}`, after > before)
      yield* Scope.close(listening, Exit.void)
      news = 0
      yield* other.release(key, waiting)
      const next = token()
      yield* take(bench, one, key, next)
      yield* one.release(key, next)
      yield* elapse(Math.min(slack, 200))
      yield* same("news after the end", news, 0)
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  },
  {
    name: "extending many at once is extending each",
    run: Effect.fnUntraced(function*(bench) {
      const { elapse, key, lease, one, other, token } = bench
      if (one.extendAll === undefined) return
      yield* same("none", (yield* one.extendAll([])).length, 0)
      const [mine, yours] = [token(), token()]
      const keys = ["a", "b", "c", "d"].map((name) => `${key}-${name}`)
      yield* take(bench, other, keys[1], yours)
      yield* take(bench, one, keys[0], mine, lease)
      yield* take(bench, one, keys[2], mine, lease)
      const answers = yield* one.extendAll(keys.map((key) => ({ key, token: mine, expiresMillis: 60_000 })))
      yield* same("mine, another's, mine and nobody's", answers.join(), "true,false,true,false")
      yield* elapse(lease * 1.2)
      yield* held("what was extended", yield* other.tryAcquire(claim(keys[0], token(), lease)))
      yield* held("what was extended", yield* other.tryAcquire(claim(keys[2], token(), lease)))
      yield* same("another's", Option.getOrUndefined(yield* one.inspect(keys[1]))?.token, yours)
      yield* same("nobody's", yield* isFree(one, keys[3]), true)
    })
  },
  {
    name: "an exchange releases the one token and claims for the other",
    run: Effect.fnUntraced(function*(bench) {
      const { key, one, other, token } = bench
      if (one.exchange === undefined) return
      const [first, second, stale] = [token(), token(), token()]
      const before = (yield* take(bench, one, key, first)).fencingToken
      const after = yield* acquired(
        "nobody else wants it",
        yield* one.exchange(first, claim(key, second, 60_000, true))
      )
      yield* that(`the fencing token is ${after} after ${before}`, after > before)
      yield* same("the first token", yield* other.extend(claim(key, first, 60_000)), false)
      yield* held("a stale token", yield* one.exchange(stale, claim(key, stale, 60_000, false)))
      yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, second)

      // If somebody else is in the store's queue, it is that one's turn; without a queue it is open whose.
      const [third, waiting] = [token(), token()]
      if (other.listen !== undefined) yield* other.listen(key, waiting, () => {})
      yield* held("the waiting token", yield* other.tryAcquire(claim(key, waiting, 60_000, true)))
      const attempt = yield* one.exchange(second, claim(key, third, 60_000, true))
      const holder = Option.getOrUndefined(yield* other.inspect(key))?.token
      yield* that("the key went to one of the two", holder === (attempt._tag === "Acquired" ? third : waiting))
      yield* same("the second token", yield* one.release(key, second), false)
      for (const token of [third, waiting]) yield* one.release(key, token)
      yield* same("the key is free", yield* isFree(other, key), true)
    })
  }
]
