/** What went wrong, in the words that all backends share. */
import { BackendFailure, type FailureKind } from "../../LockError.ts"

interface Verdict {
  readonly kind: FailureKind
  readonly retryable: boolean
}

const verdict = (kind: FailureKind, retryable: boolean): Verdict => ({ kind, retryable })

const unreachable = verdict("Unreachable", true)
const readOnly = verdict("ReadOnly", true)
const moving = verdict("Cluster", true)
const unauthorized = verdict("Unauthorized", false)
const unsupported = verdict("Unsupported", false)

const byCode: Record<string, Verdict> = {
  LOADING: verdict("Loading", true),
  // MISCONF: persistence is failing, so the server takes no writes; NOREPLICAS: too few replicas to take any
  READONLY: readOnly,
  MISCONF: readOnly,
  NOREPLICAS: readOnly,
  MASTERDOWN: readOnly,
  OOM: verdict("OutOfMemory", true),
  BUSY: verdict("NoReply", true),
  WRONGTYPE: verdict("WrongType", false),
  NOAUTH: unauthorized,
  WRONGPASS: unauthorized,
  NOPERM: unauthorized,
  DENIED: unauthorized,
  MOVED: moving,
  ASK: moving,
  TRYAGAIN: moving,
  CLUSTERDOWN: moving,
  CROSSSLOT: verdict("Cluster", false)
}

const byText: ReadonlyArray<readonly [RegExp, Verdict]> = [
  [/^ERR unknown command|not allowed from script|non deterministic/i, unsupported],
  [/^ERR (invalid password|Client sent AUTH)/i, unauthorized],
  [/^ERR max number of clients/i, unreachable],
  [/^Command timed out/, verdict("NoReply", true)],
  [/^Too many Cluster redirections/, moving]
]

/** Before version 7 the error of a command in a script is wrapped in another. */
const wrapper = /^ERR Error running script \(.*?\): @user_script:\s*\d+:\s*-?/

/** Says that the connection was closed with its layer. */
export class Closed extends Error {
  constructor() {
    super("the layer was closed")
  }
}

export const classify = (cause: unknown): Verdict => {
  if (cause instanceof Closed) return verdict("Closed", false)
  const message = (cause instanceof Error ? cause.message : String(cause)).replace(wrapper, "")
  const code = /^[A-Z]{2,}\b/.exec(message)?.[0]
  if (code !== undefined && Object.hasOwn(byCode, code)) return byCode[code]
  for (const [pattern, found] of byText) {
    if (pattern.test(message)) return found
  }
  const reply = code !== undefined || (cause instanceof Error && /Reply/.test(cause.name))
  return reply ? verdict("Unknown", false) : unreachable
}

/** Clients hang the command on their errors, and its arguments may be a password. */
const scrub = (cause: unknown): unknown => {
  if (!(cause instanceof Error) || !("command" in cause)) return cause
  const clean = new Error(cause.message)
  clean.name = cause.name
  if (cause.stack !== undefined) clean.stack = cause.stack
  return clean
}

export const make = (backend: string, operation: string, key: string | undefined, cause: unknown): BackendFailure =>
  new BackendFailure({ backend, operation, key, cause: scrub(cause), ...classify(cause) })
