/**
 * The protocol, as scripts. Constants are part of the text, because every key
 * and argument of a call costs the server more than the call's own commands.
 *
 * A waiter is the entry `<token>,<lease>,<mode>` of the queue, scored by its
 * arrival in microseconds. The mode says how it is told, and with that which
 * format it understands: 1 is told on the channel of its process by a message
 * `<token> <micros> <lease> <lock>`, 2 polls. What is no such entry is dropped,
 * so that an older program that meets a newer one's is at worst unfair to it.
 *
 * Whoever frees a lock gives it to the first waiter in the same script, so a
 * released lock is never free while somebody waits. A waiter that does not come
 * for it within {@link claimMillis} may be gone, and others with it. So when a
 * lock has expired while others wait, whoever comes first holds a roll call: the
 * queue is emptied, all in it are told to ask again (by a lease of 0), and for
 * {@link rollCallMillis} the lock is nobody's (an empty string). A waiter knows
 * its arrival and comes back to its place, so it loses nothing, and those who
 * are gone cost the next one their time together, not each.
 *
 * A fencing token is the server's clock in microseconds at the moment of the
 * grant, which outlives the key, a flush and a restart.
 */

export interface Script {
  readonly name: string
  readonly lua: string
}

/** How long a lock given to a waiter stays its own until the waiter claims it, in milliseconds. */
export const claimMillis = 700

/** How long those who wait have time to answer a roll call, in milliseconds. */
export const rollCallMillis = 50

/** How long the result of a roll call stands, in milliseconds: after that nobody wants the lock any more. */
const standsMillis = 1000

/** A queue that nobody has looked at for this long is forgotten, in milliseconds. */
const queueMillis = 10_000

/** How many who are gone one script passes over, and how many it calls at most. */
const goneAtMost = 64
const calledAtMost = 1000

export interface Scripts {
  readonly attempt: Script
  readonly claim: Script
  readonly release: Script
  readonly withdraw: Script
  readonly transfer: Script
  readonly extend: Script
  readonly look: Script
  readonly recall: Script
}

/** `single`: every process is connected to the same server, so it knows who still listens. */
const make = (single: boolean): Scripts => {
  const calls = `
local call, pcall = redis.call, redis.pcall
local time
local function clock()
  if not time then
    local t = call('TIME')
    time = t[1] .. string.sub('00000' .. t[2], -6)
  end
  return time
end
local function tell(lock, token, lease)
  return type(pcall('PUBLISH', ARGV[1] .. string.match(token, '^[^.]*'), token .. ' ' .. clock() .. ' ' .. lease .. ' ' .. lock)) == 'number'
end
local function rollCall(lock, queue)
  local entries = pcall('ZRANGE', queue, 0, ${calledAtMost - 1})
  call('DEL', queue)
  call('SET', lock, '', 'PX', ${rollCallMillis + standsMillis})
  for _, entry in ipairs(entries) do
    local token = string.match(entry, '^([^,]+),%d+,1$')
    if token then tell(lock, token, 0) end
  end
end
`

  // promote(lock, queue, self): gives the lock, which is free or ours to give, to the first in the queue; true if that is self.
  // Over the old value: in a cluster a deleted key may be set on another node only. ZPOPMIN needs no memory, and lets
  // the rest of the script be executed by a server that has none left.
  const promote = `${calls}
local function promote(lock, queue, self)
  for _ = 1, ${goneAtMost} do
    local entry = pcall('ZPOPMIN', queue)[1]
    if not entry then
      call('DEL', lock)
      return
    end
    local token, lease, mode = string.match(entry, '^([^,]+),(%d+),([12])$')
    if token and token == self then
      call('SET', lock, token, 'PX', lease)
      return true
    elseif token${
    single
      ? " and (mode == '2' or pcall('PUBSUB', 'NUMSUB', ARGV[1] .. string.match(token, '^[^.]*'))[2] ~= 0)"
      : ""
  } then
      if tonumber(lease) > ${claimMillis} then lease = '${claimMillis}' end
      call('SET', lock, token, 'PX', lease)
      if mode == '2' or tell(lock, token, lease) then return end
    end
  end
  rollCall(lock, queue)
end
`

  // The first attempt. An expired lock with a queue is left to those who wait. Its queue is none of the KEYS, so that a
  // cluster can move it at any time; a server that minds lets newcomers pass.
  // KEYS lock…  ARGV token… lease… or one lease for all  -> micros all ours
  //   | {micros, {i not ours, rest, holder} | {i not a lock}, …}
  const attempt = `
local call, pcall, n, others = redis.call, redis.pcall, #KEYS, nil
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
for i = 1, n do
  local lock, token, lease = KEYS[i], ARGV[i], ARGV[n + i] or ARGV[n + 1]
  local other
  if call('SET', lock, token, 'NX', 'PX', lease) then
    if pcall('EXISTS', lock .. ':q') == 1 then
      call('DEL', lock)
      other = {i, 0, ''}
    end
  else
    local holder = pcall('GET', lock)
    if type(holder) == 'table' then
      other = {i}
    elseif holder == token then
      call('PEXPIRE', lock, lease)
    else
      other = {i, call('PTTL', lock), holder}
      if holder == '' then
        other[2] = math.max(0, other[2] - ${standsMillis})
        if other[2] == 0 and pcall('EXISTS', lock .. ':q') == 0 then
          call('SET', lock, token, 'PX', lease)
          other = nil
        end
      end
    end
  end
  if other then
    others = others or {micros}
    others[#others + 1] = other
  end
end
return others or micros
`

  // Takes the lock or a place in its queue, after releasing the previous token if there is one. Asking again keeps the
  // place, and an arrival brings it back. The stale entry is the token's own of another mode, or empty.
  // KEYS lock queue  ARGV channels token lease mode arrival stale [previous]
  //   -> {1, micros} ours | {0, micros, rest, holder, waiters}
  const claim = `${promote}
local lock, queue, token, lease, arrival = KEYS[1], KEYS[2], ARGV[2], ARGV[3], ARGV[5]
local entry = token .. ',' .. lease .. ',' .. ARGV[4]
local holder = call('GET', lock)
if holder == token then
  call('PEXPIRE', lock, lease)
  return {1, clock()}
end
local given = holder and (holder == ARGV[7] or holder == '' and call('PTTL', lock) <= ${standsMillis})
-- as ZPOPMIN in promote
if given then call('PEXPIRE', lock, lease) end
if (given or not holder) and call('EXISTS', queue) == 0 then
  call('SET', lock, token, 'PX', lease)
  return {1, clock()}
end
local function join()
  call('ZADD', queue, 'NX', arrival ~= '' and arrival or clock(), entry)
  call('PEXPIRE', queue, ${queueMillis})
end
if ARGV[6] ~= '' then call('ZREM', queue, ARGV[6]) end
join()
if given or not holder and call('ZRANGE', queue, 0, 0)[1] == entry then
  if promote(lock, queue, token) then return {1, clock()} end
elseif not holder then
  rollCall(lock, queue)
end
holder = call('GET', lock)
local rest = call('PTTL', lock)
if holder == '' then
  rest = math.max(0, rest - ${standsMillis})
  join()
end
return {0, clock(), rest, holder, call('ZCARD', queue)}
`

  // KEYS lock queue…  ARGV channels token…  -> 0 all were ours | {i was not, -i was ours and has gone to a waiter, …}
  const release = `
local call, pcall, others, wanted = redis.call, redis.pcall, nil, false
for i = 1, #ARGV - 1 do
  local lock, queue = KEYS[2 * i - 1], KEYS[2 * i]
  local other
  if pcall('GET', lock) ~= ARGV[i + 1] then
    other = i
  elseif call('EXISTS', queue) == 0 then
    call('DEL', lock)
  else
    wanted = true
    other = -i
  end
  if other then
    others = others or {}
    others[#others + 1] = other
  end
end
if wanted then
${promote}
  for _, i in ipairs(others) do
    if i < 0 then promote(KEYS[-2 * i - 1], KEYS[-2 * i], nil) end
  end
end
return others or 0
`

  // For a token that may be in the queue, as one entry or the other.
  // KEYS lock queue  ARGV channels token entry…  -> as release
  const withdraw = `${promote}
for i = 3, #ARGV do call('ZREM', KEYS[2], ARGV[i]) end
if call('GET', KEYS[1]) ~= ARGV[2] then return {1} end
if call('EXISTS', KEYS[2]) == 0 then
  call('DEL', KEYS[1])
  return 0
end
promote(KEYS[1], KEYS[2], nil)
return {-1}
`

  // KEYS lock queue  ARGV token next lease  -> as claim, for next, if the lock is token's
  const transfer = `${calls}
local holder = call('GET', KEYS[1])
if holder and (holder == ARGV[1] or holder == ARGV[2]) then
  call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return {1, clock()}
end
return {0, clock(), call('PTTL', KEYS[1]), holder or '', call('ZCARD', KEYS[2])}
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

  // A look of a process at what it waits for, which keeps its places or brings them back.
  // KEYS lock queue…  ARGV channel, [[token, entry, arrival, stale], …] as JSON
  //   -> {who listens on the channel, millis of the holder's lease | -1 ask, it is free | -2 it is the token's, …}
  const look = `
local call, pcall = redis.call, redis.pcall
local reply = {${single ? "pcall('PUBSUB', 'NUMSUB', ARGV[1])[2] or 1" : "1"}}
for i, waiter in ipairs(cjson.decode(ARGV[2])) do
  local lock, queue = KEYS[2 * i - 1], KEYS[2 * i]
  local holder = pcall('GET', lock)
  if holder == waiter[1] then
    reply[i + 1] = -2
  elseif type(holder) ~= 'string' then
    reply[i + 1] = -1
  else
    -- first, as ZPOPMIN in promote
    local new = call('PEXPIRE', queue, ${queueMillis}) == 0
    if waiter[4] ~= '' then call('ZREM', queue, waiter[4]) end
    call('ZADD', queue, 'NX', waiter[3], waiter[2])
    if new then call('PEXPIRE', queue, ${queueMillis}) end
    local rest = call('PTTL', lock)
    if holder == '' then
      rest = rest - ${standsMillis}
      if rest <= 0 then rest = -1 end
    elseif rest < 0 then
      rest = 1e9
    end
    reply[i + 1] = rest
  end
end
return reply
`

  // Whoever gave a lock to a waiter sees to it that it was claimed: the others look only when a lease of before would end.
  // KEYS lock queue…  ARGV channels  -> 0
  const recall = `${calls}
for i = 1, #KEYS, 2 do
  if call('EXISTS', KEYS[i]) == 0 and call('EXISTS', KEYS[i + 1]) == 1 then rollCall(KEYS[i], KEYS[i + 1]) end
end
return 0
`

  return {
    attempt: { name: "attempt", lua: attempt },
    claim: { name: "claim", lua: claim },
    release: { name: "release", lua: release },
    withdraw: { name: "withdraw", lua: withdraw },
    transfer: { name: "transfer", lua: transfer },
    extend: { name: "extend", lua: extend },
    look: { name: "look", lua: look },
    recall: { name: "recall", lua: recall }
  }
}

export const single: Scripts = make(true)
export const cluster: Scripts = make(false)
