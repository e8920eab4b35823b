/**
 * The protocol, as scripts, made of the parts in `scripts/`. Constants are part of the text, because every key
 * and argument of a call costs the server more than the call's own commands.
 *
 * An exclusive lock is a string, the holder's token. A shared one is a sorted set: each sharer's
 * token, scored by the end of its lease in milliseconds of the server's clock. Members with a score
 * of 0 or less are notes, whose names no token can have, and counts of permits are negative:
 * `+<token>` is how many permits the token has beyond one, `+` the sum of these, so that nobody has
 * to add them up; `?<token>` is when the first waiter that does not fit last came by, in seconds.
 * The key lives as long as the longest lease; sharers whose leases ended earlier are removed by the
 * next claim.
 *
 * A waiter is an entry of the queue, `<token>,<lease>,<mode>`, followed by `,<permits>/<limit>` if
 * it wants to share, scored by its arrival in microseconds. The mode says how it is notified, and so
 * which format it understands: 1 by a message `<token> <micros> <lease> <lock>` on the channel of
 * its process, 2 not at all, since it polls. Any other entry is dropped, so an older program that
 * meets a newer one's entry is at worst unfair to it.
 *
 * No limit is stored: a claim is judged by its own. The first in the queue is let in first, and one
 * that does not fit holds up those behind it. So whoever leaves the queue or the lock lets in as
 * many from the front as fit.
 *
 * Whoever frees a lock grants it to the first waiter in the same script, so a released lock is never
 * free while somebody waits. A waiter that does not claim it within {@link claimMillis} may be gone,
 * and others with it. So when a lock has expired while others wait, whoever comes first holds a roll
 * call: the queue is emptied, everybody in it is told to ask again (by a lease of 0), and for
 * {@link rollCallMillis} the lock is nobody's (an empty string). A waiter knows when it arrived and
 * gets its place back, so it loses nothing; and all who are gone together cost the next one this
 * time once.
 *
 * A fencing token is the server's clock in microseconds at the moment of the grant, so it survives
 * the key, a flush and a restart. A script takes more than a microsecond for each grant to a sharer,
 * so these differ, too. Where tokens must rise from one server to another whose clock is behind, the
 * last one is kept beside the lock for a minute, and only a claim hands them out.
 *
 * A sorted set cannot replace a string, so a lock that passes from an exclusive holder to sharers is
 * deleted in between. While a cluster moves its slot the rest may be refused: the lock is then free,
 * and the waiters find out when they look.
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

/** Made once, since clients and servers cache them by their text. */
export const scriptsFor = (single: boolean, strict: boolean): Scripts => {
  const name = `${single} ${strict}`
  let scripts = made.get(name)
  if (scripts === undefined) made.set(name, scripts = make(single, times, strict))
  return scripts
}
