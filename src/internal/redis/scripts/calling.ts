/** What most scripts begin with: the server's clock, how to notify a waiter, and the roll call. */
import type { Form } from "./form.ts"

/** The most waiters that a roll call calls. */
const calledAtMost = 1000

export const commands = `local call, pcall = redis.call, redis.pcall`

export const calling = ({ rollCallMillis, standsMillis }: Form): string => `
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
`
