/** Leases: as this process writes them, and how long they last. */
import type { Share } from "../../LockStore.ts"
import * as Host from "./host.ts"
import * as State from "./state.ts"

/** What somebody wants a lease for. */
export interface Wanted {
  readonly token: string
  /** In milliseconds. */
  readonly expires: number
  readonly outlives?: boolean | undefined
  readonly share?: Share | undefined
}

export const of = ({ expires, outlives, share, token }: Wanted, fence: number, since: number): State.State =>
  State.make("h", fence, since, expires, token, outlives === true ? Host.nobody : Host.self, share)

/** The key of this lease when it has been given back. */
export const freed = ({ fence, token }: State.State, at: number): State.State =>
  State.make("f", fence, at, 0, token, Host.self)

export const remainingMillis = ({ expires, since }: State.State, at: number): number => (since - at) / 1000 + expires

/** Who ends first in front. */
export const byEnd = (leases: ReadonlyArray<State.State>, at: number): ReadonlyArray<State.State> =>
  leases.toSorted((one, other) => remainingMillis(one, at) - remainingMillis(other, at))

/** Whether the lease lasts, and its owner is there as far as we can tell and care. */
export type IsThere = (lease: State.State, at: number) => boolean

/** For a store that asks whether processes are gone, or for one that does not. */
export const isThere = (detectDead: boolean): IsThere => (lease, at) =>
  State.isLive(lease, at) && !(detectDead && isGone(lease))

/** Whether the process that wrote it, or that it is for, is no more. */
export const isGone = ({ owner }: State.State): boolean => owner !== Host.self && Host.isGone(owner)
