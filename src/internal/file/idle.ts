/**
 * Removes unused keys from the disk: those that this store has released, after a while and when it
 * closes, and once, after the same while, those that other processes left behind.
 *
 * Its timer does not keep the process alive, and only runs while there is something to remove.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fs from "node:fs"
import * as Directory from "./directory.ts"
import { works } from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Host from "./host.ts"
import { keyPrefix, newPrefix } from "./paths.ts"
import * as State from "./state.ts"

export interface Idle {
  /** A released key without waiters, as we left it. */
  readonly put: (path: string, state: State.State) => void
  readonly get: (path: string) => State.State | undefined
  /** The key has changed since. */
  readonly take: (path: string) => void
}

/** The most removals in a turn of the event loop, of about 0.1 ms each. */
const inATurn = 16

/** The most removals on closing; other processes remove the rest. */
const onClosing = 500

/** A timer that does not keep the process alive. */
const rest = (millis: number): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const timer = setTimeout(() => resume(Effect.void), Math.min(millis, 2 ** 31 - 1))
    timer.unref()
    return Effect.sync(() => clearTimeout(timer))
  })

const inTurns = <A>(items: Iterable<A>, f: (item: A) => void): Effect.Effect<void> => {
  let n = 0
  return Effect.forEach(items, (item) => {
    // A key that cannot be removed is handled by the next process that finds it.
    works(() => f(item))
    return ++n % inATurn === 0 ? Effect.yieldNow : Effect.void
  }, { discard: true })
}

/** Keys that other processes left behind. */
const leftIn = (root: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => fs.readdir(root, (error, names) => resume(Effect.succeed(error === null ? names : []))))

/** A temporary directory of this age has no creator any more. */
const abandonedMillis = 60_000

const removeAbandoned = (path: string): void => {
  if (Date.now() - fs.statSync(path).mtimeMs < abandonedMillis) return
  // A creator that was only paused must not put a half-removed directory in place.
  fs.renameSync(path, `${path}-old`)
  fs.rmSync(`${path}-old`, { recursive: true, force: true })
}

/** Removes a key if it has been idle for so long. */
const remove = ({ fences, now }: Ground, path: string, idleMillis: number): void => {
  const seen = Directory.look(path)
  const { queue, state } = seen
  if (state === undefined || queue.length > 0 || State.idleMicros(state, now()) < idleMillis * 1000) return
  fences.remember(state.fence)
  Directory.remove(path, { ...seen, state }, State.make("d", state.fence, now(), 0, state.token, Host.self))
}

export const make = Effect.fnUntraced(function*(
  ground: Ground,
  keepMillis: number
): Effect.fn.Return<Idle, never, Scope.Scope> {
  const { root } = ground
  /** The oldest first. */
  const free = new Map<string, State.State>()

  const fork = yield* Effect.map(
    Effect.all([Effect.context<never>(), Effect.scope]),
    ([context, scope]) => (effect: Effect.Effect<void>) =>
      Effect.runForkWith(context)(Effect.forkIn(effect, scope, { startImmediately: true }))
  )

  const forget = (path: string, idleMillis: number): void => {
    free.delete(path)
    remove(ground, path, idleMillis)
  }

  let isSweeping = false
  /** Keys that were released in one period are removed at the end of the next. */
  const sweep = Effect.gen(function*() {
    while (free.size > 0) {
      const before = new Map(free)
      // Timers may fire a little early.
      yield* rest(keepMillis + 2)
      yield* inTurns(before, ([path, state]) => {
        if (free.get(path) === state) forget(path, keepMillis)
      })
    }
    isSweeping = false
  })

  yield* Effect.addFinalizer(() => inTurns(Array.from(free.keys()).slice(0, onClosing), (path) => forget(path, 0)))
  yield* Effect.forkScoped(Effect.andThen(
    rest(keepMillis),
    Effect.flatMap(leftIn(root), (names) =>
      inTurns(names, (name) => {
        if (name.startsWith(keyPrefix)) remove(ground, `${root}/${name}`, keepMillis)
        else if (name.startsWith(newPrefix)) removeAbandoned(`${root}/${name}`)
      }))
  ))

  return {
    put: (path, state) => {
      free.set(path, state)
      if (isSweeping) return
      isSweeping = true
      fork(sweep)
    },
    get: (path) => free.get(path),
    take: (path) => void free.delete(path)
  }
})
