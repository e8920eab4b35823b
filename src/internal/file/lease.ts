/** Leases: how this process writes them, and whether they are live. */
import type { Share } from "../../LockStore.ts"
import * as Host from "./host.ts"
import * as State from "./state.ts"

/** A lease that is wanted. */
export interface Wanted {
  readonly token: string
  /** In milliseconds. */
  readonly expires: number
  readonly outlives?: boolean | undefined
  readonly share?: Share | undefined
}

export const of = ({ expires, outlives, share, token }: Wanted, fence: number, since: number): State.State =>
  State.make("h", fence, since, expires, token, outlives === true ? Host.nobody : Host.self, share)

/** The state of the key after the release of this lease. */
export const freed = ({ fence, token }: State.State, at: number): State.State =>
  State.make("f", fence, at, 0, token, Host.self)

export const remainingMillis = ({ expires, since }: State.State, at: number): number => (since - at) / 1000 + expires

/** The first to end comes first. */
export const byEnd = (leases: ReadonlyArray<State.State>, at: number): ReadonlyArray<State.State> =>
  leases.toSorted((one, other) => remainingMillis(one, at) - remainingMillis(other, at))

/** Whether the lease is live and, if the store cares, its owner is not known to be gone. */
export type IsThere = (lease: State.State, at: number) => boolean

/** For a store that detects dead processes, or for one that does not. */
export const isThere = (detectDead: boolean): IsThere => (lease, at) =>
  State.isLive(lease, at) && !(detectDead && isGone(lease))

/** Whether the process of its owner is gone. */
export const isGone = ({ owner }: State.State): boolean => owner !== Host.self && Host.isGone(owner)
