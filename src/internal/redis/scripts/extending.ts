/** Renewing many leases. */

/**
 * There may be many locks, so their tokens are one argument: one for each would cost the client more. Those that are
 * known to share have a + in front: a server counts commands for another type as errors.
 * KEYS lock…  ARGV [token, …] as JSON, lease… or one lease for all  -> 0 all extended | {i was not ours, …}
 */
export const extend = `
local call, pcall, byte, tokens, others, millis = redis.call, redis.pcall, string.byte, cjson.decode(ARGV[1]), nil, nil
local function extendShared(lock, token, lease)
  if call('TYPE', lock).ok ~= 'zset' then return end
  if not millis then
    local time = call('TIME')
    millis = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  local ends = call('ZSCORE', lock, token)
  if not ends or tonumber(ends) <= millis then return end
  call('ZADD', lock, 'XX', millis + lease + 2, token)
  if call('PTTL', lock) < lease + 2 then call('PEXPIRE', lock, lease + 2) end
  return true
end
for i = 1, #KEYS do
  local lock, token, lease = KEYS[i], tokens[i], ARGV[i + 1] or ARGV[2]
  local ours
  if byte(token) == 43 then
    ours = extendShared(lock, string.sub(token, 2), lease)
  else
    local holder = pcall('GET', lock)
    if holder == token then
      call('PEXPIRE', lock, lease)
      ours = true
    elseif type(holder) == 'table' then
      ours = extendShared(lock, token, lease)
    end
  end
  if not ours then
    others = others or {}
    others[#others + 1] = i
  end
end
return others or 0
`
