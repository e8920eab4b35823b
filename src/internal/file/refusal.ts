/** What one is told who does not get the key. */
import type { Attempt } from "../../LockStore.ts"
import * as Lease from "./lease.ts"
import type { State } from "./state.ts"

/** Many who look when a lease ends do not come all at once. */
const mostJitterMillis = 10

/** By the one whose lease ends first, if somebody has one. */
export const of = (first: State | undefined, at: number, waiters: number): Attempt => ({
  _tag: "Held",
  token: first?.token,
  remainingMillis: (first === undefined ? 0 : Lease.remainingMillis(first, at)) +
    Math.random() * Math.min(waiters, mostJitterMillis),
  waiters
})
