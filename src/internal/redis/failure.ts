/** Errors of Redis and its client, as failures of the backend. */
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import * as Cause from "../cause.ts"
import * as Tls from "../tls.ts"

interface Verdict {
  readonly kind: FailureKind
  readonly retryable: boolean
  readonly description?: string
  /** There is no connection, so nothing is known of what was sent over the last one. */
  readonly isLost?: true
}

const verdict = (kind: FailureKind, retryable: boolean): Verdict => ({ kind, retryable })

const unreachable: Verdict = { kind: "Unreachable", retryable: true, isLost: true }
const noReply: Verdict = { kind: "NoReply", retryable: true, isLost: true }
const readOnly = verdict("ReadOnly", true)
const moving = verdict("Cluster", true)
const unauthorized = verdict("Unauthorized", false)
const unsupported = verdict("Unsupported", false)
const noDatabase: Verdict = {
  ...unsupported,
  description: "the server has no database of this number: see `databases` in its configuration; a cluster has 0 alone"
}

const byCode: Record<string, Verdict> = {
  LOADING: verdict("Loading", true),
  // MISCONF: persistence is failing, so the server takes no writes; NOREPLICAS: too few replicas to take any
  READONLY: readOnly,
  MISCONF: readOnly,
  NOREPLICAS: readOnly,
  MASTERDOWN: readOnly,
  OOM: verdict("OutOfMemory", true),
  BUSY: noReply,
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
  [/^ERR (DB index is out of range|SELECT is not allowed in cluster mode)/i, noDatabase],
  [/^ERR unknown command|not allowed from script|non deterministic/i, unsupported],
  [/^ERR (invalid password|Client sent AUTH|The user executing the script can't)/i, unauthorized],
  [/^ERR max number of clients/i, unreachable],
  [/non local key in a cluster node/i, moving],
  [/^Command timed out/, noReply],
  [/^Too many Cluster redirections/, moving]
]

/** Before version 7 the error of a command in a script is wrapped in another. */
const wrapper = /^ERR Error running script \(.*?\): @user_script:\s*\d+:\s*-?/

/** The connection was closed with its layer. */
export class Closed extends Error {
  constructor() {
    super("the layer was closed")
  }
}

/** The reply is not one of ours, so it is in doubt whether the command was executed. */
export class NotUnderstood extends Error {
  constructor(what: string) {
    super(`a reply that is none of a lock's (${what}); a shared client must not be inside MULTI or change its replies`)
  }
}

/** One side speaks TLS and the other does not. */
class Mismatched extends Error {}

export const withoutTls = new Mismatched(
  "the server does not speak TLS: switch it on there (tls-port), or have redis:// where the network in between can be trusted"
)

export const withTls = new Mismatched("the server speaks TLS, and nothing else: have rediss:// or the option tls")

/** The connection has ended right after the TLS handshake, without a word. */
class Unsaid extends Error {}

export const unsaid = new Unsaid(
  "the server ends the connection right after the TLS handshake and does not say why: it may want a certificate of the " +
    "client, or another one (ioredis.tls.cert and ioredis.tls.key; ioredis.sentinelTLS for Sentinels)"
)

const insecure = (description: string): Verdict => ({
  kind: "Unsupported",
  retryable: false,
  description,
  isLost: true
})

const byFault: Record<Tls.Fault, Verdict> = {
  misnamed: insecure(
    "the server's certificate has another name than the host: connect to a name that is in it, or say which " +
      "it has (ioredis.tls.servername; ioredis.sentinelTLS for Sentinels)"
  ),
  untimely: insecure("the server's certificate is not valid at this time: renew it, or set the clock right"),
  untrusted: insecure(
    "the server's certificate is of nobody who is trusted: pass that of its authority as ioredis.tls.ca " +
      "(ioredis.sentinelTLS for Sentinels)"
  )
}

const unknownClient = insecure(
  "the server does not take the client's certificate, or wants one: pass it as ioredis.tls.cert and ioredis.tls.key " +
    "(ioredis.sentinelTLS for Sentinels)"
)

const codeOf = (cause: unknown): unknown => cause instanceof Error && "code" in cause ? cause.code : undefined

/** What is wrong with TLS, which trying again does not change. */
const ofTls = (cause: unknown): Verdict | undefined => {
  if (cause instanceof Mismatched) return insecure(cause.message)
  const code = codeOf(cause)
  const fault = Tls.faultOf(code)
  if (fault !== undefined) return byFault[fault]
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return insecure(withoutTls.message)
  return Tls.refusesClient(code) ? unknownClient : undefined
}

/** Something that is no lock lives at the key. */
export const notALock = new Error("WRONGTYPE The key holds something that is no lock")

/** A client that has tried several nodes has the error of the last one. */
const innermost = (cause: unknown): unknown =>
  cause instanceof Error && "lastNodeError" in cause && cause.lastNodeError instanceof Error
    ? cause.lastNodeError
    : cause

export const classify = (failed: unknown): Verdict => {
  if (failed instanceof Closed) return verdict("Closed", false)
  if (failed instanceof NotUnderstood) return verdict("Unknown", false)
  const cause = innermost(failed)
  const tls = ofTls(cause)
  if (tls !== undefined) return tls
  if (cause instanceof Unsaid) return { ...unreachable, description: cause.message }
  const message = Cause.messageOf(cause).replace(wrapper, "")
  const code = /^[A-Z]{2,}\b/.exec(message)?.[0]
  if (code !== undefined && Object.hasOwn(byCode, code)) return byCode[code]
  for (const [pattern, found] of byText) {
    if (pattern.test(message)) return found
  }
  const reply = code !== undefined || (cause instanceof Error && /Reply/.test(cause.name))
  return reply ? verdict("Unknown", false) : unreachable
}

/** Whether the error says what is wrong with TLS. */
export const isOfTls = (cause: unknown): boolean => ofTls(innermost(cause)) !== undefined

/**
 * Whether the other side broke the connection, with no more known of why. By TLS 1.3 a client may write before it is
 * told that it was refused. If the reset that answers that write comes first, what the server said is lost.
 */
export const isReset = (cause: unknown): boolean =>
  cause instanceof Unsaid || /^(?:ECONNRESET|EPIPE)$/.test(String(codeOf(innermost(cause))))

/** Whether nobody has answered: what has been sent may be executed yet. */
export const isLost = (cause: unknown): boolean => classify(cause).isLost === true

/**
 * Whether the server has looked at a command and refused it: nothing of it will
 * be executed later, and another command may fare better.
 */
export const isRefusal = (cause: unknown): boolean =>
  !isLost(cause) && !(cause instanceof Closed || cause instanceof NotUnderstood)

/** Whether the server has refused a command as a whole, before anything of it was executed. */
export const isBarred = (cause: unknown): boolean =>
  /^(?:NOPERM|NOAUTH)\b(?!.*\bscript: )/s.test(Cause.messageOf(cause))

/** Makes the failures of one backend. */
export type Of = (operation: string, key: string | undefined, cause: unknown) => BackendFailure

export const make = (backend: string, operation: string, key: string | undefined, cause: unknown): BackendFailure => {
  const { description, kind, retryable } = classify(cause)
  return new BackendFailure({
    backend,
    operation,
    key,
    kind,
    retryable,
    ...(description !== undefined && { description }),
    cause: Cause.rebuild(innermost(cause))
  })
}
