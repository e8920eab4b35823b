/** Programs for the conformance suite's processes, one for each store. */
import { Effect } from "effect"
import type { conformance } from "effect-lock/testing"
import { bundled } from "./bundled.ts"

export const program = (
  name: "file" | "flawed" | "memcached" | "postgres" | "redis",
  argument: string
): Effect.Effect<conformance.Program> =>
  Effect.map(bundled(new URL(`./programs/${name}.ts`, import.meta.url)), (module) => ({ module, argument }))
