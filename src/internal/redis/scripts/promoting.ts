/** Letting those in who wait, from the front of the queue. */
import type { Form } from "./form.ts"
import { listens, sharing } from "./sharing.ts"

/** How many who are gone one script passes over. */
const goneAtMost = 64

/**
 * `promote(lock, queue, self)` gives the lock, which is free or ours to give, to the first in the queue, and to more who
 * share it with that; true, or a fencing token, if self is among them.
 *
 * Over the old value: in a cluster a deleted key may be set on another node only. ZREM needs no memory, and lets
 * the rest of the script be executed by a server that has none left.
 */
export const promoting = (form: Form): string => {
  const { claimMillis, single } = form
  return `${sharing(form)}
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
`
}
