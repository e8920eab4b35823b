/** The item of a lock, as it is read and as it is written. */
import type * as Clock from "effect/Clock"
import type { Extension, Held } from "../../LockStore.ts"
import * as Content from "./content.ts"
import * as Fault from "./fault.ts"
import type { Link } from "./link.ts"
import { exptime, Opcode, type Reply, type Request, Status } from "./wire.ts"

export interface Item {
  /** Undefined if the value is not a lock. */
  readonly content: Content.Content | undefined
  readonly cas: number
}

/** An item that we hold, as our last command left it. */
export interface Own {
  readonly cas: number
  readonly waiters: ReadonlyArray<string>
}

/** The expiry of an item without a holder, in memcached's seconds: 1 to 2, rarely less. */
const vacantSeconds = 2

export const read = (link: Link, key: string, hear: (item: Item | undefined | Fault.Fault) => void): void =>
  link.send({ opcode: Opcode.get, key }, {
    hear: (reply) => hear(reply instanceof Fault.Fault ? reply : itemOf(reply))
  })

const itemOf = (reply: Reply): Item | undefined | Fault.Fault => {
  if (reply.status === Status.notFound) return undefined
  if (reply.status !== Status.ok) return Fault.ofStatus(reply)
  // A CAS of 0 would mean no condition.
  if (reply.cas === 0) return Fault.casMissing
  return { content: Content.decode(reply.value), cas: reply.cas }
}

/** The item of a holder. */
export const write = (
  opcode: Opcode,
  key: string,
  { expiresMillis, token }: Extension,
  clock: Clock.Clock,
  waiters: ReadonlyArray<string>,
  cas?: number
): Request => ({
  opcode,
  key,
  exptime: exptime(expiresMillis),
  value: Content.encode(token, clock.currentTimeMillisUnsafe() + expiresMillis, waiters),
  cas
})

/** Gives up an item: leaves it to its waiters, if there are any. */
export const vacate = (key: string, { cas, waiters }: Own, clock: Clock.Clock): Request =>
  waiters.length === 0
    ? { opcode: Opcode.delete, key, cas }
    : {
      opcode: Opcode.replace,
      key,
      exptime: vacantSeconds,
      value: Content.encode(undefined, clock.currentTimeMillisUnsafe(), waiters),
      cas
    }

/** Who holds it, or is next. */
export const holderIn = ({ time, token, waiters }: Content.Content, clock: Clock.Clock): Omit<Held, "_tag"> => {
  const remaining = token === undefined ? 0 : time - clock.currentTimeMillisUnsafe()
  // The item outlives the lease by up to three seconds, and nobody knows exactly by how much.
  return {
    token: token ?? waiters[0],
    remainingMillis: remaining > 0 ? remaining : undefined,
    waiters: waiters.length
  }
}
