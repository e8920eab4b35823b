/** Fencing tokens that rise whatever the server's clock says. */
import type { Form } from "./form.ts"

/** Tokens of a lock that holders may give out among themselves. */
export const fencesHandedOver = 512

/** How far the clocks of two servers may be apart for tokens to rise, in milliseconds: so long the last token is kept. */
const fenceMillis = 60_000

/** For scripts that have the key of the fence. */
export const fencing = ({ strict }: Form): string =>
  strict
    ? `
local function fence(micros)
  local now = tonumber(clock())
  micros = math.max(tonumber(micros), now, (tonumber(call('GET', KEYS[3])) or 0) + ${fencesHandedOver})
  call('SET', KEYS[3], micros, 'PX', ${fenceMillis} + math.ceil((micros - now) / 1000))
  return micros
end`
    : ""

/** The token for what is given out at this time. */
export const fence = ({ strict }: Form, micros: string): string => strict ? `fence(${micros})` : micros
