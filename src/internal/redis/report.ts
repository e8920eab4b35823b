/** What operators are told: that the server cannot be reached, that it can again, and which server it is. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Notices } from "../notices.ts"
import * as Failure from "./failure.ts"
import type { Transport } from "./transport.ts"

interface Facts {
  readonly description: string
  readonly isReplica: boolean
  /** The policy by which the server evicts keys. */
  readonly evicts: string | undefined
}

/** The fields of the reply to `INFO`. */
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
  const isReplica = fields.get("role") === "slave"
  const role = isReplica ? "a replica" : "a primary"
  const replicas = `${fields.get("connected_slaves") ?? "0"} replicas`
  return {
    description: `${version}, ${role} with ${replicas}, maxmemory-policy ${policy}`,
    isReplica,
    evicts: limited && policy !== "noeviction" ? policy : undefined
  }
}

/** Observes the transport from now on. */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  backend: string,
  notices: Notices
): Effect.fn.Return<void, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const log = (line: Effect.Effect<void>) => void fork(Effect.forkIn(line, scope))
  yield* Effect.addFinalizer(() => Effect.sync(() => notices.close()))

  let told: string | undefined
  let warned: string | undefined

  const succeed = (reply: unknown): void => {
    const { description, evicts, isReplica } = facts(String(reply))
    // A replica takes no locks: it is left, and connected to, again and again, which does not count as up.
    if (!isReplica) notices.up()
    if (description !== told) log(Effect.logDebug(`Locks are in ${description}`))
    told = description
    if (evicts !== undefined && evicts !== warned) {
      log(Effect.logWarning(
        `Redis may evict locks when its memory is full: its maxmemory-policy is "${evicts}", locks need "noeviction"`
      ))
    }
    warned = evicts
  }

  const fail = (cause: unknown): void => {
    if (!Failure.isRefusal(cause)) return
    notices.up()
    if (told !== undefined) return
    told = ""
    log(Effect.logDebug(
      "Locks are in a Redis server that does not say which (INFO is refused), nor whether it evicts keys"
    ))
  }

  transport.observe({
    ready: () => transport.send({ script: "info", keys: 0, args: [], sent: false, succeed, fail }),
    reset: () => {},
    lost: (cause) => {
      if (!(cause instanceof Failure.Closed)) notices.down(Failure.make(backend, "connect", undefined, cause))
    }
  })
})
