/**
 * The protocol, as scripts. Constants are part of the text, because every key
 * and argument of a call costs the server more than the call's own commands.
 *
 * A waiter is the member `<token>,<lease>,<mode>` of the queue, scored by its
 * arrival in microseconds. Mode 1 listens on its process's channel, mode 2
 * polls. Whoever frees a lock gives it to the first live waiter in the same
 * script, so a released lock is never free while somebody waits: a first attempt
 * need not look at the queue, and only an expired lease can be barged into.
 *
 * A fencing token is the server's clock in microseconds at the moment of the
 * grant, which outlives the key, a flush and a restart.
 */
import * as Keys from "./keys.ts"

export interface Script {
  readonly name: string
  readonly lua: string
}

/** How long a lock given to a waiter stays its own until the waiter claims it, in milliseconds. */
export const claimMillis = 3000

/** The same for a waiter that polls, and so comes by often or not at all. */
export const pollClaimMillis = 1000

/** A queue that nobody joined for this long is forgotten, in milliseconds. */
const queueMillis = 60_000

export interface Scripts {
  readonly attempt: Script
  readonly wait: Script
  readonly release: Script
  readonly withdraw: Script
  readonly exchange: Script
  readonly transfer: Script
  readonly extend: Script
  readonly inspect: Script
}

const literal = (text: string): string =>
  `'${text.replace(/[\\'\n\r\0]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, "0")}`)}'`

/** `single`: every process is connected to the same server, so it knows who still listens. */
export const make = (prefix: string, single: boolean): Scripts => {
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
      if tonumber(lease) > ${pollClaimMillis} then lease = '${pollClaimMillis}' end
      redis.call('SET', lock, token, 'PX', lease)
      return
    elseif token then
      local channel = ${literal(Keys.channelPrefix(prefix))} .. string.match(token, '^[^.]*')
      ${single ? "local listening = redis.pcall('PUBSUB', 'NUMSUB', channel)[2]" : "local listening"}
      if listening ~= 0 then
        if tonumber(lease) > ${claimMillis} then lease = '${claimMillis}' end
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
  redis.call('PEXPIRE', queue, ${queueMillis})
end
local function held(lock, queue)
  return {0, clock(), redis.call('PTTL', lock), redis.call('GET', lock), redis.call('ZCARD', queue)}
end
`

  // KEYS lock…  ARGV token… lease… or one lease for all  -> micros all ours
  //   | {micros, {i not ours, pttl, holder} | {i not a lock}, …}
  const attempt = `
local call, n, others = redis.call, #KEYS, nil
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
for i = 1, n do
  local lease = ARGV[n + i] or ARGV[n + 1]
  if not call('SET', KEYS[i], ARGV[i], 'NX', 'PX', lease) then
    local holder = redis.pcall('GET', KEYS[i])
    if holder == ARGV[i] then
      call('PEXPIRE', KEYS[i], lease)
    else
      others = others or {micros}
      others[#others + 1] = type(holder) == 'table' and {i} or {i, call('PTTL', KEYS[i]), holder}
    end
  end
end
return others or micros
`

  // KEYS lock queue  ARGV token lease mode  -> {1, micros} ours | {0, micros, pttl, holder, waiters}
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

  // KEYS lock queue…  ARGV token…  -> 0 all were ours | {i was not, …}; deletes all of them before promoting anybody
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

  // KEYS lock queue  ARGV token member  -> {1 it was ours | 0}; for a token that may be in the queue as well
  const withdraw = `${prelude}
local lock, queue = KEYS[1], KEYS[2]
redis.call('ZREM', queue, ARGV[2])
local holder = redis.call('GET', lock)
local ours = holder == ARGV[1]
if ours then redis.call('DEL', lock) end
if ours or not holder then promote(lock, queue, nil) end
return {ours and 1 or 0}
`

  // KEYS lock queue  ARGV token next lease mode  -> as wait, for next, after releasing token
  const exchange = `${prelude}
local lock, queue, token, lease = KEYS[1], KEYS[2], ARGV[2], ARGV[3]
local holder = redis.call('GET', lock)
if holder == token then
  redis.call('PEXPIRE', lock, lease)
  return {1, clock()}
end
local free = not holder or holder == ARGV[1]
if free and redis.call('EXISTS', queue) == 0 then
  redis.call('SET', lock, token, 'PX', lease)
  return {1, clock()}
end
join(queue, token, lease, ARGV[4])
if free then
  redis.call('DEL', lock)
  if promote(lock, queue, token) then return {1, clock()} end
end
return held(lock, queue)
`

  // KEYS lock queue  ARGV token next lease  -> as wait, for next, if the lock is token's
  const transfer = `${prelude}
local lock, queue, token = KEYS[1], KEYS[2], ARGV[2]
local holder = redis.call('GET', lock)
if holder and (holder == ARGV[1] or holder == token) then
  redis.call('SET', lock, token, 'PX', ARGV[3])
  return {1, clock()}
end
return held(lock, queue)
`

  // Many locks are kept for long, so their tokens come as one argument: each of its own costs the client more.
  // KEYS lock…  ARGV [token, …] as JSON, lease… or one lease for all  -> 0 all extended | {i was not ours, …}
  const extend = `
local call, pcall, tokens, others = redis.call, redis.pcall, cjson.decode(ARGV[1]), nil
for i = 1, #KEYS do
  if pcall('GET', KEYS[i]) == tokens[i] then
    call('PEXPIRE', KEYS[i], ARGV[i + 1] or ARGV[2])
  else
    others = others or {}
    others[#others + 1] = i
  end
end
return others or 0
`

  // KEYS lock queue  -> {holder or nil, pttl, waiters}
  const inspect = `
return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]), redis.call('ZCARD', KEYS[2])}
`

  return {
    attempt: { name: "attempt", lua: attempt },
    wait: { name: "wait", lua: wait },
    release: { name: "release", lua: release },
    withdraw: { name: "withdraw", lua: withdraw },
    exchange: { name: "exchange", lua: exchange },
    transfer: { name: "transfer", lua: transfer },
    extend: { name: "extend", lua: extend },
    inspect: { name: "inspect", lua: inspect }
  }
}
