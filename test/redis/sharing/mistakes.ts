/** Mistakes that can be put into the scripts, one at a time. */
import { make } from "../../../src/internal/redis/scripts.ts"

export interface Mutant {
  readonly mistake: string
  /** What is in at least one of the scripts, and what stands there instead. */
  readonly from: string
  readonly to: string
}

export const mutants: Readonly<Record<string, Mutant>> = {
  leaving: {
    mistake: "who leaves the queue without having had the lock lets nobody in",
    from: "  sharers().admit(lock, queue, nil)\n  return ours and {-1} or {1, -1}",
    to: "  if ours then sharers().admit(lock, queue, nil) end\n  return ours and {-1} or {1, -1}"
  },
  single: {
    mistake: "one grant a script",
    from: "if micros then used = used + permits end",
    to: "if micros then used = used + permits break end"
  },
  barging: {
    mistake: "a first attempt passes those who wait",
    from: "tonumber(permits) <= ARGV[9] - used and call('EXISTS', queue) == 0",
    to: "tonumber(permits) <= ARGV[9] - used"
  },
  sweeping: {
    mistake: "who has ended is not swept",
    from: "for _, token in ipairs(call('ZRANGEBYSCORE', lock, 1, millis)) do library.drop(lock, token) end",
    to: ""
  },
  surplus: {
    mistake: "permits beyond one are not given back",
    from: "      call('ZINCRBY', lock, -more, '+')\n",
    to: ""
  },
  limit: {
    mistake: "one permit too many",
    from: "if tonumber(permits) <= limit - used then",
    to: "if tonumber(permits) <= limit - used + 1 then"
  },
  notes: {
    mistake: "notes keep the lock alive",
    from: "    if sharers().used(lock) == 0 then call('DEL', lock) end\n    return ours and 0 or {1}",
    to: "    return ours and 0 or {1}"
  },
  gone: {
    mistake: "a first waiter that is gone holds up the others",
    from: "elseif not isAway(lock, token, mode, self) then",
    to: "elseif not isAway(lock, token, mode, self) or true then"
  },
  releasing: {
    mistake: "who shares lets nobody in when it leaves",
    from: "  sharers().admit(lock, queue, nil)\n  return ours and {-1} or {1, -1}",
    to: "  return ours and {-1} or {1, -1}"
  },
  passing: {
    mistake: "those who fit pass one that does not",
    from: "        elseif not isAway(lock, token, mode, self) then\n          break\n        end",
    to: "        end"
  },
  alone: {
    mistake: "one is let in alone beside those who share",
    from: "if token and used == 0 then return promote(lock, queue, self) end",
    to: "if token then return promote(lock, queue, self) end"
  },
  ends: {
    mistake: "the lock ends with the lease that was given last",
    from: "if used == 0 or call('PTTL', lock) < lease + 2 then call('PEXPIRE', lock, lease + 2) end",
    to: "call('PEXPIRE', lock, 1)"
  },
  previous: {
    mistake: "an exchange keeps the place of the previous token",
    from: "given = ARGV[7] and sharers().drop(lock, ARGV[7])",
    to: "given = false"
  }
}

const texts = [true, false].flatMap((single) => Object.values(make(single)).map(({ lua }) => lua))

/** It is in at least one of the scripts, or there is nothing to put the mistake into. */
export const isThere = ({ from }: Mutant): boolean => texts.some((text) => text.includes(from))
