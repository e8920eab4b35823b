/** The store: the protocol of `statements.ts` over a link. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Holder, LockStore } from "../../LockStore.ts"
import { Notices } from "../notices.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import * as Token from "../token.ts"
import * as Edits from "./edits.ts"
import * as Failure from "./failure.ts"
import * as Freed from "./freed.ts"
import * as Giving from "./giving.ts"
import * as Grants from "./grants.ts"
import * as Keeping from "./keeping.ts"
import type { Link } from "./link.ts"
import * as Looking from "./looking.ts"
import * as Server from "./server.ts"
import { fenceRoom } from "./statements/terms.ts"
import * as Sweeping from "./sweeping.ts"
import { rowName, type Table } from "./table.ts"
import * as Taking from "./taking.ts"
import * as Tokens from "./tokens.ts"

/**
 * Those who wait are told, and come by in case that was lost, or the one that
 * was told is gone; a server in trouble is asked sooner.
 */
const retry: Schedule.Schedule<unknown> = Schedule.spaced(Duration.millis(900)).pipe(
  Schedule.modifyDelay(({ attempt, duration, input }) =>
    Effect.succeed(
      input instanceof BackendFailure ? Duration.millis(Math.min(250, 10 * 1.5 ** Math.min(attempt, 16))) : duration
    )
  ),
  Schedule.jittered
)

/** A name that no other store has. */
const channelName = (clock: Clock.Clock): string =>
  Token.make(() => clock.currentTimeMillisUnsafe())().replaceAll(".", "_")

export const make = Effect.fnUntraced(function*(
  link: Link,
  table: Table
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const server = yield* Server.make(link, table, () => giving.settleDebts())
  const tokens = Tokens.make()
  const freed = Freed.make()
  const sweeping = Sweeping.make(server, freed)
  const edits = Edits.make(server)
  const giving = Giving.make(server, tokens, edits, freed, sweeping.later)
  const notices = new Notices()
  yield* Effect.addFinalizer(() => Effect.sync(() => notices.close()))
  const grants = yield* Grants.make(link, `effect_lock:${channelName(yield* Clock.Clock)}`, server, {
    granted: tokens.granted,
    // Its release is usually on its way; but a server that lost its last writes gives to waiters of long ago.
    stray: (token, row) => {
      if (tokens.get(token) === undefined) giving.giveAway(row, token)
    }
  }, notices)
  const { exchange, transfer, tryAcquire } = Taking.make(server, tokens, giving, edits, freed, grants.channelFor)
  const { extendAll } = Keeping.make(server, tokens)
  const { holders, list } = Looking.make(server)

  const release = (key: string, token: string, call: Settling<boolean>): void =>
    giving.giveBack({ row: rowName(key), key, token }, call)

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
    maxExpires: Duration.days(36_500),
    handOver: { times: fenceRoom, within: Duration.millis(10) },
    observe: notices.observe
  }
  return withShortcuts(store, { callbacks: { tryAcquire, release } })
})
