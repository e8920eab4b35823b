/**
 * A process as if started from a memory snapshot, for a test to start several of: its
 * process id and, until it is told to go, its random numbers are those of all copies.
 * Says `ready`, and at `go <epoch millis>` asks for a lock at the same moments as the
 * others, until it prints its critical sections.
 *
 *     clone.ts <redis port> <key> <times>
 */
import { Effect, Schedule } from "effect"
import { createInterface } from "node:readline"
import { logsAside } from "../support/logs.ts"

const [port, key, times] = process.argv.slice(2)

let isWarm = false
const drawn = crypto.getRandomValues.bind(crypto)
let state = 42
Object.defineProperty(process, "pid", { value: 7 })
Object.defineProperty(crypto, "getRandomValues", {
  value: (bytes: Uint8Array<ArrayBuffer>) => {
    if (isWarm) return drawn(bytes)
    for (let i = 0; i < bytes.length; i++) bytes[i] = (state = Math.imul(state, 1_103_515_245) + 12_345) >>> 16
    return bytes
  }
})

const { Lock } = await import("effect-lock")
const RedisBackend = await import("effect-lock/RedisBackend")

const sections: Array<readonly [from: number, to: number]> = []
const instant = () => Number(process.hrtime.bigint())

const section = Effect.gen(function*() {
  const from = instant()
  yield* Effect.sleep(5)
  sections.push([from, instant()])
})

/** On a busy machine a server may not answer in time. */
const again = Schedule.spaced("20 millis")

/** Spins for the last moments, so that all are there in the same millisecond. */
const at = (millis: number) =>
  Effect.andThen(
    Effect.sleep(Math.max(0, millis - Date.now() - 4)),
    Effect.sync(() => {
      while (Date.now() < millis);
    })
  )

const program = Effect.gen(function*() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
  for (let i = 0; i < 5; i++) yield* Effect.retry(Lock.withLock(Effect.void, `warm-${i}`), again)
  yield* Effect.sleep(50)
  isWarm = true
  console.log("ready")
  const start = Number((yield* Effect.promise(() => lines.next())).value)
  for (let i = 0; i < Number(times); i++) {
    yield* at(start + 20 * i)
    yield* Effect.exit(Lock.once(section, key))
  }
}).pipe(
  Effect.provide(RedisBackend.layer({ host: "127.0.0.1", port: Number(port) })),
  Effect.provide(logsAside)
)

await Effect.runPromise(program)
console.log(JSON.stringify(sections))
process.exit()
