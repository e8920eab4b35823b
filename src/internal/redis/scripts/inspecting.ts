/** Looks: of waiters, of whoever granted a lock to another, and of those who only want to know. */
import { type Form, queueMillis } from "./form.ts"
import { promoting } from "./promoting.ts"

/**
 * A process looks at the locks that it waits for. This keeps its places or gets them back, and lets waiters into shared
 * locks that they fit by now.
 * KEYS lock queue…  ARGV channels, channel, [[token, entry, arrival, stale], …] as JSON
 *   -> {who listens on the channel, millis of the holder's lease | -1 ask, it is free | -2 it is the token's, …}
 */
export const look = (form: Form): string => {
  const { claimMillis, single, standsMillis } = form
  return `
local call, pcall, made = redis.call, redis.pcall, nil
local function sharers()
  if not made then
${promoting(form)}
    made = sharers
  end
  return made()
end
local reply = {${single ? "pcall('PUBSUB', 'NUMSUB', ARGV[2])[2] or 1" : "1"}}
for i, waiter in ipairs(cjson.decode(ARGV[3])) do
  local lock, queue = KEYS[2 * i - 1], KEYS[2 * i]
  local holder = call('MGET', lock)[1]
  local shared = not holder and call('TYPE', lock).ok == 'zset'
  if holder == waiter[1] or shared and call('ZSCORE', lock, waiter[1]) then
    reply[i + 1] = -2
  elseif not shared and not holder or shared and sharers().used(lock) == 0 then
    reply[i + 1] = -1
  else
    -- first, as ZREM in promote
    local new = call('PEXPIRE', queue, ${queueMillis}) == 0
    if waiter[4] ~= '' then call('ZREM', queue, waiter[4]) end
    call('ZADD', queue, 'NX', waiter[3], waiter[2])
    if new then call('PEXPIRE', queue, ${queueMillis}) end
    local rest
    if shared then
      -- One that is let in here asks for it, and has it no longer than any other who is given it.
      if sharers().admit(lock, queue, waiter[1]) then
        local lease = tonumber(string.match(waiter[2], ',(%d+)'))
        call('ZADD', lock, 'XX', sharers().millis + math.min(lease, ${claimMillis}) + 2, waiter[1])
        rest = -1
      else
        rest = call('ZRANGEBYSCORE', lock, 1, 'inf', 'WITHSCORES', 'LIMIT', 0, 1)[2] - sharers().millis
      end
    else
      rest = call('PTTL', lock)
      if holder == '' then
        rest = rest - ${standsMillis}
        if rest <= 0 then rest = -1 end
      elseif rest < 0 then
        rest = 1e9
      end
    end
    reply[i + 1] = rest
  end
end
return reply
`
}

/**
 * Whoever granted a lock to a waiter checks that it was claimed: the others look only when an earlier lease would end.
 * KEYS lock queue…  ARGV channels  -> 0
 */
export const recall = (form: Form): string => `
local call = redis.call
for i = 1, #KEYS, 2 do
  local lock, queue = KEYS[i], KEYS[i + 1]
  if call('EXISTS', queue) == 1 and not call('MGET', lock)[1] then
${promoting(form)}
    local kind = call('TYPE', lock).ok
    if kind == 'none' or kind == 'zset' and sharers().used(lock) == 0 then
      rollCall(lock, queue)
    elseif kind == 'zset' then
      sharers().admit(lock, queue, nil)
    end
  end
end
return 0
`

/**
 * The sharers of a lock, ordered by the ends of their leases.
 * KEYS lock queue  -> {waiters, token, permits, rest, …}
 */
export const holders = `
local call, lock = redis.call, KEYS[1]
local time = call('TIME')
local millis = time[1] * 1000 + math.floor(time[2] / 1000)
local found = {call('ZCARD', KEYS[2])}
if call('TYPE', lock).ok ~= 'zset' then return found end
local sharers = call('ZRANGEBYSCORE', lock, '(' .. millis, 'inf', 'WITHSCORES')
for i = 1, #sharers, 2 do
  found[#found + 1] = sharers[i]
  found[#found + 1] = 1 - (call('ZSCORE', lock, '+' .. sharers[i]) or 0)
  found[#found + 1] = sharers[i + 1] - millis
end
return found
`
