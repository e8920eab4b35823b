/**
 * The protocol, as scripts. Constants are part of the text, because every key
 * and argument of a call costs the server more than the call's own commands.
 *
 * A lock is a string while one has it alone, its token; and a sorted set while it
 * is shared: each sharer's token, scored by the end of its lease in milliseconds
 * of the server's clock. What is scored 0 or less are notes, made of what no token
 * contains, and counts of permits are negative: `+<token>` the permits beyond one
 * that the token has, `+` the sum of these, so that nobody has to go through all;
 * `?<token>` when the first waiter that does not fit came by, in seconds. The key
 * lives as long as the longest lease; who has ended before is swept by the next
 * who comes.
 *
 * A waiter is the entry `<token>,<lease>,<mode>` of the queue, or one with
 * `,<permits>/<limit>` behind that if it shares, scored by its arrival in
 * microseconds. The mode says how it is told, and with that which
 * format it understands: 1 is told on the channel of its process by a message
 * `<token> <micros> <lease> <lock>`, 2 polls. What is no such entry is dropped,
 * so that an older program that meets a newer one's is at worst unfair to it.
 *
 * No limit is stored: a claim is judged by its own. The first in the queue is let
 * in first, and one that does not fit holds up those behind it; so whoever leaves,
 * the queue or the lock, lets in as many from the front as fit.
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
 * grant, which outlives the key, a flush and a restart. Each grant that a script
 * makes to a sharer takes more than the one microsecond by which they differ. Where
 * tokens are to rise from one server to another, whose clock is behind, the last one
 * is kept beside the lock for {@link fenceMillis}, and only a claim gives them out.
 *
 * A sorted set is no string, so a lock that passes from one to sharers is deleted
 * in between. While a cluster moves its slot that may be refused: then it is free,
 * and those who wait find out when they look.
 */
/** How long a lock given to a waiter stays its own until the waiter claims it, in milliseconds. */
export const claimMillis = 700;
/** How long those who wait have time to answer a roll call, in milliseconds. */
export const rollCallMillis = 50;
/** How long the result of a roll call stands, in milliseconds: after that nobody wants the lock any more. */
const standsMillis = 1000;
/** A queue that nobody has looked at for this long is forgotten, in milliseconds. */
const queueMillis = 10_000;
/** How many who are gone one script passes over, and how many it calls at most. */
const goneAtMost = 64;
const calledAtMost = 1000;
/** How many sharers one script lets in; the next who looks lets in the others. */
const grantedAtMost = 1000;
/**
 * How long the first waiter that does not fit may stay away before those behind it pass, in seconds, where the server
 * cannot know who listens. It looks more often than that.
 */
const awaySeconds = 10;
/** Tokens of a lock that holders may give out among themselves. */
export const fencesHandedOver = 512;
/** How far the clocks of two servers may be apart for tokens to rise, in milliseconds: so long the last token is kept. */
const fenceMillis = 60_000;
/** What a claim releases that releases nothing, yet has more to say: no token, and no note. */
export const nobody = "/";
/** The times that a script is made of. */
const times = { claimMillis, rollCallMillis, standsMillis };
/**
 * `single`: every process is connected to the same server, so it knows who still listens.
 * `strict`: a claim's fencing token is greater than the last one of its lock, whatever the server's clock says.
 */
export const make = (single, { claimMillis, rollCallMillis, standsMillis } = times, strict = false) => {
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
local function tell(lock, token, lease, micros)
  return type(pcall('PUBLISH', ARGV[1] .. string.match(token, '^[^.]*'), token .. ' ' .. (micros or clock()) .. ' ' .. lease .. ' ' .. lock)) == 'number'
end
local function rollCall(lock, queue)
  local entries = pcall('ZRANGE', queue, 0, ${calledAtMost - 1})
  call('DEL', queue)
  call('SET', lock, '', 'PX', ${rollCallMillis + standsMillis})
  for _, entry in ipairs(entries) do
    local token = string.match(entry, '^([^,]+),%d+,1,?[%d/]*$')
    if token then tell(lock, token, 0) end
  end
end
`;
    // For scripts that have the key of the fence.
    const fencing = strict
        ? `
local function fence(micros)
  local now = tonumber(clock())
  micros = math.max(tonumber(micros), now, (tonumber(call('GET', KEYS[3])) or 0) + ${fencesHandedOver})
  call('SET', KEYS[3], micros, 'PX', ${fenceMillis} + math.ceil((micros - now) / 1000))
  return micros
end`
        : "";
    const fence = (micros) => strict ? `fence(${micros})` : micros;
    const listens = `pcall('PUBSUB', 'NUMSUB', ARGV[1] .. string.match(token, '^[^.]*'))[2] ~= 0`;
    // What only shared locks need, made when there is one: each function costs a script as much as half a command.
    const sharing = `${calls}
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
`;
    // promote(lock, queue, self): gives the lock, which is free or ours to give, to the first in the queue, and to more who
    // share it with that; true, or a fencing token, if self is among them.
    // Over the old value: in a cluster a deleted key may be set on another node only. ZREM needs no memory, and lets
    // the rest of the script be executed by a server that has none left.
    const promote = `${sharing}
function promote(lock, queue, self)
  for _ = 1, ${goneAtMost} do
    local entry = pcall('ZRANGE', queue, 0, 0)[1]
    if not entry then
      call('DEL', lock)
      return
    end
    local token, lease, mode, share = string.match(entry, '^([^,]+),(%d+),([12])(.*)$')
    if share and share ~= '' then return sharers().admit(lock, queue, self) end
    call('ZREM', queue, entry)
    if token and token == self then
      call('SET', lock, token, 'PX', lease)
      return true
    elseif token${single ? ` and (mode == '2' or ${listens})` : ""} then
      if tonumber(lease) > ${claimMillis} then lease = '${claimMillis}' end
      call('SET', lock, token, 'PX', lease)
      if mode == '2' or tell(lock, token, lease) then return end
    end
  end
  rollCall(lock, queue)
end
`;
    // First attempts, at the locks behind so many keys: `attempted`. An expired lock with a queue is left to those who wait. Its
    // queue is none of the KEYS, so that a cluster can move it at any time; a server that minds lets newcomers pass.
    const attempting = (keys, args) => `
local time = call('TIME')
local micros = time[1] * 1000000 + time[2]
local n, attempted = #KEYS - ${keys}, nil
for i = 1, n do
  local lock, token, lease = KEYS[${keys} + i], ARGV[${args} + i], ARGV[${args} + n + i] or ARGV[${args} + n + 1]
  local other
  if call('SET', lock, token, 'NX', 'PX', lease) then
    if pcall('EXISTS', lock .. ':q') == 1 then
      call('DEL', lock)
      other = {i, 0, ''}
    end
  else
    local holder = call('MGET', lock)[1]
    if not holder and call('TYPE', lock).ok == 'zset' then
      local millis = math.floor(micros / 1000)
      local first = call('ZRANGEBYSCORE', lock, '(' .. millis, 'inf', 'WITHSCORES', 'LIMIT', 0, 1)
      if first[1] or pcall('EXISTS', lock .. ':q') == 1 then
        other = {i, first[1] and first[2] - millis or 0, first[1] or ''}
      else
        call('SET', lock, token, 'PX', lease)
      end
    elseif not holder then
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
    attempted = attempted or {micros}
    attempted[#attempted + 1] = other
  end
end
attempted = attempted or micros
`;
    // Gives back so many locks, those of the first keys: `released`.
    const releasing = (locks, args) => `
local released, wanted = nil, false
for i = 1, ${locks} do
  local lock, queue = KEYS[2 * i - 1], KEYS[2 * i]
  local other
  if pcall('GET', lock) ~= ARGV[${args} + i] then
    other = i
  elseif call('EXISTS', queue) == 0 then
    call('DEL', lock)
  else
    wanted = true
    other = -i
  end
  if other then
    released = released or {}
    released[#released + 1] = other
  end
end
if wanted then
${promote}
  for _, i in ipairs(released) do
    if i < 0 then promote(KEYS[-2 * i - 1], KEYS[-2 * i], nil) end
  end
end
released = released or 0
`;
    const commands = `local call, pcall = redis.call, redis.pcall`;
    // KEYS lock…  ARGV token… lease… or one lease for all  -> micros all ours
    //   | {micros, {i not ours, rest, holder} | {i not a lock}, …}
    const attempt = `${commands}${attempting("0", "0")}return attempted`;
    // KEYS lock queue…  ARGV channels token…  -> 0 all were ours | {i was not, -i was ours and has gone to a waiter, …}
    const release = `${commands}${releasing("#ARGV - 1", "1")}return released`;
    // Both, for all that one process asks for at a time: a command costs more than what it does to a lock.
    // KEYS lock queue… lock…  ARGV channels, how many are given back, token… token… lease… or one lease for all
    //   -> {as release, as attempt}
    const turn = `${commands}
local locks = tonumber(ARGV[2])${releasing("locks", "2")}${attempting("2 * locks", "2 + locks")}return {released, attempted}`;
    // Takes the lock or a place in its queue, after releasing the previous token if there is one. Asking again keeps the
    // place, and an arrival brings it back. The stale entry is the token's own of another mode, or empty. Mode 0 takes no
    // place.
    // KEYS lock queue [fence]  ARGV channels token lease mode arrival stale [previous, or / for none, [permits limit]]
    //   -> {1, micros} ours | {0, micros, rest, holder, waiters}
    const claim = `${promote}${fencing}
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
  return {1, ${fence("clock()")}}
end
local given = holder and (holder == ARGV[7] or holder == '' and call('PTTL', lock) <= ${standsMillis})
local used = 0
if shared then
  given = ARGV[7] and sharers().drop(lock, ARGV[7])
  used = sharers().used(lock)
  if permits and used > 0 and (
    call('ZSCORE', lock, token) or tonumber(permits) <= ARGV[9] - used and call('EXISTS', queue) == 0
  ) then
    return {1, ${fence("sharers().give(lock, token, tonumber(lease), permits, used)")}}
  end
-- as ZREM in promote
elseif given and mode ~= '0' then
  call('PEXPIRE', lock, lease)
end
if used == 0 and (given or not holder) and call('EXISTS', queue) == 0 then
  if permits then
    if holder then call('DEL', lock) end
    return {1, ${fence("sharers().give(lock, token, tonumber(lease), permits, 0)")}}
  end
  call('SET', lock, token, 'PX', lease)
  return {1, ${fence("clock()")}}
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
  if ours then return {1, ${fence("ours == true and clock() or ours")}} end
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
`;
    // For a token that may share, or be in the queue, as one entry or the other.
    // KEYS lock queue  ARGV channels token entry…  -> as release, and {1, -1} was not ours, but others may have been let in
    const withdraw = `
local call, lock, queue, token = redis.call, KEYS[1], KEYS[2], ARGV[2]
for i = 3, #ARGV do call('ZREM', queue, ARGV[i]) end
local holder = call('MGET', lock)[1]
local shared = not holder and call('TYPE', lock).ok == 'zset'
if not shared then
  if holder ~= token then return {1} end
  if call('EXISTS', queue) == 0 then
    call('DEL', lock)
    return 0
  end
end
${promote}
if shared then
  local ours = sharers().drop(lock, token)
  call('ZREM', lock, '?' .. token)
  if call('EXISTS', queue) == 0 then
    if sharers().used(lock) == 0 then call('DEL', lock) end
    return ours and 0 or {1}
  end
  sharers().admit(lock, queue, nil)
  return ours and {-1} or {1, -1}
end
promote(lock, queue, nil)
return {-1}
`;
    // KEYS lock queue [fence]  ARGV token next lease  -> as claim, for next, if the lock is token's
    const transfer = `${calls}${fencing}
local holder = pcall('GET', KEYS[1])
if type(holder) == 'table' then return {0, clock(), call('PTTL', KEYS[1]), '', call('ZCARD', KEYS[2])} end
if holder and (holder == ARGV[1] or holder == ARGV[2]) then
  call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return {1, ${fence("clock()")}}
end
return {0, clock(), call('PTTL', KEYS[1]), holder or '', call('ZCARD', KEYS[2])}
`;
    // Many locks are kept for long, so their tokens come as one argument: each of its own costs the client more. Those that
    // are known to share have a + in front: a server counts commands for another type as errors.
    // KEYS lock…  ARGV [token, …] as JSON, lease… or one lease for all  -> 0 all extended | {i was not ours, …}
    const extend = `
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
`;
    // A look of a process at what it waits for, which keeps its places or brings them back, and lets into shared locks who
    // has come to fit.
    // KEYS lock queue…  ARGV channels, channel, [[token, entry, arrival, stale], …] as JSON
    //   -> {who listens on the channel, millis of the holder's lease | -1 ask, it is free | -2 it is the token's, …}
    const look = `
local call, pcall, made = redis.call, redis.pcall, nil
local function sharers()
  if not made then
${promote}
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
`;
    // Whoever gave a lock to a waiter sees to it that it was claimed: the others look only when a lease of before would end.
    // KEYS lock queue…  ARGV channels  -> 0
    const recall = `
local call = redis.call
for i = 1, #KEYS, 2 do
  local lock, queue = KEYS[i], KEYS[i + 1]
  if call('EXISTS', queue) == 1 and not call('MGET', lock)[1] then
${promote}
    local kind = call('TYPE', lock).ok
    if kind == 'none' or kind == 'zset' and sharers().used(lock) == 0 then
      rollCall(lock, queue)
    elseif kind == 'zset' then
      sharers().admit(lock, queue, nil)
    end
  end
end
return 0
`;
    // Who shares a lock, the first to end in front.
    // KEYS lock queue  -> {waiters, token, permits, rest, …}
    const holders = `
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
`;
    return {
        attempt: { name: "attempt", lua: attempt },
        claim: { name: "claim", lua: claim },
        release: { name: "release", lua: release },
        turn: { name: "turn", lua: turn },
        withdraw: { name: "withdraw", lua: withdraw },
        transfer: { name: "transfer", lua: transfer },
        extend: { name: "extend", lua: extend },
        look: { name: "look", lua: look },
        recall: { name: "recall", lua: recall },
        holders: { name: "holders", lua: holders }
    };
};
const made = new Map();
/** Always the same ones, so that a server and a client know them again. */
export const scriptsFor = (single, strict) => {
    const name = `${single} ${strict}`;
    let scripts = made.get(name);
    if (scripts === undefined)
        made.set(name, scripts = make(single, times, strict));
    return scripts;
};
