/** Holders of locks, for people and for programs. */
import * as Lock from "effect-lock/Lock"
import type * as LockError from "effect-lock/LockError"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { printable, table } from "./paint.ts"

export interface Holding {
  readonly key: string
  readonly holder: LockError.Holder
}

/** The holder of one key. */
export const ofKey = (key: string) =>
  Effect.map(Lock.holders(key), (holders) => holders.map((holder): Holding => ({ key, holder })))

/** All held keys with this prefix, sorted. A key that the server moves meanwhile may appear twice. */
export const all = (prefix: string) =>
  Effect.map(Stream.runCollect(Lock.list({ prefix })), (listed) => {
    const byHolder = new Map(Array.from(listed, (one): [string, Holding] => [idOf(one), one]))
    return Array.from(byHolder).toSorted(([a], [b]) => a < b ? -1 : 1).map(([, one]) => one)
  })

export const idOf = ({ holder: { token }, key }: Holding): string => `${key}\n${token}`

export const nameOf = ({ owner, token }: LockError.Holder): string => owner ?? `${token.slice(0, 8)}…`

export const toJSON = ({ holder, key }: Holding) => ({ key, ...holder.toJSON() })

/** To a tenth of a second, and with no more than two units. */
const brief = (millis: number): string => {
  const whole = Math.max(0, millis)
  const rounded = whole < 60_000 ? Math.round(whole / 100) * 100 : Math.round(whole / 1000) * 1000
  return rounded < 60_000
    ? `${(rounded / 1000).toFixed(1)}s`
    : Duration.format(Duration.millis(rounded)).split(" ").slice(0, 2).join(" ")
}

const sinceOf = ({ since }: LockError.Holder, now: number): string =>
  since === undefined ? "?" : brief(now - DateTime.toEpochMillis(since))

/** A sentence's end: who holds a lock. */
export const describe = (holder: LockError.Holder, now: number): string => {
  const { permits, remaining, since, waiters } = holder
  const parts = [`${permits === undefined ? "held" : "shared"} by ${nameOf(holder)}`]
  if (permits !== undefined && permits > 1) parts[0] += ` (${permits} permits)`
  if (since !== undefined) parts.push(`since ${DateTime.formatIso(since)} (${sinceOf(holder, now)})`)
  if (remaining !== undefined) {
    parts.push(`its lease ends in ${brief(Duration.toMillis(remaining))} if it is not renewed`)
  }
  if (waiters !== undefined && waiters > 0) parts.push(`${waiters} wait${waiters === 1 ? "s" : ""} for it`)
  return parts.join(", ")
}

/** A holder may have waited before it acquired the lock. */
const header = ["KEY", "HOLDER", "ASKED", "LEASE ENDS IN", "WAITING", "PERMITS"]

/** One line each, under a header. */
export const lines = (holdings: ReadonlyArray<Holding>, now: number): ReadonlyArray<string> => {
  const isShared = holdings.some(({ holder }) => holder.permits !== undefined)
  const rows = holdings.map(({ holder, key }) => [
    printable(key),
    nameOf(holder),
    `${sinceOf(holder, now)} ago`,
    holder.remaining === undefined ? "?" : brief(Duration.toMillis(holder.remaining)),
    holder.waiters === undefined ? "?" : String(holder.waiters),
    holder.permits === undefined ? "alone" : String(holder.permits)
  ])
  return table([header, ...rows].map((row) => isShared ? row : row.slice(0, -1)))
}
