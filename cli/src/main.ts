#!/usr/bin/env node
/** Runs the tool. A signal without another receiver ends it like any other program. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { main } from "./command.ts"
import { exits } from "./exits.ts"
import * as Signals from "./signals.ts"

let status: number | undefined

const signals = Signals.make((signal) => {
  status = Signals.statusOf(signal)
  fiber.interruptUnsafe()
})

process.stdout.on("error", ({ code, message }: NodeJS.ErrnoException) => {
  // The reader of our output may stop reading, as `head` does.
  if (code === "EPIPE") process.exit(0)
  process.stderr.write(`effect-lock: ${message}\n`)
  process.exit(exits.unwritten)
})
// The lock stays held, even if messages about it cannot be written.
process.stderr.on("error", () => {})

const fiber = Effect.runFork(Effect.provideService(main(process.argv.slice(2)), Signals.Signals, signals))

const exit = await Effect.runPromise(Fiber.await(fiber))
const code = exit._tag === "Success" ? status ?? exit.value : status ?? 130
// The event reports failed writes in this turn.
setImmediate(() => {
  if (process.stdout.writableLength === 0) process.exit(code)
  process.stdout.write("", (error) => {
    if (!error) process.exit(code)
  })
})
