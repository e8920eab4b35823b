/** Fencing tokens, which rise from holder to holder, across evictions and restarts. See `MemcacheBackend` for the guarantees. */

/** 2020-01-01, in Unix seconds. */
const epoch = 1_577_836_800

/** How often a lease may be handed over without the server, each time with the next token. */
export const handOverTimes = 8

export const fencingToken = (startedAt: number, cas: number): number =>
  ((startedAt - epoch) * 1_000_000 + cas) * handOverTimes

/** Whether it is a fencing token, with room for those of the hand-overs. */
export const isFencing = (token: number): boolean => token > 0 && Number.isSafeInteger(token + handOverTimes)
