/**
 * A process of its own for the tests of files: `worker.ts <what> <options as JSON>`.
 *
 * - `hold`: takes a key, or a permit of `limit`, says so, and keeps it for ever
 * - `once`: takes a key and gives it back, in a runtime that nobody disposes of
 * - `leave`: takes a key, leaves it to whoever has the ticket, which it says, and ends
 * - `brief`: takes a key for at least so long, does nothing, and ends
 * - `open`: makes a store, and says what comes of it
 * - `stale`: at a moment that comes by standard input takes keys that somebody left behind
 * - `churn`: takes keys that come and go, and checks a witness each time
 * - `trouble`: has the directory get into some trouble, and says how each operation fares, then and afterwards
 */
import { Effect, ManagedRuntime, Option, Result, Schema, Scope } from "effect"
import { Lock } from "effect-lock"
import * as FileBackend from "effect-lock/FileBackend"
import type { BackendFailure, LockError } from "effect-lock/LockError"
import type { Attempt } from "effect-lock/LockStore"
import { spawnSync } from "node:child_process"
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { createInterface } from "node:readline"
import { lock } from "proper-lockfile"

const [what, json] = process.argv.slice(2)
const options = JSON.parse(json)
const { directory } = options

/** A store that nobody closes. */
const open = (options: FileBackend.Options) =>
  Effect.flatMap(Scope.make(), (scope) => Scope.provide(FileBackend.makeStore(options), scope))

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`)
const claim = (key: string, token: string, expiresMillis: number) => ({ key, token, expiresMillis, wait: false })

/** By a library of many programs, which removes what was not touched for long and makes it anew. */
const takeProperly = (path: string): Promise<boolean> =>
  lock(path, { realpath: false, stale: 2_000 }).then(() => true, () => false)

const stale = async () => {
  say("ready")
  const [at] = await new Promise<Array<number>>((resolve) => {
    createInterface({ input: process.stdin }).once("line", (line) => resolve(JSON.parse(line)))
  })
  const keys: ReadonlyArray<string> = options.keys
  const store = await Effect.runPromise(open({ directory }))
  while (Number(process.hrtime.bigint()) < at) { /* All at the same moment. */ }
  const got = options.properly
    ? await Promise.all(keys.map((key) => takeProperly(`${directory}/${key}`)))
    : await Effect.runPromise(Effect.forEach(keys, (key, i) =>
      Effect.map(
        store.tryAcquire(claim(key, `${process.pid}-taker.${i}`, 60_000)),
        (attempt) => attempt._tag === "Acquired"
      )))
  say(keys.filter((_, i) => got[i]))
  // Until it is killed: what it has taken is free when it is gone, and others may not be done.
  setInterval(() => {}, 60_000)
}

const isMade = (path: string): boolean => {
  try {
    fs.mkdirSync(path)
    return true
  } catch {
    return false
  }
}

const churn = Effect.gen(function*() {
  const { keys, millis, witness } = options
  let created = 0
  const { mkdirSync } = fs
  fs.mkdirSync = ((path: string, ...rest: ReadonlyArray<never>) => {
    if (path.includes("/.new-")) created++
    return mkdirSync(path, ...rest)
  }) as typeof mkdirSync
  syncBuiltinESMExports()

  const store = yield* FileBackend.makeStore({ directory, keepIdle: "2 millis" })
  const counts = { turns: 0, overlaps: 0, disorder: 0, lost: 0 }
  const end = performance.now() + millis
  // And until enough keys have come, however slow the machine is.
  const goesOn = () => performance.now() < end || created <= keys
  for (let n = 0; goesOn(); n++) {
    const key = `k${Math.floor(Math.random() * keys)}`
    const token = `${process.pid}-churn.${n}`
    const file = `${witness}/${key}`
    // Turns come and go in between.
    yield* Effect.yieldNow
    const attempt = yield* store.tryAcquire(claim(key, token, 30_000))
    if (attempt._tag === "Held") continue
    if (!isMade(file)) {
      counts.overlaps++
      continue
    }
    const last = fs.existsSync(`${file}.fence`) ? Number(fs.readFileSync(`${file}.fence`, "utf8")) : 0
    if (attempt.fencingToken <= last) counts.disorder++
    fs.writeFileSync(`${file}.fence`, String(attempt.fencingToken))
    if (n % 7 === 0 && !(yield* store.extend(claim(key, token, 30_000)))) counts.lost++
    fs.rmdirSync(file)
    if (!(yield* store.release(key, token))) counts.lost++
    counts.turns++
  }
  say({ ...counts, created })
}).pipe(Effect.scoped)

const remount = (how: "ro" | "rw") => () => {
  const { status } = spawnSync("mount", ["-o", `remount,${how}`, `${directory}/..`])
  if (status !== 0) throw new Error("cannot mount")
}

const troubles: Record<string, { readonly begin: () => void; readonly end: () => void }> = {
  // Names need room, too.
  full: {
    begin: () => {
      try {
        for (let i = 0;; i++) fs.writeFileSync(`${directory}/../filler-${i}`, "")
      } catch (error) {
        if (!String(error).includes("ENOSPC")) throw error
      }
    },
    end: () => {
      for (const name of fs.readdirSync(`${directory}/..`)) {
        if (name.startsWith("filler")) fs.unlinkSync(`${directory}/../${name}`)
      }
    }
  },
  "read only": { begin: remount("ro"), end: remount("rw") },
  "of another user": { begin: () => process.seteuid!(65_534), end: () => process.seteuid!(0) }
}

const trouble = Effect.gen(function*() {
  const store = yield* open(options)
  yield* store.tryAcquire(claim("held", "1-holder", 60_000))
  yield* store.tryAcquire(claim("free", "1-before", 60_000))
  yield* store.release("free", "1-before")
  const { begin, end } = troubles[options.trouble]
  begin()
  const told = <A>(effect: Effect.Effect<A, BackendFailure | LockError>) =>
    Effect.match(effect, {
      onFailure: (failure) => "kind" in failure ? failure.kind : (failure.reason as BackendFailure).kind,
      onSuccess: (value) => value
    })
  const tag = Effect.map((attempt: Attempt) => attempt._tag)
  const then = {
    opens: yield* told(Effect.as(Effect.scoped(FileBackend.makeStore({ directory: `${directory}/another` })), "yes")),
    looks: yield* told(Effect.map(store.inspect("held"), (occupant) => Option.getOrUndefined(occupant)?.token)),
    waits: yield* told(tag(store.tryAcquire({ ...claim("held", "1-waiter", 60_000), wait: true }))),
    takes: yield* told(tag(store.tryAcquire(claim("free", "1-next", 60_000)))),
    makes: yield* told(tag(store.tryAcquire(claim("new", "1-next", 60_000)))),
    extends: yield* told(store.extend(claim("held", "1-holder", 60_000))),
    releases: yield* told(store.release("held", "1-holder"))
  }
  end()
  const afterwards = {
    takes: yield* told(tag(store.tryAcquire(claim("free", "1-next", 60_000)))),
    makes: yield* told(tag(store.tryAcquire(claim("newer", "1-next", 60_000)))),
    extends: yield* told(store.extend(claim("held", "1-holder", 60_000)))
  }
  say([then, afterwards])
  process.exit()
})

const layer = FileBackend.layer(options)

switch (what) {
  case "hold": {
    const work = Effect.andThen(Effect.sync(() => say("held")), Effect.never)
    const { expires = "30 seconds", key = "key", limit } = options
    const how = { expires, timeout: "Infinity" } as const
    const locked = limit === undefined ? Lock.withLock(work, key, how) : Lock.withPermits(work, key, { ...how, limit })
    await Effect.runPromise(Effect.provide(locked, layer))
    break
  }
  case "once": {
    await ManagedRuntime.make(layer).runPromise(Lock.withLock(Effect.sync(() => say("done")), "key"))
    break
  }
  case "leave": {
    const leaving = Effect.flatMap(
      Lock.acquire("key", { expires: "2 seconds" }),
      (lease) => Lock.detach(lease, { for: "1 hour" })
    )
    const ticket = await Effect.runPromise(leaving.pipe(Effect.scoped, Effect.provide(layer)))
    say(Schema.encodeSync(Lock.Ticket)(ticket))
    break
  }
  case "brief": {
    const { atLeast } = options
    await Effect.runPromise(Effect.void.pipe(Lock.withLock("key", { atLeast }), Effect.provide(layer)))
    say("done")
    break
  }
  case "open": {
    const result = await Effect.runPromise(Effect.scoped(Effect.result(FileBackend.makeStore(options))))
    say(Result.isSuccess(result) ? "opened" : result.failure.message)
    break
  }
  case "trouble": {
    await Effect.runPromise(trouble)
    break
  }
  case "stale": {
    await stale()
    break
  }
  case "churn": {
    await Effect.runPromise(churn)
  }
}
