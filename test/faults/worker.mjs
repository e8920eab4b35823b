/**
 * One process under attack: fibers that take locks
 * and write down what they see. Plain JavaScript, because it starts fast.
 *
 * Every line of the log is written before the next step is taken, so a SIGKILL
 * loses nothing. Times are milliseconds of the monotonic clock that all processes
 * of a machine share. Commands come by standard input: `block <millis>`,
 * `wall <millis>`, `stop`.
 */
import { Cause, Duration, Effect, Exit, Layer } from "effect"
import { openSync, readSync, writeSync } from "node:fs"
import { createInterface } from "node:readline"

const options = JSON.parse(process.argv[2])
const { backend, base, directory, expires, fibers, files, hold, keys, limit, log, name, port, seed, timeout, url } =
  options

const origin = BigInt(base)
const now = () => Number(process.hrtime.bigint() - origin) / 1_000_000
const out = openSync(log, "a")
const write = (...line) => writeSync(out, `${JSON.stringify(line)}\n`)
const round = (millis) => Math.round(millis * 1000) / 1000

let state = seed >>> 0
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
}
const between = ([from, to]) => from + random() * (to - from)
const pick = (from) => from[Math.floor(random() * from.length)]

process.on("unhandledRejection", (reason) => write("unhandled", round(now()), String(reason?.stack ?? reason)))
process.on("uncaughtException", (error) => {
  write("unhandled", round(now()), String(error?.stack ?? error))
  process.exit(1)
})
process.on("warning", (warning) => write("warning", round(now()), String(warning)))

// Where the process did not run, nobody could have been told anything.
const beatMillis = 10
let beat = now()
const pulse = () => {
  const at = now()
  if (at - beat > 2 * beatMillis) write("gap", round(beat), round(at))
  beat = at
}
const heart = setInterval(pulse, beatMillis)

const makeLock = async () => {
  if (backend.startsWith("broken:")) {
    const { broken } = await import("./broken.mjs")
    const { close, withLock } = await broken(backend.slice(7), port)
    return { layer: Layer.effectDiscard(Effect.addFinalizer(() => close)), withLock }
  }
  const { InMemoryBackend, Lock } = await import("effect-lock")
  const { withLock, withPermits, withSharedLock } = Lock
  if (backend === "memory") return { layer: InMemoryBackend.layer, withLock, withPermits, withSharedLock }
  if (backend === "redis") {
    const RedisBackend = await import("effect-lock/RedisBackend")
    const options = url === undefined ? { host: "127.0.0.1", port } : { url }
    return { layer: RedisBackend.layer(options), withLock, withPermits, withSharedLock }
  }
  if (backend === "postgres") {
    const SqlBackend = await import("effect-lock/SqlBackend")
    const layer = SqlBackend.layer({ url: `postgres://app@127.0.0.1:${port}/postgres` })
    return { layer, withLock, withPermits, withSharedLock }
  }
  if (backend === "file") {
    const FileBackend = await import("effect-lock/FileBackend")
    return { layer: FileBackend.layer({ directory }), withLock, withPermits, withSharedLock }
  }
  const MemcacheBackend = await import("effect-lock/MemcacheBackend")
  return { layer: MemcacheBackend.layer({ servers: [`127.0.0.1:${port}`] }), withLock }
}

const { layer, withLock, withPermits, withSharedLock } = await makeLock()

/** The resource: a number in a file, which only the lock protects. */
const counters = new Map(keys.map((key, index) => [key, openSync(files[index], "r+")]))
const width = 12
const readCounter = (key) => {
  const buffer = Buffer.alloc(width)
  readSync(counters.get(key), buffer, 0, width, 0)
  return Number(buffer.toString())
}
const writeCounter = (key, value) => writeSync(counters.get(key), String(value).padStart(width, "0"), 0)

let operations = 0
let stopping = false

/** Who shares a key reads its number, and who has it alone writes the next. */
const section = (id, key, share) => (lease) =>
  Effect.gen(function*() {
    // The time first: one that stood still between the two would have a deadline that is none.
    const look = Effect.suspend(() => {
      const at = now()
      return Effect.map(lease.remaining, (remaining) => round(at + Duration.toMillis(remaining)))
    })
    // Looked at first: with a pause between the two, what is over would seem to have lasted until the look.
    const first = yield* look
    write("enter", round(now()), id, key, lease.fencingToken, first, share)
    const value = readCounter(key)
    const read = round(now())
    const end = now() + (random() < 0.015 ? 1.6 * expires : between(hold))
    while (now() < end) {
      yield* Effect.sleep(Math.max(1, Math.min(end - now(), expires / 8)))
      // Not a word of a deadline that has passed, however long it took to get here.
      const deadline = yield* look
      if (deadline > now()) write("lease", round(now()), id, deadline)
    }
    if (share !== undefined) return
    write("writing", read, id, value + 1)
    writeCounter(key, value + 1)
    write("written", round(now()), id)
  }).pipe(
    Effect.onExit((exit) => Effect.sync(() => write("exit", round(now()), id, Exit.isSuccess(exit) ? "done" : "told")))
  )

const describe = (exit) => {
  if (Exit.isSuccess(exit)) return "ok"
  const [reason] = exit.cause.reasons
  if (Cause.isFailReason(reason)) {
    const { reason: inner } = reason.error
    if (inner._tag !== "BackendFailure") return inner._tag
    return `BackendFailure ${inner.kind}: ${inner.message}: ${inner.cause?.stack ?? inner.cause}`
  }
  return Cause.isInterruptReason(reason) ? "interrupted" : `died: ${String(reason.defect?.stack ?? reason.defect)}`
}

/** Of two keys the one is for readers and writers, the other for permits and who wants them all. */
const callOf = (id, key, options) => {
  if (limit === undefined || random() < 0.2) return withLock(section(id, key), key, options)
  if (keys.indexOf(key) % 2 === 0) {
    return withSharedLock(section(id, key, { permits: 1, limit: Number.MAX_SAFE_INTEGER }), key, options)
  }
  const share = { permits: pick([1, 1, 2]), limit }
  return withPermits(section(id, key, share), key, { ...options, ...share })
}

const once = Effect.suspend(() => {
  const id = `${name}-${++operations}`
  const key = pick(keys)
  const patience = random() < 0.1 ? 0 : timeout
  write("start", round(now()), id, key, patience)
  const call = callOf(id, key, { expires, timeout: patience })
  // Some callers lose patience.
  const patient = random() < 0.9
    ? call
    : Effect.raceFirst(call, Effect.andThen(Effect.sleep(between([1, 300])), Effect.interrupt))
  return Effect.flatMap(Effect.exit(patient), (exit) => {
    write("end", round(now()), id, describe(exit))
    return Effect.sleep(between([0, 20]))
  })
})

const worker = Effect.whileLoop({ while: () => !stopping, body: () => once, step: () => {} })

const RealDate = Date
let wallOffset = 0
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + wallOffset)
    else super(...args)
  }
  static now() {
    return RealDate.now() + wallOffset
  }
}

const input = createInterface({ input: process.stdin })
input.on("line", (line) => {
  const [command, amount] = line.split(" ")
  if (command === "block") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(amount))
  if (command === "wall") wallOffset += Number(amount)
  if (command === "stop") input.close()
})
// Also when whoever gives the commands is gone.
input.on("close", () => {
  stopping = true
  process.stdin.destroy()
})

write("hello", round(now()), process.pid)
const exit = await Effect.runPromiseExit(
  Effect.provide(
    Effect.all(Array.from({ length: fibers }, () => worker), { concurrency: "unbounded", discard: true }),
    layer
  )
)
pulse()
clearInterval(heart)
write("bye", round(now()), describe(exit))
// What is left now keeps the process from ending, and so gives itself away.
