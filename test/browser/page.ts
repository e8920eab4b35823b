/**
 * What the tests do inside of a tab or a worker. Each has one backend, as a
 * program would, and answers in plain values.
 */
import { Duration, Effect, Exit, Fiber, Option, Schema, Scope, Stream } from "effect"
import { Lock, LockBackend, type LockConfig, LockError } from "effect-lock"
import * as BrowserBackend from "effect-lock/BrowserBackend"
import { conformance } from "effect-lock/testing"
import { untilTold } from "../support/told.ts"
import { uses } from "../support/uses.ts"

export interface Section {
  readonly from: number
  readonly to: number
  readonly fence: number
}

/** How to hold a key: alone, as a reader, or with so many permits. */
export interface Held {
  readonly poll?: boolean
  readonly share?: "read" | { readonly limit: number; readonly permits?: number }
}

export interface Trouble {
  readonly reason: string
  readonly message: string
}

const scope = Scope.makeUnsafe()
let backend: Promise<LockBackend.LockBackend["Service"]> | undefined

/** How many are at it, which are never none again once the tab has closed its backend. */
let busy = 0

const use = async <A, E>(effect: Effect.Effect<A, E, LockBackend.LockBackend>): Promise<A> => {
  backend ??= Effect.runPromise(Scope.provide(Effect.flatMap(BrowserBackend.makeStore(), LockBackend.make), scope))
  busy++
  try {
    return await Effect.runPromise(Effect.provideService(effect, LockBackend.LockBackend, await backend))
  } finally {
    busy--
  }
}

/** One clock for all tabs of a browser. That of `performance` begins with the tab, and runs apart from those of others. */
const now = () => Date.now()

const trouble = (error: unknown): Trouble =>
  LockError.isLockError(error)
    ? { reason: error.reason._tag === "BackendFailure" ? error.reason.kind : error.reason._tag, message: error.message }
    : { reason: "Other", message: String(error) }

const told: Array<string> = []

/** How to end what holds a key. */
const ends = new Map<string, () => void>()

const actions = {
  /** Holds a key for some time, or until `end`. `told` has it from when it is held. Who does not `poll` waits to be told. */
  hold: (
    key: string,
    millis: number,
    { poll = true, share, ...options }: LockConfig.SectionOptions & Held = {}
  ): Promise<Section | Trouble> => {
    const work = (lease: Lock.Lease) =>
      Effect.gen(function*() {
        const from = now()
        told.push(key)
        const end = Effect.callback<void>((resume) => void ends.set(key, () => resume(Effect.void)))
        yield* millis === Infinity ? end : Effect.sleep(millis)
        return { from, to: now(), fence: lease.fencingToken }
      })
    const all = poll ? options : { ...options, retry: untilTold }
    if (share === undefined) return use(Lock.withLock(work, key, all)).catch(trouble)
    return use(
      share === "read" ? Lock.withSharedLock(work, key, all) : Lock.withPermits(work, key, { ...all, ...share })
    ).catch(trouble)
  },

  /** Ends what holds the key in this tab until it is told to. */
  end: (key: string): void => ends.get(key)?.(),

  /** Takes the key again and again. */
  turns: async (key: string, times: number, millis: number): Promise<ReadonlyArray<Section | Trouble>> => {
    const sections: Array<Section | Trouble> = []
    for (let i = 0; i < times; i++) sections.push(await actions.hold(key, millis, { timeout: "60 seconds" }))
    return sections
  },

  /** Takes the key for ever, and says so on the console. */
  storm: (key: string): Promise<never> =>
    use(Effect.forever(Lock.withLock(
      (lease) =>
        Effect.gen(function*() {
          const say = (event: "in" | "out") =>
            Effect.sync(() => console.log(JSON.stringify({ event, at: now(), fence: lease.fencingToken })))
          yield* say("in")
          // Time for the browser to open and to end tabs, too.
          yield* Effect.sleep("20 millis")
          yield* say("out")
        }),
      key,
      { expires: "1 minute", timeout: "Infinity" }
    ))),

  told: async (): Promise<ReadonlyArray<string>> => told,

  inspect: (key: string) =>
    use(Effect.map(
      Lock.inspect(key),
      Option.match({
        onNone: () => undefined,
        onSome: ({ remaining, since, waiters }) => ({
          waiters,
          since: since !== undefined,
          remaining: remaining === undefined ? undefined : Duration.toMillis(remaining)
        })
      })
    )),

  /** The permits of each who has the key. */
  holders: (key: string): Promise<ReadonlyArray<number | "alone">> =>
    use(Effect.map(Lock.holders(key), (all) => all.map(({ permits }) => permits ?? "alone"))),

  force: (key: string) => use(Lock.forceRelease(key)),

  /** Takes a key and leaves it to whoever has the ticket. */
  leave: (key: string): Promise<typeof Lock.Ticket.Encoded> =>
    use(
      Lock.acquire(key, { expires: "1 second" }).pipe(
        Effect.flatMap((lease) => Lock.detach(lease, { for: "1 hour" })),
        Effect.map(Schema.encodeSync(Lock.Ticket)),
        Effect.scoped
      )
    ),

  /** Takes it on, and gives it back. */
  adopt: (ticket: typeof Lock.Ticket.Encoded): Promise<{ readonly fence: number } | Trouble> =>
    use(
      Effect.scoped(
        Effect.map(
          Lock.adopt(Schema.decodeSync(Lock.Ticket)(ticket)),
          ({ fencingToken }) => ({ fence: fencingToken })
        )
      )
    ).catch(trouble),

  listed: (prefix: string): Promise<ReadonlyArray<string>> =>
    use(Effect.map(Stream.runCollect(Lock.list({ prefix })), (all) => all.map(({ key }) => key))),

  /** Does not come back for so long, nor does anything else in this tab, and takes no processor from the others meanwhile. */
  hang: async (millis: number): Promise<void> => {
    const request = new XMLHttpRequest()
    request.open("GET", `/hang?millis=${millis}`, false)
    request.send()
  },

  close: () => {
    busy++
    return Effect.runPromise(Scope.close(scope, Exit.void))
  },

  /** Whether another test can have the tab. */
  isQuiet: async (): Promise<boolean> => busy === 0,

  /** Stores so much beside the locks that nothing more can be. */
  fill: async (): Promise<void> => {
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open("filler")
      request.addEventListener("upgradeneeded", () => request.result.createObjectStore("all", { autoIncrement: true }))
      request.addEventListener("success", () => resolve(request.result))
      request.addEventListener("error", () => reject(request.error!))
    })
    const isPut = (bytes: number) =>
      new Promise<boolean>((resolve) => {
        const tx = database.transaction("all", "readwrite")
        // Which nobody can compress.
        const noise = new Uint8Array(bytes)
        for (let i = 0; i < bytes; i += 65_536) crypto.getRandomValues(noise.subarray(i, i + 65_536))
        tx.objectStore("all").put(noise)
        tx.addEventListener("complete", () => resolve(true))
        tx.addEventListener("abort", () => resolve(false))
      })
    for (let bytes = 2 ** 18; bytes >= 1; bytes /= 4) while (await isPut(bytes)) { /* There is room for more. */ }
    database.close()
  },

  /** Stops waiting while its claim is out, and gives that up once it is answered. */
  giveUp: (key: string): Promise<void> =>
    Effect.gen(function*() {
      const store = yield* BrowserBackend.makeStore()
      const listening = yield* Scope.make()
      yield* Scope.provide(store.listen!(key, "mine", () => {}), listening)
      const asking = yield* Effect.forkChild(
        store.tryAcquire({ key, token: "mine", expiresMillis: 60_000, wait: true }),
        { startImmediately: true }
      )
      yield* Scope.close(listening, Exit.void)
      yield* Fiber.join(asking)
      yield* store.release(key, "mine")
    }).pipe(Effect.scoped, Effect.runPromise),

  /** Stops waiting when it is offered the key, before it has accepted that; whether it is told nevertheless. */
  leaveAtOffer: (key: string): Promise<boolean> =>
    Effect.gen(function*() {
      const [holder, waiter] = [yield* BrowserBackend.makeStore(), yield* BrowserBackend.makeStore()]
      const listening = yield* Scope.make()
      let told = false
      yield* Scope.provide(waiter.listen!(key, "waiting", () => told = true), listening)
      yield* holder.tryAcquire({ key, token: "holding", expiresMillis: 60_000, wait: false })
      yield* waiter.tryAcquire({ key, token: "waiting", expiresMillis: 60_000, wait: true })
      // It hears of the offer after the waiter.
      const offered = new Promise((resolve) => {
        const channel = new BroadcastChannel("effect-lock")
        channel.addEventListener("message", ({ data }) => {
          if (data.key === key) resolve(channel.close())
        })
      })
      yield* holder.release(key, "holding")
      yield* Effect.promise(() => offered)
      yield* Scope.close(listening, Exit.void)
      yield* waiter.release(key, "waiting")
      return told
    }).pipe(Effect.scoped, Effect.runPromise),

  /** All records that there are, and the names of the Web Locks. */
  left: async () => {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const request = indexedDB.open("effect-lock")
      request.addEventListener("success", () => resolve(request.result))
    })
    const keys = await new Promise<ReadonlyArray<IDBValidKey>>((resolve) => {
      const request = database.transaction("locks").objectStore("locks").getAllKeys()
      request.addEventListener("success", () => resolve(request.result))
    })
    database.close()
    const { held = [], pending = [] } = await navigator.locks.query()
    return { keys: keys.map(String), held: held.map(({ name }) => name ?? ""), pending: pending.length }
  },

  build: (options?: BrowserBackend.Options): Promise<Trouble | "built"> =>
    Effect.runPromise(Effect.scoped(Effect.as(BrowserBackend.makeStore(options), "built" as const))).catch(trouble),

  /** What fails of what programs do with locks, with what it says. */
  uses: async (): Promise<Record<string, string>> => {
    const make = Effect.flatMap(BrowserBackend.makeStore({ name: "uses" }), LockBackend.make)
    const failures: Record<string, string> = {}
    await Promise.all(
      uses(Effect.all({ one: make, other: make })).map(({ name, run }) =>
        Effect.runPromise(Effect.scoped(run)).catch((error: unknown) => {
          failures[name] = String(error)
        })
      )
    )
    return failures
  },

  /** The names of the cases that fail, of all or of these, with what they say. */
  conform: async (names?: ReadonlyArray<string>): Promise<Record<string, string>> => {
    const cases = conformance.conformance({
      name: "browser",
      grain: "250 millis",
      make: Effect.all({
        one: BrowserBackend.makeStore({ name: "conformance" }),
        other: BrowserBackend.makeStore({ name: "conformance" })
      })
    })
    const failures: Record<string, string> = {}
    const run = ({ name, run }: conformance.ConformanceCase) =>
      Effect.runPromise(Effect.scoped(run)).catch((error: unknown) => {
        failures[name] = String(error)
      })
    await Promise.all(cases.filter(({ name }) => names?.includes(name) ?? true).map(run))
    return failures
  }
}

export type Actions = typeof actions

Object.assign(globalThis, { actions })
