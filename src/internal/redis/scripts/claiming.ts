/** Acquiring by waiting, by sharing, or by transfer. */
import { calling } from "./calling.ts"
import { fence, fencing } from "./fencing.ts"
import { type Form, queueMillis } from "./form.ts"
import { promoting } from "./promoting.ts"

/** In place of the previous token, if there is none but further arguments follow: neither a token nor a note. */
export const nobody = "/"

/**
 * Takes the lock or a place in its queue, after releasing the previous token if there is one. Asking again keeps the
 * place, and an arrival brings it back. The stale entry is the token's own of another mode, or empty. Mode 0 takes no
 * place.
 * KEYS lock queue [fence]  ARGV channels token lease mode arrival stale [previous, or / for none, [permits limit]]
 *   -> {1, micros} ours | {0, micros, rest, holder, waiters}
 */
export const claim = (form: Form): string => {
  const { standsMillis } = form
  return `${promoting(form)}${fencing(form)}
local lock, queue, token, lease, mode, arrival, permits = KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[8]
local entry = token .. ',' .. lease .. ',' .. mode
if permits then entry = entry .. ',' .. permits .. '/' .. ARGV[9] end
local holder = call('MGET', lock)[1]
local kind = not holder and call('TYPE', lock).ok
local shared = kind == 'zset'
-- which fails
if not holder and not shared and kind ~= 'none' then call('GET', lock) end
if holder == token then
  call('PEXPIRE', lock, lease)
  return {1, ${fence(form, "clock()")}}
end
local given = holder and (holder == ARGV[7] or holder == '' and call('PTTL', lock) <= ${standsMillis})
local used = 0
if shared then
  given = ARGV[7] and sharers().drop(lock, ARGV[7])
  used = sharers().used(lock)
  if permits and used > 0 and (
    call('ZSCORE', lock, token) or tonumber(permits) <= ARGV[9] - used and call('EXISTS', queue) == 0
  ) then
    return {1, ${fence(form, "sharers().give(lock, token, tonumber(lease), permits, used)")}}
  end
-- as ZREM in promote
elseif given and mode ~= '0' then
  call('PEXPIRE', lock, lease)
end
if used == 0 and (given or not holder) and call('EXISTS', queue) == 0 then
  if permits then
    if holder then call('DEL', lock) end
    return {1, ${fence(form, "sharers().give(lock, token, tonumber(lease), permits, 0)")}}
  end
  call('SET', lock, token, 'PX', lease)
  return {1, ${fence(form, "clock()")}}
end
if mode ~= '0' then
  if arrival == '' then arrival = clock() end
  if ARGV[6] ~= '' then call('ZREM', queue, ARGV[6]) end
  call('ZADD', queue, 'NX', arrival, entry)
  call('PEXPIRE', queue, ${queueMillis})
  local ours
  if used > 0 then
    ours = sharers().admit(lock, queue, token)
  elseif given or not holder and call('ZRANGE', queue, 0, 0)[1] == entry then
    ours = promote(lock, queue, token)
    shared = true
  elseif not holder then
    rollCall(lock, queue)
    shared = false
  end
  if ours then return {1, ${fence(form, "ours == true and clock() or ours")}} end
end
local rest
if shared and call('TYPE', lock).ok == 'zset' then
  local first = call('ZRANGEBYSCORE', lock, 1, 'inf', 'WITHSCORES', 'LIMIT', 0, 1)
  holder = first[1]
  rest = holder and first[2] - sharers().millis or 0
else
  holder = call('GET', lock)
  rest = call('PTTL', lock)
  if holder == '' then
    rest = math.max(0, rest - ${standsMillis})
    if mode ~= '0' then
      call('ZADD', queue, 'NX', arrival, entry)
      call('PEXPIRE', queue, ${queueMillis})
    end
  end
end
return {0, clock(), rest, holder or '', call('ZCARD', queue)}
`
}

/** KEYS lock queue [fence]  ARGV token next lease  -> as claim, for next, if the lock is token's */
export const transfer = (form: Form): string =>
  `${calling(form)}${fencing(form)}
local holder = pcall('GET', KEYS[1])
if type(holder) == 'table' then return {0, clock(), call('PTTL', KEYS[1]), '', call('ZCARD', KEYS[2])} end
if holder and (holder == ARGV[1] or holder == ARGV[2]) then
  call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return {1, ${fence(form, "clock()")}}
end
return {0, clock(), call('PTTL', KEYS[1]), holder or '', call('ZCARD', KEYS[2])}
`
