/** Releasing a lock, or a place in its queue. */
import { commands } from "./calling.ts"
import type { Form } from "./form.ts"
import { promoting } from "./promoting.ts"

/** Releases so many locks, those of the first keys: `released`. */
export const releasing = (form: Form, locks: string, args: string): string => `
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
${promoting(form)}
  for _, i in ipairs(released) do
    if i < 0 then promote(KEYS[-2 * i - 1], KEYS[-2 * i], nil) end
  end
end
released = released or 0
`

/** KEYS lock queue…  ARGV channels token…  -> 0 all were ours | {i was not, -i was ours and was granted to a waiter, …} */
export const release = (form: Form): string => `${commands}${releasing(form, "#ARGV - 1", "1")}return released`

/**
 * For a token that may share, or be in the queue, as one entry or the other.
 * KEYS lock queue  ARGV channels token entry…  -> as release, and {1, -1} was not ours, but others may have been let in
 */
export const withdraw = (form: Form): string => `
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
${promoting(form)}
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
`
