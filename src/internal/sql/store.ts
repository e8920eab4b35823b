/** The store: the protocol of `statements.ts` over a link. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { Holder, LockStore } from "../../LockStore.ts"
import { Notices } from "../notices.ts"
import { soonerAfterFailure } from "../retry.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import { longestLease } from "../time.ts"
import * as Token from "../token.ts"
import * as Acquiring from "./acquiring.ts"
import * as Edits from "./edits.ts"
import * as Failure from "./failure.ts"
import * as Freed from "./freed.ts"
import * as Grants from "./grants.ts"
import * as Inspecting from "./inspecting.ts"
import type { Link } from "./link.ts"
import * as Releasing from "./releasing.ts"
import * as Renewing from "./renewing.ts"
import * as Server from "./server.ts"
import { fenceRoom } from "./statements/terms.ts"
import * as Sweeping from "./sweeping.ts"
import { rowName, type Table } from "./table.ts"
import * as Tokens from "./tokens.ts"

/** Waiters are told, and ask by themselves in case the message was lost, or the waiter that was told is gone. */
const retry = Schedule.spaced("900 millis").pipe(Schedule.jittered, soonerAfterFailure)

/** A name that no other store has. */
const channelName = (clock: Clock.Clock): string =>
  Token.make(() => clock.currentTimeMillisUnsafe())().replaceAll(".", "_")

export const make = Effect.fnUntraced(function*(
  link: Link,
  table: Table
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const server = yield* Server.make(link, table, () => releasing.settleDebts())
  const tokens = Tokens.make()
  const freed = Freed.make()
  const sweeping = Sweeping.make(server, freed)
  const edits = Edits.make(server)
  const releasing = Releasing.make(server, tokens, edits, freed, sweeping.later)
  const notices = new Notices()
  yield* Effect.addFinalizer(() => Effect.sync(() => notices.close()))
  const grants = yield* Grants.make(link, `effect_lock:${channelName(yield* Clock.Clock)}`, server, {
    granted: tokens.granted,
    // Its release is usually on its way; but a server that lost its last writes gives to waiters of long ago.
    stray: (token, row) => {
      if (tokens.get(token) === undefined) releasing.releaseStray(row, token)
    }
  }, notices)
  const { exchange, transfer, tryAcquire } = Acquiring.make(server, tokens, releasing, edits, freed, grants.channelFor)
  const { extendAll } = Renewing.make(server, tokens)
  const { holders, list } = Inspecting.make(server)

  const release = (key: string, token: string, call: Settling<boolean>): void =>
    releasing.release({ row: rowName(key), key, token }, call)

  const store: LockStore = {
    name: Failure.backend,
    tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
    extend: (holding) =>
      Effect.flatMap(
        extendAll([holding]),
        ([extended]) => typeof extended === "boolean" ? Effect.succeed(extended) : Effect.fail(extended)
      ),
    extendAll,
    release: (key, token) => Effect.callback((resume) => release(key, token, { settle: resume })),
    inspect: (key) => Effect.map(holders(key), ([first]) => Option.fromUndefinedOr<Holder | undefined>(first)),
    shares: true,
    holders,
    list,
    listen: (_key, token, notify) => grants.listen(token, notify),
    watch: link.listen && ((key, notify) => grants.watch(rowName(key), notify)),
    exchange: (token, claim) =>
      claim.wait
        ? Effect.callback((resume) => exchange(token, claim, { settle: resume }))
        : Effect.andThen(store.release(claim.key, token), store.tryAcquire(claim)),
    transfer: (from, claim) => Effect.callback((resume) => transfer(from, claim, { settle: resume })),
    forget: (_key, token) => tokens.forget(token),
    retry,
    maxExpires: longestLease,
    handOver: { times: fenceRoom, within: Duration.millis(10) },
    observe: notices.observe
  }
  return withShortcuts(store, { callbacks: { tryAcquire, release } })
})
