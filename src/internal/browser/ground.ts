/** What all parts of a store share: the records of keys as this tab sees them. */
import * as Effect from "effect/Effect"
import type { BackendFailure } from "../../LockError.ts"
import type { Ages } from "./age.ts"
import * as Changes from "./changes.ts"
import type { Channel } from "./channel.ts"
import * as Failure from "./failure.ts"
import type { Presence } from "./presence.ts"
import * as Record from "./record.ts"
import type { Table } from "./table.ts"
import type { Tabs } from "./tabs.ts"

/** Browsers round their clocks, up to this much to prevent fingerprinting. */
const roundingMillis = 100

export interface Ground {
  readonly viewOf: (key: string) => Changes.View
  /** Changes the record of a key, and notifies those to whom that matters. */
  readonly update: <A>(
    operation: string,
    key: string,
    change: (record: Record.Record, view: Changes.View, tab: string, nextToken: () => number) => Changes.Change<A>
  ) => Effect.Effect<A, BackendFailure>
  /** Finds out which of these tabs are gone, and returns whether any is. */
  readonly areGone: (
    operation: string,
    key: string,
    tabs: ReadonlyArray<string>
  ) => Effect.Effect<boolean, BackendFailure>
}

export const make = (parts: {
  readonly ages: Ages
  readonly channel: Channel
  readonly presence: Presence
  readonly table: Table
  readonly tabs: Tabs
}): Ground => {
  const { ages, channel, presence, table, tabs } = parts

  const viewOf = (key: string): Changes.View => ({
    stamp: ages.stamp(),
    remaining: (holder) => holder.lease + roundingMillis - ages.of(key, holder.token, holder, holder.lease),
    absence: (absent) => ages.of(key, absent.token, absent, Changes.absentMillis),
    isDead: (tab) => tabs.isGone(tab)
  })

  /**
   * While the page is away nothing is asked for: an answer would wake it, and end it. What it does
   * under a name that it no longer has is unknown to the others.
   */
  const update: Ground["update"] = (operation, key, change) =>
    Effect.flatMap(presence.here, (tab) =>
      Effect.flatMap(
        table.update(operation, key, (record, nextToken) => {
          const { next, ...told } = change(record, viewOf(key), tab, nextToken)
          const { holders, queue } = next ?? record
          ages.keep(key, new Set([...holders, ...queue].map(({ token }) => token)))
          return { answer: told, next }
        }),
        ({ answer, missed, offered = [] }) => {
          for (const to of offered) channel.say(key, to)
          if (missed !== undefined) channel.say(key, missed)
          if (presence.tab() === tab) return Effect.succeed(answer)
          return Failure.unknown(operation, key, { description: "the page was put away meanwhile" })
        }
      ))

  const areGone: Ground["areGone"] = (operation, key, those) => {
    const others = those.filter((tab) => tab !== presence.tab() && tab !== Record.nobody)
    if (others.length === 0) return Effect.succeed(false)
    return Effect.tryPromise({
      try: () => tabs.find(others),
      catch: (cause) => Failure.unknown(operation, key, { cause })
    })
  }

  return { viewOf, update, areGone }
}
