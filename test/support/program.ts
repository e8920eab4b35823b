/** Programs for the conformance suite's processes, one for each store. */
import type { conformance } from "effect-lock/testing"

export const program = (name: "file" | "flawed" | "memcached" | "redis", argument: string): conformance.Program => ({
  module: new URL(`./programs/${name}.ts`, import.meta.url),
  argument,
  execArgv: ["--import", "tsx"]
})
