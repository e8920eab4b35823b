/** What a store may answer. Anything else is not understood, and so a failure in doubt. */
import * as Option from "effect/Option"
import type { BackendFailure } from "../../LockError.ts"
import type { Attempt, Grant, Holder, Page } from "../../LockStore.ts"
import { isFailure } from "./failures.ts"

const isObject = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

const isAbsentOrFinite = (u: unknown): boolean => u === undefined || Number.isFinite(u)

const isHeld = (u: Record<string, unknown>): boolean =>
  (u.token === undefined || typeof u.token === "string") && isAbsentOrFinite(u.remainingMillis) &&
  isAbsentOrFinite(u.waiters) && isAbsentOrFinite(u.permits) &&
  (u.watched === undefined || typeof u.watched === "boolean")

export const isAttempt = (u: unknown): u is Attempt => {
  if (!isObject(u)) return false
  return u._tag === "Acquired" ? Number.isSafeInteger(u.fencingToken) : u._tag === "Held" && isHeld(u)
}

export const isBoolean = (u: unknown): u is boolean => typeof u === "boolean"

export const areExtensions = (length: number) => (u: unknown): u is ReadonlyArray<boolean | BackendFailure> =>
  Array.isArray(u) && u.length === length && u.every((one) => isBoolean(one) || isFailure(one))

const isHolder = (u: unknown): u is Holder & Record<string, unknown> =>
  isObject(u) && typeof u.token === "string" && isHeld(u)

export const isInspection = (u: unknown): u is Option.Option<Holder> =>
  Option.isOption(u) && (u._tag === "None" || isHolder(u.value))

export const areHolders = (u: unknown): u is ReadonlyArray<Holder> => Array.isArray(u) && u.every(isHolder)

export const isPage = (u: unknown): u is Page =>
  isObject(u) && Array.isArray(u.locks) && u.locks.every((one) => isHolder(one) && typeof one.key === "string") &&
  (u.next === undefined || typeof u.next === "string")

export const isGrant = (u: unknown): u is Grant =>
  isObject(u) && Number.isSafeInteger(u.fencingToken) && Number.isFinite(u.sinceMillis) &&
  Number.isFinite(u.leaseMillis) && (u as unknown as Grant).leaseMillis > 0
