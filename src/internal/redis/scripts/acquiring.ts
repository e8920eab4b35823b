/** First attempts at many locks, alone and together with releases. */
import { commands } from "./calling.ts"
import type { Form } from "./form.ts"
import { releasing } from "./releasing.ts"

/**
 * First attempts, at the locks behind so many keys: `attempted`. An expired lock with a queue is left to its waiters. The
 * queue is not one of the KEYS, so that a cluster can move it at any time; a server that minds lets newcomers pass.
 */
const attempting = ({ standsMillis }: Form, keys: string, args: string): string => `
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
`

/**
 * KEYS lock…  ARGV token… lease… or one lease for all  -> micros all ours
 *   | {micros, {i not ours, rest, holder} | {i not a lock}, …}
 */
export const attempt = (form: Form): string => `${commands}${attempting(form, "0", "0")}return attempted`

/**
 * Releases and attempts, for all that one process asks for at a time: a command costs more than what it does to a lock.
 * KEYS lock queue… lock…  ARGV channels, how many are released, token… token… lease… or one lease for all
 *   -> {as release, as attempt}
 */
export const turn = (form: Form): string => {
  const taken = attempting(form, "2 * locks", "2 + locks")
  return `${commands}
local locks = tonumber(ARGV[2])${releasing(form, "locks", "2")}${taken}return {released, attempted}`
}
