/** Letting in waiters, from the front of the queue. */
import type { Form } from "./form.ts"
import { listens, sharing } from "./sharing.ts"

/** How many waiters that are gone one script skips. */
const goneAtMost = 64

/**
 * `promote(lock, queue, self)` grants the lock, which is free or ours to grant, to the first in the queue, and to more
 * that can share it with that one; returns true, or a fencing token, if self is among them.
 *
 * It overwrites the old value, since in a cluster a deleted key may have to be set on another node. ZREM comes first: it
 * needs no memory, and lets a server that has none left execute the rest of the script.
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
