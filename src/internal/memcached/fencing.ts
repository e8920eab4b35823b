/** Numbers that grow from holder to holder, over evictions and restarts. See `MemcacheBackend` for what is promised. */

/** 2020-01-01, in Unix seconds. */
const epoch = 1_577_836_800

/** How often a lease may change hands without the server, each time with the next number. */
export const handOverTimes = 8

export const fencingToken = (startedAt: number, cas: number): number =>
  ((startedAt - epoch) * 1_000_000 + cas) * handOverTimes

/** Whether it is one, and so are those that are left for hand-overs. */
export const isFencing = (token: number): boolean => token > 0 && Number.isSafeInteger(token + handOverTimes)
