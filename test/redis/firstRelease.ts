/**
 * A process that runs the first release, as far as others of another release meet it:
 * its scripts as they were, one fiber, no renewals.
 */
import { Effect, Queue } from "effect"
import type { Scope } from "effect"
import { client } from "../support/redis.ts"

const prelude = `
local time
local function clock()
  if not time then
    local t = redis.call('TIME')
    time = t[1] .. string.sub('00000' .. t[2], -6)
  end
  return time
end
local function promote(lock, queue, self)
  while true do
    local member = redis.pcall('ZPOPMIN', queue)[1]
    if not member then return end
    local token, lease, mode = string.match(member, '^(.*),(%d+),(%d)$')
    if token and token == self then
      redis.call('SET', lock, token, 'PX', lease)
      return true
    elseif mode == '2' then
      if tonumber(lease) > 1000 then lease = '1000' end
      redis.call('SET', lock, token, 'PX', lease)
      return
    elseif token then
      local channel = 'lock:ch:' .. string.match(token, '^[^.]*')
      local listening = redis.pcall('PUBSUB', 'NUMSUB', channel)[2]
      if listening ~= 0 then
        if tonumber(lease) > 3000 then lease = '3000' end
        redis.call('SET', lock, token, 'PX', lease)
        local sent = redis.pcall('PUBLISH', channel, token .. ' ' .. clock() .. ' ' .. lease .. ' ' .. lock)
        if type(sent) == 'number' then return end
        redis.call('DEL', lock)
      end
    end
  end
end
local function join(queue, token, lease, mode)
  redis.call('ZADD', queue, 'NX', clock(), token .. ',' .. lease .. ',' .. mode)
  redis.call('PEXPIRE', queue, 60000)
end
local function held(lock, queue)
  return {0, clock(), redis.call('PTTL', lock), redis.call('GET', lock), redis.call('ZCARD', queue)}
end
`

const wait = `${prelude}
local lock, queue, token, lease = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local holder = redis.call('GET', lock)
if holder == token then
  redis.call('PEXPIRE', lock, lease)
  return {1, clock()}
end
if not holder and redis.call('EXISTS', queue) == 0 then
  redis.call('SET', lock, token, 'PX', lease)
  return {1, clock()}
end
join(queue, token, lease, ARGV[3])
if not holder and promote(lock, queue, token) then return {1, clock()} end
return held(lock, queue)
`

const release = `
local call, pcall, others, free = redis.call, redis.pcall, nil, nil
for i = 1, #ARGV do
  local lock, queue = KEYS[2 * i - 1], KEYS[2 * i]
  local holder = pcall('GET', lock)
  if holder == ARGV[i] then
    call('DEL', lock)
    holder = false
  else
    others = others or {}
    others[#others + 1] = i
  end
  if not holder and call('EXISTS', queue) == 1 then
    free = free or {}
    free[#free + 1] = i
  end
end
if free then
${prelude}
  for _, i in ipairs(free) do promote(KEYS[2 * i - 1], KEYS[2 * i], nil) end
end
return others or 0
`

const pattern = /^(\S+) (\d+) (\d+) lock:\{(.*)\}$/s

export interface FirstRelease {
  readonly release: (key: string, token: string) => Effect.Effect<unknown>
  /** How many there are in the queue. */
  readonly waiting: (key: string) => Effect.Effect<number>
  readonly withLock: <A>(key: string, work: (fence: number) => Effect.Effect<A>) => Effect.Effect<A>
}

export const make = (port: number, owner: string): Effect.Effect<FirstRelease, never, Scope.Scope> =>
  Effect.gen(function*() {
    const commands = yield* client(port)
    const subscriber = yield* client(port)
    const granted = yield* Queue.unbounded<string>()
    subscriber.on("message", (_channel, message) => {
      // as it did: what is none of its messages would end it
      const [, token] = pattern.exec(message)!
      Queue.offerUnsafe(granted, token)
    })
    yield* Effect.promise(() => subscriber.subscribe(`lock:ch:${owner}`))
    let count = 0
    const run = (script: string, key: string, ...args: ReadonlyArray<string | number>) =>
      Effect.promise(() => commands.eval(script, 2, `lock:{${key}}`, `lock:{${key}}:q`, ...args) as Promise<unknown>)
    const take = (key: string, token: string): Effect.Effect<number> =>
      Effect.gen(function*() {
        while (true) {
          const [ours, micros] = (yield* run(wait, key, token, 10_000, 1)) as [number, string]
          if (ours === 1) return Number(micros)
          // It looked again every three seconds.
          yield* Effect.timeoutOption(Queue.take(granted), "3 seconds")
        }
      })
    return {
      release: (key, token) => run(release, key, token),
      waiting: (key) => Effect.promise(() => commands.zcard(`lock:{${key}}:q`)),
      withLock: (key, work) =>
        Effect.suspend(() => {
          const token = `${owner}.${(++count).toString(36)}.aaaaaaaaaa`
          return Effect.flatMap(take(key, token), (fence) => Effect.ensuring(work(fence), run(release, key, token)))
        })
    }
  })
