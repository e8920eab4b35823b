/** What an operator is told: trouble when it starts and when it is over, once each, and what server the locks are in. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Failure from "./failure.ts"
import { plain, type Transport } from "./transport.ts"
import type { Events } from "./waiting.ts"

interface Facts {
  readonly description: string
  /** The policy by which the server may evict locks. */
  readonly evicts: string | undefined
}

/** Of the reply to `INFO`. */
export const facts = (info: string): Facts => {
  const fields = new Map<string, string>()
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(":")
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  const valkey = fields.get("valkey_version")
  const version = valkey === undefined
    ? `Redis ${fields.get("redis_version") ?? "of unknown version"}`
    : `Valkey ${valkey}`
  const policy = fields.get("maxmemory_policy") ?? "unknown"
  const limited = Number(fields.get("maxmemory") ?? 0) > 0
  const role = fields.get("role") === "slave" ? "a replica" : "a primary"
  const replicas = `${fields.get("connected_slaves") ?? "0"} replicas`
  return {
    description: `${version}, ${role} with ${replicas}, maxmemory-policy ${policy}`,
    evicts: limited && policy !== "noeviction" ? policy : undefined
  }
}

/** A subscription that is missing for no longer is not worth a word. */
const briefMillis = 1000

const wordsOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** Observes the transport from now on, and gives what wants to hear of how waiters are told. */
export const make = Effect.fnUntraced(function*(transport: Transport): Effect.fn.Return<Events, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const log = (line: Effect.Effect<void>) => void fork(Effect.forkIn(line, scope))

  let lostAt: number | undefined
  let polling = false
  let reason: unknown
  let timer: ReturnType<typeof setTimeout> | undefined
  yield* Effect.addFinalizer(() => Effect.sync(() => clearTimeout(timer)))
  let told: string | undefined
  let warned: string | undefined

  const look = () =>
    transport.send(plain("info", [], (reply) => {
      const { description, evicts } = facts(String(reply))
      if (description !== told) log(Effect.logDebug(`Locks are in ${description}`))
      told = description
      if (evicts !== undefined && evicts !== warned) {
        log(Effect.logWarning(
          `Redis may evict locks when its memory is full: its maxmemory-policy is "${evicts}", locks need "noeviction"`
        ))
      }
      warned = evicts
    }, (cause) => {
      if (told === undefined && Failure.isRefusal(cause)) {
        log(
          Effect.logDebug(
            "Locks are in a Redis server that does not say which (INFO is refused), nor whether it evicts keys"
          )
        )
        told = ""
      }
    }))

  transport.observe({
    ready: () => {
      if (lostAt !== undefined) {
        const seconds = ((performance.now() - lostAt) / 1000).toFixed(1)
        log(Effect.logInfo(`Redis can be reached again, after ${seconds} seconds`))
      }
      lostAt = undefined
      look()
    },
    reset: () => {},
    lost: (cause) => {
      if (lostAt !== undefined || cause instanceof Failure.Closed) return
      lostAt = performance.now()
      log(Effect.logWarning(
        `Redis cannot be reached, locks wait for it as long as their timeout allows: ${wordsOf(cause)}`
      ))
    }
  })

  return {
    polling: (cause) => {
      reason = cause
      // A connection that is replaced at once is nothing to tell of.
      timer ??= setTimeout(() => {
        if (transport.isDown()) return void (timer = undefined)
        polling = true
        log(Effect.logWarning(
          `Those who wait for locks poll, because the subscription is not there: ${wordsOf(reason)}`
        ))
      }, briefMillis)
      timer.unref?.()
    },
    told: () => {
      clearTimeout(timer)
      timer = undefined
      if (polling) log(Effect.logInfo("Those who wait for locks are told again"))
      polling = false
    }
  }
})
