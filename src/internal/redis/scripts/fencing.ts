/** Fencing tokens that rise whatever the server's clock says. */
import type { Form } from "./form.ts"

/** How many tokens of a lock its holders may use among themselves. */
export const fencesHandedOver = 512

/** How far apart the clocks of two servers may be for tokens to rise, in milliseconds: the last token is kept this long. */
const fenceMillis = 60_000

/** For scripts whose KEYS include that of the last token. */
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

/** The token of a grant at this time. */
export const fence = ({ strict }: Form, micros: string): string => strict ? `fence(${micros})` : micros
