#!/usr/bin/env node
/** Runs the tool. A signal that nobody else receives ends it as it would any other program. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { main } from "./command.ts"
import * as Signals from "./signals.ts"

let status: number | undefined

const signals = Signals.make((signal) => {
  status = Signals.statusOf(signal)
  fiber.interruptUnsafe()
})

// Whoever reads our output may stop to, as `head` does.
process.stdout.on("error", () => process.exit(0))

const fiber = Effect.runFork(Effect.provideService(main(process.argv.slice(2)), Signals.Signals, signals))

const exit = await Effect.runPromise(Fiber.await(fiber))
const code = exit._tag === "Success" ? status ?? exit.value : status ?? 130
process.stdout.write("", () => process.exit(code))
