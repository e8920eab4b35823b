/**
 * The protocol, as scripts, made of the parts in `scripts/`. Constants are part of the text, because every key
 * and argument of a call costs the server more than the call's own commands.
 *
 * A lock is a string while one has it alone, its token; and a sorted set while it
 * is shared: each sharer's token, scored by the end of its lease in milliseconds
 * of the server's clock. What is scored 0 or less are notes, made of what no token
 * contains, and counts of permits are negative: `+<token>` the permits beyond one
 * that the token has, `+` the sum of these, so that nobody has to go through all;
 * `?<token>` when the first waiter that does not fit came by, in seconds. The key
 * lives as long as the longest lease; who has ended before is swept by the next
 * who comes.
 *
 * A waiter is the entry `<token>,<lease>,<mode>` of the queue, or one with
 * `,<permits>/<limit>` behind that if it shares, scored by its arrival in
 * microseconds. The mode says how it is told, and with that which
 * format it understands: 1 is told on the channel of its process by a message
 * `<token> <micros> <lease> <lock>`, 2 polls. What is no such entry is dropped,
 * so that an older program that meets a newer one's is at worst unfair to it.
 *
 * No limit is stored: a claim is judged by its own. The first in the queue is let
 * in first, and one that does not fit holds up those behind it; so whoever leaves,
 * the queue or the lock, lets in as many from the front as fit.
 *
 * Whoever frees a lock gives it to the first waiter in the same script, so a
 * released lock is never free while somebody waits. A waiter that does not come
 * for it within {@link claimMillis} may be gone, and others with it. So when a
 * lock has expired while others wait, whoever comes first holds a roll call: the
 * queue is emptied, all in it are told to ask again (by a lease of 0), and for
 * {@link rollCallMillis} the lock is nobody's (an empty string). A waiter knows
 * its arrival and comes back to its place, so it loses nothing, and those who
 * are gone cost the next one their time together, not each.
 *
 * A fencing token is the server's clock in microseconds at the moment of the
 * grant, which outlives the key, a flush and a restart. Each grant that a script
 * makes to a sharer takes more than the one microsecond by which they differ. Where
 * tokens are to rise from one server to another, whose clock is behind, the last one
 * is kept beside the lock for a minute, and only a claim gives them out.
 *
 * A sorted set is no string, so a lock that passes from one to sharers is deleted
 * in between. While a cluster moves its slot that may be refused: then it is free,
 * and those who wait find out when they look.
 */
import { attempt, turn } from "./scripts/acquiring.ts"
import { claim, nobody, transfer } from "./scripts/claiming.ts"
import { extend } from "./scripts/extending.ts"
import { fencesHandedOver } from "./scripts/fencing.ts"
import { claimMillis, type Form, rollCallMillis, type Script, type Times, times } from "./scripts/form.ts"
import { holders, look, recall } from "./scripts/inspecting.ts"
import { release, withdraw } from "./scripts/releasing.ts"

export { claimMillis, fencesHandedOver, nobody, rollCallMillis, type Script }

export interface Scripts {
  readonly attempt: Script
  readonly claim: Script
  readonly release: Script
  readonly turn: Script
  readonly withdraw: Script
  readonly transfer: Script
  readonly extend: Script
  readonly look: Script
  readonly recall: Script
  readonly holders: Script
}

/** `single` and `strict`: see {@link Form}. */
export const make = (single: boolean, durations: Times = times, strict = false): Scripts => {
  const form: Form = { ...durations, single, strict }
  return {
    attempt: { name: "attempt", lua: attempt(form) },
    claim: { name: "claim", lua: claim(form) },
    release: { name: "release", lua: release(form) },
    turn: { name: "turn", lua: turn(form) },
    withdraw: { name: "withdraw", lua: withdraw(form) },
    transfer: { name: "transfer", lua: transfer(form) },
    extend: { name: "extend", lua: extend },
    look: { name: "look", lua: look(form) },
    recall: { name: "recall", lua: recall(form) },
    holders: { name: "holders", lua: holders }
  }
}

const made = new Map<string, Scripts>()

/** Always the same ones, so that a server and a client know them again. */
export const scriptsFor = (single: boolean, strict: boolean): Scripts => {
  const name = `${single} ${strict}`
  let scripts = made.get(name)
  if (scripts === undefined) made.set(name, scripts = make(single, times, strict))
  return scripts
}
