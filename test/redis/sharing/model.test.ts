/**
 * The scripts against a model: steps of chance by processes that want one lock,
 * alone or shared, of which one has died. The server's clock is a key of ours, so
 * time passes in leaps; what a key expires by is real, and told of them.
 *
 * `SHARING_SEEDS` says how many runs (default 100, and in CI three times as many), `SHARING_SEED` the first, and
 * `SHARING_MISTAKE` what to put wrong in the scripts (see `mutants.ts`).
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { Redis } from "ioredis"
import { make, nobody } from "../../../src/internal/redis/scripts.ts"
import { queueMillis } from "../../../src/internal/redis/scripts/form.ts"
import { Random } from "../../simulation/random.ts"
import { seeds as times } from "../../simulation/seeds.ts"
import { client, redis } from "../../support/redis.ts"
import { type Claim, Model } from "./model.ts"

const seeds = Number(process.env.SHARING_SEEDS ?? 100 * times)
const firstSeed = Number(process.env.SHARING_SEED ?? 1)
const [from, to] = JSON.parse(process.env.SHARING_MISTAKE ?? `["", ""]`) as [string, string]
const stepsOfASeed = 40
const claimMillis = 40_000
const rollCallMillis = 600_000
const standsMillis = 300_000
const owners = ["1-alive", "2-alive", "3-dead"]
const unlimited = Number.MAX_SAFE_INTEGER

/** What is at the two keys. */
const stateScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
return {
  kind == 'string' and redis.call('GET', KEYS[1]) or '',
  kind == 'zset' and redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') or {},
  redis.call('ZRANGE', KEYS[2], 0, -1),
  kind == 'none' and 0 or redis.call('PTTL', KEYS[1]),
  redis.call('PTTL', KEYS[2])
}
`

type Reply = number | ReadonlyArray<Reply | string>

type Releasing = number | ReadonlyArray<number>

type State = [string, Array<string>, Array<string>, number, number]

type Run = <A extends Reply = ReadonlyArray<number | string>>(
  name: string,
  keys: ReadonlyArray<string>,
  ...args: ReadonlyArray<string | number>
) => Promise<A>

const define = (redis: Redis, single: boolean): Run => {
  const scripts = make(single, { claimMillis, rollCallMillis, standsMillis })
  for (const { lua, name } of Object.values(scripts)) {
    redis.defineCommand(`x_${name}`, {
      lua: lua.replace(from, () => to).replaceAll("call('TIME')", "call('HMGET', KEYS[1] .. ':clock', 's', 'us')")
    })
  }
  redis.defineCommand("x_state", { lua: stateScript })
  const defined = redis as unknown as Record<string, (...args: ReadonlyArray<string | number>) => Promise<never>>
  return (name, keys, ...args) => defined[`x_${name}`](keys.length, ...keys, ...args)
}

const entryOf = ({ lease, mode, share, token }: Claim) =>
  `${token},${lease},${mode}${share === undefined ? "" : `,${share.permits}/${share.limit}`}`

const oneSeed = async (seed: number, single: boolean, run: Run, set: Redis, told: Map<string, Array<string>>) => {
  const chance = new Random(seed)
  const upTo = (size: number) => Math.floor(chance.next() * size)
  const lock = `m:{${seed}}`
  const keys = [lock, `${lock}:q`]
  const heard: Array<string> = []
  told.set(lock, heard)
  const model = new Model(1_800_000_000_000 + upTo(1000), {
    claimMillis,
    awaySeconds: 10,
    listens: single ? (token) => !token.startsWith("3") : undefined
  })
  const profile = chance.pick(["readers", "permits", "weights", "mixed"])
  const claims: Array<Claim> = []
  const began = performance.now()
  let arrivals = 0
  const newClaim = (): Claim => {
    const alone = (profile === "readers" || profile === "mixed") && chance.next() < 0.3
    const limit = profile === "readers" || (profile === "mixed" && chance.next() < 0.4)
      ? unlimited
      : profile === "permits"
      ? 3
      : chance.pick([2, 5])
    const permits = profile === "weights" || profile === "mixed" ? 1 + upTo(Math.min(limit, 4)) : 1
    const claim: Claim = {
      token: `${chance.pick(owners)}.${claims.length}`,
      lease: chance.pick([60_000, 60_000, 90_000, 30_000]),
      mode: chance.next() < 0.2 ? 2 : 1,
      share: alone ? undefined : { permits, limit },
      arrival: model.now * 1000 + ++arrivals
    }
    claims.push(claim)
    return claim
  }
  const some = () => claims.length > 0 && chance.next() < 0.9 ? chance.pick(claims.slice(-12)) : newClaim()
  const holder = () => {
    const tokens = model.alone === undefined ? Array.from(model.sharers.keys()) : [model.alone.token]
    const token = tokens.length === 0 ? undefined : chance.pick(tokens)
    return claims.find((claim) => claim.token === token) ?? some()
  }
  const claimArgs = (claim: Claim, mode: number, previous: string | undefined) => [
    "m:ch:",
    claim.token,
    claim.lease,
    mode,
    mode === 0 ? "" : claim.arrival,
    "",
    ...(previous !== undefined ? [previous] : claim.share === undefined ? [] : [nobody]),
    ...(claim.share === undefined ? [] : [claim.share.permits, claim.share.limit])
  ]
  /** What keeps a place in the queue keeps the queue, and no longer than usual. */
  const unkept = () => set.pexpire(keys[1], 10 * queueMillis)
  const assertKept = async () => assert.isAtMost(await set.pttl(keys[1]), queueMillis, trace.join("\n"))
  const among = (reply: Releasing) => typeof reply === "number" ? reply === 0 : reply[0] === -1
  let fence = 0
  const steps: Record<string, () => Promise<readonly [string, unknown, unknown]>> = {
    attempt: async () => {
      const claim = newClaim()
      if (claim.share !== undefined) {
        const expected = model.claim(claim, false, undefined)
        const reply = await run("claim", keys, ...claimArgs(claim, 0, undefined))
        return [entryOf(claim), reply[0] === 1, expected]
      }
      const expected = model.attempt(claim.token, claim.lease)
      return [entryOf(claim), !Array.isArray(await run("attempt", [lock], claim.token, claim.lease)), expected]
    },
    wait: async () => {
      const claim = chance.next() < 0.7 ? newClaim() : some()
      const expected = model.claim(claim, true, undefined)
      await unkept()
      const reply = await run("claim", keys, ...claimArgs(claim, claim.mode, undefined))
      if (reply[0] === 1) fence = Number(reply[1])
      else {
        assert.deepStrictEqual([reply.length, reply[4]], [5, model.queue.length])
        await assertKept()
      }
      return [entryOf(claim), reply[0] === 1, expected]
    },
    exchange: async () => {
      const [previous, claim] = [holder(), newClaim()]
      const expected = model.claim(claim, true, previous.token)
      const reply = await run("claim", keys, ...claimArgs(claim, claim.mode, previous.token))
      return [`${previous.token} ${entryOf(claim)}`, reply[0] === 1, expected]
    },
    release: async () => {
      const claim = holder()
      const { share, token } = claim
      const expected = share === undefined ? model.release(token) : model.withdraw(token)
      const reply = share === undefined
        ? await run<Releasing>("release", keys, "m:ch:", token)
        : await run<Releasing>("withdraw", keys, "m:ch:", token, entryOf(claim))
      return [token, among(reply), expected]
    },
    withdraw: async () => {
      const claim = some()
      const expected = model.withdraw(claim.token)
      return [
        claim.token,
        among(await run<Releasing>("withdraw", keys, "m:ch:", claim.token, entryOf(claim))),
        expected
      ]
    },
    extend: async () => {
      const { lease, share, token } = chance.next() < 0.8 ? holder() : some()
      const expected = model.extend(token, lease)
      // Those who are not known to share are found out.
      const named = share !== undefined && chance.next() < 0.5 ? `+${token}` : token
      return [token, await run<Releasing>("extend", [lock], JSON.stringify([named]), lease) === 0, expected]
    },
    look: async () => {
      const claim = some()
      const expected = model.look(claim)
      await unkept()
      const waiter = [[claim.token, entryOf(claim), String(claim.arrival), ""]]
      const [, rest] = await run("look", keys, "m:ch:", `m:ch:${claim.token.split(".")[0]}`, JSON.stringify(waiter))
      if (expected === "wait") await assertKept()
      return [entryOf(claim), rest === -2 ? "have" : rest === -1 ? "ask" : "wait", expected]
    },
    recall: async () => {
      model.recall()
      return ["", await run<number>("recall", keys, "m:ch:"), 0]
    },
    holders: async () => {
      const live = Array.from(model.sharers).filter(([, { end }]) => end > model.now)
      const [waiters, ...found] = await run("holders", keys)
      const shown: Array<string> = []
      for (let i = 0; i < found.length; i += 3) shown.push(found.slice(i, i + 3).join())
      return [
        "",
        `${waiters} ${shown.toSorted().join(" ")}`,
        `${model.queue.length} ${
          live.map(([token, { end, permits }]) => [token, permits, end - model.now].join()).toSorted().join(" ")
        }`
      ]
    },
    leap: async () => {
      model.now += chance.pick([1, 500, 3_000, 12_000, 41_000, 60_002, 90_001])
      const left = (model.alone?.end ?? 0) - model.now
      if (left > 0) await set.pexpire(lock, left)
      return [`to ${model.now}`, 0, 0]
    },
    over: async () => {
      if (model.calling !== "on") return ["", 0, 0]
      model.calling = "over"
      await set.pexpire(lock, standsMillis - 1)
      return ["", 0, 0]
    }
  }
  const weighted = Object.entries({
    attempt: 12,
    wait: 36,
    exchange: 6,
    release: 18,
    withdraw: 8,
    extend: 6,
    look: 6,
    recall: 3,
    holders: 2,
    leap: 3,
    over: 3
  }).flatMap(([name, weight]) => Array.from({ length: weight }, () => name))
  const trace: Array<string> = []
  const same = (what: string, actual: unknown, expected: unknown) =>
    assert.deepStrictEqual(actual, expected, `seed ${seed} (${profile}): ${what}\n${trace.slice(-15).join("\n")}`)

  const check = async () => {
    const [text, members, queue, ttl, queueTtl] = await run<State>("state", keys)
    /** The key ends then, by a clock that has gone on since. */
    const assertEnds = (left: number) => {
      assert.isAtMost(ttl, left, trace.join("\n"))
      assert.isAtLeast(ttl, left - (performance.now() - began) - 100, trace.join("\n"))
    }
    same("who has it alone", text, model.alone?.token ?? "")
    const sharers: Array<string> = []
    const notes = new Map<string, number>()
    let [used, latest] = [0, 0]
    for (let i = 0; i < members.length; i += 2) {
      const score = Number(members[i + 1])
      if (score > 0) sharers.push(`${members[i]} ${score}`)
      else notes.set(members[i], Math.abs(score))
      latest = Math.max(latest, score)
    }
    same(
      "who shares it",
      sharers.toSorted(),
      Array.from(model.sharers, ([token, { end }]) => `${token} ${end}`).toSorted()
    )
    const permits = Array.from(model.sharers.values(), (sharer) => sharer.permits)
    used = permits.reduce((sum, one) => sum + one, 0)
    same("permits beyond one", notes.get("+") ?? 0, used - permits.length)
    same("who waits", queue, model.queue.map(entryOf))
    if (queue.length > 0) assert.isAbove(queueTtl, 0, trace.join("\n"))
    if (model.alone !== undefined && model.alone.end > model.now) assertEnds(model.alone.end - model.now)
    if (model.calling === "on") assertEnds(rollCallMillis + standsMillis)
    if (sharers.length > 0) {
      assert.isAbove(ttl, 0, trace.join("\n"))
      const limits = claims.filter(({ token }) => model.sharers.has(token)).map(({ share }) => share!.limit)
      const live = Array.from(model.sharers.values()).filter(({ end }) => end > model.now)
      assert.isAtMost(live.reduce((sum, { permits }) => sum + permits, 0), Math.max(...limits))
    }
  }

  const tick = async (i: number) => {
    // A string that has ended by our clock, which the server's own does not know of.
    if (model.alone !== undefined && model.alone.end <= model.now) {
      model.alone = undefined
      await set.del(lock)
    }
    await set.hset(`${lock}:clock`, "s", Math.floor(model.now / 1000), "us", (model.now % 1000) * 1000 + i)
  }
  for (let i = 0; i < stepsOfASeed; i++) {
    await tick(i)
    const step = chance.pick(weighted)
    const before = fence
    const [what, actual, expected] = await steps[step]()
    trace.push(`${step} ${what}: ${actual}`)
    same("the answer", actual, expected)
    if (fence !== before) assert.isAtLeast(fence, model.now * 1000)
    await check()
  }
  await tick(stepsOfASeed)
  for (const claim of claims) {
    model.withdraw(claim.token)
    await run("withdraw", keys, "m:ch:", claim.token, entryOf(claim))
  }
  if (model.calling !== undefined) await set.del(lock)
  same("what is left", await set.exists(...keys), 0)
  await set.del(`${lock}:clock`)
  return () => {
    same("who was told", heard, model.told)
    told.delete(lock)
  }
}

for (const single of [true, false]) {
  describe(`sharing agrees with a model (${single ? "one server" : "as in a cluster"})`, () => {
    it.live(`in ${seeds} runs`, () =>
      Effect.gen(function*() {
        const { port } = yield* redis()
        const one = yield* client(port)
        const subscriber = yield* client(port)
        const run = define(one, single)
        const told = new Map<string, Array<string>>()
        subscriber.on("message", (_, message: string) => {
          const [token, , lease, lock] = message.split(" ")
          told.get(lock)?.push(token + (lease === "0" ? " called" : ""))
        })
        yield* Effect.promise(async () => {
          const listening = owners.filter((owner) => !single || owner !== "3-dead")
          await subscriber.subscribe(...listening.map((owner) => `m:ch:${owner}`))
          let next = firstSeed
          const worker = async () => {
            while (next < firstSeed + seeds) {
              const end = await oneSeed(next++, single, run, one, told)
              await subscriber.ping()
              end()
            }
          }
          await Promise.all(Array.from({ length: 24 }, worker))
        })
      }).pipe(Effect.scoped), 600_000)
  })
}
