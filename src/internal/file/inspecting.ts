/** Inspecting and listing keys. */
import type { Holder, Page } from "../../LockStore.ts"
import * as Directory from "./directory.ts"
import * as Failure from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Lease from "./lease.ts"
import * as Paths from "./paths.ts"

/** The number of directories in one page of a list. */
const pageSize = 500

export interface Inspecting {
  /** All holders of the key, in the order in which their leases end. */
  readonly holders: (key: string) => ReadonlyArray<Holder>
  /** Sorted by name, so that a page starts where the one before ended. */
  readonly list: (prefix: string, from: string | undefined) => Page
}

export const make = ({ isThere, now, root }: Ground): Inspecting => {
  const holders: Inspecting["holders"] = (key) => {
    const { queue, sharers, state } = Directory.look(Paths.pathOf(root, key))
    const at = now()
    if (state === undefined) return []
    const there = (state.tag === "s" ? sharers : [state]).filter((lease) => isThere(lease, at))
    return Lease.byEnd(there, at).map((lease) => ({
      token: lease.token,
      remainingMillis: Lease.remainingMillis(lease, at),
      waiters: queue.length,
      ...(lease.share !== undefined && { permits: lease.share.permits })
    }))
  }

  /** Something that is not a lock has no holder. */
  const holderOfOurs = (key: string): Holder | undefined => {
    try {
      return holders(key)[0]
    } catch (error) {
      if (error instanceof Failure.Foreign || Failure.codeOf(error) === "ENOTDIR") return undefined
      throw error
    }
  }

  return {
    holders,
    list: (prefix, from) => {
      const names = Directory.names(root).toSorted()
      const left = names.filter((name) => (from === undefined || name > from) && Paths.keyOf(name)?.startsWith(prefix))
      const page = left.slice(0, pageSize)
      const locks = page.flatMap((name) => {
        const key = Paths.keyOf(name)!
        const holder = holderOfOurs(key)
        return holder === undefined ? [] : [{ key, ...holder }]
      })
      return left.length > pageSize ? { locks, next: page[pageSize - 1] } : { locks }
    }
  }
}
