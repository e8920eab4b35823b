/** The answer to a claim that does not get the key. */
import type { Attempt } from "../../LockStore.ts"
import * as Lease from "./lease.ts"
import type { State } from "./state.ts"

/** Spreads the looks of waiters when a lease ends. */
const mostJitterMillis = 10

/** Names the holder whose lease ends first, if there is one. */
export const of = (first: State | undefined, at: number, waiters: number): Attempt => ({
  _tag: "Held",
  token: first?.token,
  remainingMillis: (first === undefined ? 0 : Lease.remainingMillis(first, at)) +
    Math.random() * Math.min(waiters, mostJitterMillis),
  waiters
})
