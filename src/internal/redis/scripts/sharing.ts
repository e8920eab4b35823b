/** Shared locks: who holds one, who fits, who is let in. */
import { calling } from "./calling.ts"
import type { Form } from "./form.ts"

/** How many sharers one script lets in; the next look lets in the others. */
const grantedAtMost = 1000

/**
 * How long the first waiter that does not fit may stay away before those behind it pass, in seconds, where the server
 * cannot know who listens. It looks more often than that.
 */
const awaySeconds = 10

/** Whether anybody listens on the channel of the token. */
export const listens = `pcall('PUBSUB', 'NUMSUB', ARGV[1] .. string.match(token, '^[^.]*'))[2] ~= 0`

/** What only shared locks need, defined when there is one: each function costs a script as much as half a command. */
export const sharing = (form: Form): string => {
  const { claimMillis, single } = form
  return `${calling(form)}
local promote, library
local function sharers()
  if library then return library end
  local millis = tonumber(string.sub(clock(), 1, -4))
  local grants = 0
  library = {millis = millis}
  -- Whether the token had a lease that has not ended.
  function library.drop(lock, token)
    local ends = call('ZSCORE', lock, token)
    if not ends then return false end
    call('ZREM', lock, token)
    local more = call('ZSCORE', lock, '+' .. token)
    if more then
      call('ZREM', lock, '+' .. token)
      call('ZINCRBY', lock, -more, '+')
    end
    return tonumber(ends) > millis
  end
  -- How many permits are out, without those whose lease has ended.
  function library.used(lock)
    for _, token in ipairs(call('ZRANGEBYSCORE', lock, 1, millis)) do library.drop(lock, token) end
    return call('ZCOUNT', lock, 1, 'inf') - (call('ZSCORE', lock, '+') or 0)
  end
  -- A new sharer, or the lease of one anew: its fencing token. What is beyond the millisecond must not end the lease early.
  -- Where nobody else has it, it is no string.
  function library.give(lock, token, lease, permits, used)
    call('ZADD', lock, millis + lease + 2, token)
    local more = 1 - permits
    if more < 0 and call('ZADD', lock, 'NX', more, '+' .. token) == 1 then call('ZINCRBY', lock, more, '+') end
    if used == 0 or call('PTTL', lock) < lease + 2 then call('PEXPIRE', lock, lease + 2) end
    grants = grants + 1
    return string.format('%.0f', time + grants - 1)
  end
  local function grant(lock, token, lease, mode, permits, self, used)
    if token == self then return library.give(lock, token, lease, permits, used) end
${single ? `    if mode == '1' and not (${listens}) then return end` : ""}
    lease = math.min(lease, ${claimMillis})
    local micros = library.give(lock, token, lease, permits, used)
    if mode == '2' or tell(lock, token, lease, micros) then return micros end
    library.drop(lock, token)
  end
  -- Whether the first waiter, which does not fit, is gone.
  local function isAway(lock, token, mode, self)
${single ? `    if mode == '1' then return token ~= self and not (${listens}) end` : ""}
    local seconds, note = math.floor(millis / 1000), '?' .. token
    local seen = token ~= self and call('ZSCORE', lock, note)
    if seen then return seconds + seen > ${awaySeconds} end
    call('ZADD', lock, -seconds, note)
    return false
  end
  -- promote for a lock that is shared, or is going to be.
  function library.admit(lock, queue, self)
    local kind = call('TYPE', lock).ok
    local used, ours = kind == 'zset' and library.used(lock) or 0, nil
    while grants < ${grantedAtMost} do
      local entry = pcall('ZRANGE', queue, 0, 0)[1]
      if not entry then break end
      local token, lease, mode, permits, limit = string.match(entry, '^([^,]+),(%d+),([12]),(%d+)/(%d+)$')
      local micros
      if token then
        if tonumber(permits) <= limit - used then
          if kind == 'string' then call('DEL', lock) end
          kind = nil
          micros = grant(lock, token, tonumber(lease), mode, permits, self, used)
          if micros then used = used + permits end
          if token == self then ours = micros end
        elseif not isAway(lock, token, mode, self) then
          break
        end
      else
        token, mode = string.match(entry, '^([^,]+),%d+,([12])$')
        if token and used == 0 then return promote(lock, queue, self) end
        if token and not isAway(lock, token, mode, self) then break end
      end
      call('ZREM', queue, entry)
      if token and used > 0 then call('ZREM', lock, '?' .. token) end
    end
    if used == 0 then call('DEL', lock) end
    return ours
  end
  return library
end
`
}
