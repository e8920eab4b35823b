/** A backend from a store: its engine, what it serves, and its end. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { LockBackend } from "../LockBackend.ts"
import type { LockStore } from "../LockStore.ts"
import * as Alarms from "./alarms.ts"
import * as Calls from "./calls.ts"
import type { Engine } from "./engine.ts"
import { give } from "./giving.ts"
import { toHolder } from "./holder.ts"
import * as Keeper from "./keeper.ts"
import { lose, renew } from "./keeping.ts"
import * as KeyMap from "./keyMap.ts"
import { Line } from "./line.ts"
import * as Meter from "./meter.ts"
import { shortcutsOf } from "./shortcuts.ts"
import { take } from "./taking.ts"
import { nextTurn } from "./time.ts"
import * as Token from "./token.ts"

type Backend = LockBackend["Service"]

export const makeEngine = (store: LockStore, context: Context.Context<never>): Engine => {
  const clock = Context.get(context, Clock.Clock)
  const fork = Effect.runForkWith(context)
  const soon = nextTurn(context)
  const alarms = Alarms.make(clock, fork, soon)
  const shortcuts = shortcutsOf(store)
  const drift = shortcuts.direct !== undefined ? 0 : store.drift ?? 0.01
  const engine: Engine = {
    store,
    shortcuts,
    clock,
    fork,
    soon,
    lines: KeyMap.make((key) => new Line(key), soon),
    alarms,
    keeper: Keeper.make(
      alarms,
      (due, sentAt) => renew(engine, due, sentAt),
      (tenure) => lose(engine, tenure, "Expired")
    ),
    meter: Meter.make(store.name, context),
    nextToken: Token.make(() => clock.currentTimeMillisUnsafe()),
    patience: Duration.toMillis(store.patience ?? Duration.seconds(1)),
    drift,
    // Less than this and the margins would eat the lease.
    minExpires: drift === 0 ? 1 : 10,
    maxExpires: Duration.toMillis(store.maxExpires ?? Duration.infinity),
    out: new Set(),
    debts: new Set(),
    closed: false
  }
  return engine
}

/** Fails the waiters, tells the holders, gives everything back, as long as the store's patience. */
export const close = Effect.fnUntraced(function*(engine: Engine) {
  if (engine.closed) return
  engine.closed = true
  const lines = engine.lines.values()
  const held = lines.flatMap(({ tenure }) => tenure ?? [])
  const asking = lines.flatMap(({ contender }) => contender ?? [])
  for (const line of lines) {
    for (let waiter = line.head; waiter !== undefined; waiter = line.head) {
      give(engine, line, waiter, { _tag: "Closed" })
    }
  }
  for (const tenure of held) lose(engine, tenure, "Closed")
  for (const contender of asking) contender.notify(undefined)
  yield* Calls.close(engine, [...held, ...asking])
  engine.alarms.stop()
})

export const serve = (engine: Engine): Backend => {
  const { lines, store } = engine
  const inspect: Backend["inspect"] = (key) =>
    Effect.mapError(
      Effect.map(Calls.bounded(engine, "inspect", key, () => store.inspect(key)), Option.map(toHolder)),
      Calls.toLockError
    )
  return {
    name: store.name,
    take: (request, restore) => take(engine, request, restore),
    inspect,
    forceRelease: (key) =>
      Effect.flatMap(inspect(key), (holder) => {
        if (Option.isNone(holder)) return Effect.succeed(false)
        const { token } = holder.value
        return Effect.mapBoth(Calls.release(engine, key, token), {
          onFailure: Calls.toLockError,
          onSuccess: (released) => {
            // A holder in this process is told at once.
            const tenure = lines.get(key)?.tenure
            if (tenure?.token === token) lose(engine, tenure, "Taken")
            return released
          }
        })
      })
  }
}

/** The backend of a store, which closes with the scope. */
export const make = (store: LockStore): Effect.Effect<Backend, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(Effect.map(Effect.context<never>(), (context) => makeEngine(store, context)), close),
    serve
  )
