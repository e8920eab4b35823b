/**
 * Keys that nobody uses leave the disk: those that this store has given back
 * after a while, and when it closes; those that others left behind (they died,
 * or were short-lived) once, after the same while.
 *
 * No timer of it keeps the process from ending, and when there is nothing to
 * remove there is none.
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
  /** A key that we have given back to nobody, as we left it. */
  readonly put: (path: string, state: State.State) => void
  readonly get: (path: string) => State.State | undefined
  /** The key is not as we left it. */
  readonly take: (path: string) => void
}

/** So many removals in a turn of the event loop, of about 0.1 ms each. */
const inATurn = 16

/** So many on closing; the others are left to whoever comes. */
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
    // A key that cannot be removed is looked at by the next who comes.
    works(() => f(item))
    return ++n % inATurn === 0 ? Effect.yieldNow : Effect.void
  }, { discard: true })
}

/** What others left behind. */
const leftIn = (root: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.callback((resume) => fs.readdir(root, (error, names) => resume(Effect.succeed(error === null ? names : []))))

/** A directory that was being made and is as old as this has no maker any more. */
const abandonedMillis = 60_000

const removeAbandoned = (path: string): void => {
  if (Date.now() - fs.statSync(path).mtimeMs < abandonedMillis) return
  // A maker that only stood still must not put in place what is half removed.
  fs.renameSync(path, `${path}-old`)
  fs.rmSync(`${path}-old`, { recursive: true, force: true })
}

/** Removes a key that has been idle for so long, and nothing else. */
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
  /** The longest ago first. */
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
  /** What was given back in one period goes at the end of the next. */
  const sweep = Effect.gen(function*() {
    while (free.size > 0) {
      const before = new Map(free)
      // A timer may be a little early.
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
