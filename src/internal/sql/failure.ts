/** Errors of PostgreSQL and its driver, as failures of the backend, by their SQLSTATE. */
import { BackendFailure, type FailureKind } from "../../LockError.ts"
import { answered } from "../answered.ts"
import * as Cause from "../cause.ts"
import * as Tls from "../tls.ts"
import { undone } from "../undone.ts"
import { createTable, type Table } from "./table.ts"

export const backend = "postgresql"

interface Verdict {
  readonly kind: FailureKind
  readonly retryable: boolean
  /** Nothing was done: the statement was refused as a whole, or there was no connection that it could be sent on. */
  readonly isUndone: boolean
  /** What would help, given the table, the server's message, and the operation. */
  readonly description?: ((table: Table, said: string, operation: string) => string) | undefined
}

const verdict = (kind: FailureKind, retryable: boolean): Verdict => ({ kind, retryable, isUndone: false })

/** Trying again would not help, and nothing was done. */
const refusal = (kind: FailureKind, description?: Verdict["description"]): Verdict => ({
  kind,
  retryable: false,
  isUndone: true,
  description
})

/** The transaction can only read: on a standby, or on a server that is configured so. */
export const readOnlyState = "25006"

const unreachable = verdict("Unreachable", true)
const noReply = verdict("NoReply", true)
const full = verdict("OutOfMemory", true)
const unauthorized = refusal("Unauthorized")
const denied = refusal(
  "Unauthorized",
  ({ sql }, said) =>
    `${said}; the role that locks needs CONNECT, USAGE of the schema, SELECT, INSERT, UPDATE and DELETE on ${sql}, and under ` +
    "row-level security a policy for all of its rows"
)

const missing = refusal(
  "Unsupported",
  (table, said, operation) =>
    operation === "check"
      ? `the SqlClient of the transaction sees no table of locks (${said}): it has to be on the database that the locks are in, ` +
        "and where its search_path is another, the option \"table\" has to name the schema"
      : `the table of locks is missing or another one (${said}), create it with:\n${createTable(table)}`
)

/** By the whole code first, then by its class. */
const byState: Record<string, Verdict> = {
  // undefined table, schema, column, function; no key; a column of another type, or too short
  "42P01": missing,
  "3F000": missing,
  "42703": missing,
  "42883": missing,
  "42P10": missing,
  "42804": missing,
  "22001": missing,
  "42501": denied,
  "3D000": refusal("Unsupported", () => "the database does not exist"),
  [readOnlyState]: {
    ...verdict("ReadOnly", true),
    description: (_, said) =>
      `${said}: the server is a standby, or default_transaction_read_only is on for the role, the database or all`
  },
  // the server is starting, shutting down or recovering
  "57P03": verdict("Loading", true),
  // the statement was cancelled, or waited too long for somebody
  "57014": noReply,
  "55P03": noReply,
  // too many connections
  "53300": unreachable,
  // constraints, connection, operator intervention, transaction rolled back, resources, wrong password, not implemented, syntax
  "23": missing,
  "08": unreachable,
  "57": unreachable,
  "40": noReply,
  "53": full,
  "28": unauthorized,
  "0A": refusal("Unsupported"),
  "42": refusal("Unsupported")
}

const unknown = verdict("Unknown", false)

/** The driver's error is nested in a `SqlError`, or is what was thrown itself. */
const causes = (error: unknown): ReadonlyArray<Record<string, unknown>> => {
  const found: Array<Record<string, unknown>> = []
  let next = error
  while (typeof next === "object" && next !== null && found.length < 6) {
    const { cause, reason } = next as { readonly cause?: unknown; readonly reason?: unknown }
    found.push(next as Record<string, unknown>)
    next = reason ?? cause
  }
  return found
}

/** Whether a code is a SQLSTATE of the server; `EPIPE` and the like are codes of the socket. */
const isState = (code: unknown): code is string =>
  typeof code === "string" && /^(?:\d[\dA-Z]|F0|HV|P0|XX)[\dA-Z]{3}$/.test(code)

/** The SQLSTATE of an error, if the server sent it. */
export const stateOf = (error: unknown): string | undefined => causes(error).map(({ code }) => code).find(isState)

/** Whether it is a socket's error, which means that the connection is gone. */
const isOfSocket = ({ code }: Record<string, unknown>): boolean => typeof code === "string" && /^E[A-Z]+$/.test(code)

/** The message of the driver or the server, which the innermost cause has. */
export const messageOf = (error: unknown): string | undefined => {
  const texts = causes(error).flatMap(({ message }) => typeof message === "string" ? message : [])
  return texts.at(-1)
}

/** Whether a connection was refused because of its settings, as by a pooler. */
export const refusesSettings = (error: unknown): boolean =>
  /unsupported startup parameter|unrecognized configuration parameter/i.test(messageOf(error) ?? "")

/** It was refused even without our own settings. */
const refused = refusal(
  "Unsupported",
  () =>
    "the server, or a pooler before it, does not take the startupParameters that pg has: leave them out, " +
    "set them for the user or the database, or have PgBouncer pass over them (ignore_startup_parameters)"
)

/** Something is wrong with TLS at the server or its certificate: trying again would not help. */
const insecure = (what: string): Verdict => refusal("Unsupported", () => what)

const withoutTls = insecure(
  "the server, or a pooler before it, does not speak TLS: switch it on there (ssl = on), " +
    "or have sslmode=disable where the network in between can be trusted"
)

const ownCertificate = "pass it by sslcert and sslkey in the url, or as pg.ssl.cert and pg.ssl.key"

const unknownClient = insecure(`the server does not take the client's certificate, or wants one: ${ownCertificate}`)

/** Reported after the handshake, by the rules for who may log in. */
const withoutCertificate = refusal(
  "Unauthorized",
  () => `the server wants a certificate of the client: ${ownCertificate}`
)

const byFault: Record<Tls.Fault, Verdict> = {
  misnamed: insecure(
    "the server's certificate has another name than the host: connect to a name that is in it, or say which " +
      "it has (pg.ssl.servername)"
  ),
  untimely: insecure("the server's certificate is not valid at this time: renew it, or set the clock right"),
  untrusted: insecure(
    "the server's certificate is of nobody who is trusted: pass that of its authority as pg.ssl.ca, or as a file by " +
      "sslrootcert in the url; every sslmode but disable looks at it"
  )
}

const ofTls = (error: unknown): Verdict | undefined => {
  if (messageOf(error) === "The server does not support TLS") return withoutTls
  if (/requires a valid client certificate/.test(messageOf(error) ?? "")) return withoutCertificate
  const codes = causes(error).map(({ code }) => code)
  if (codes.some(Tls.refusesClient)) return unknownClient
  const fault = codes.map(Tls.faultOf).find((fault) => fault !== undefined)
  return fault && byFault[fault]
}

export const classify = (error: unknown): Verdict => {
  if (refusesSettings(error)) return refused
  const tls = ofTls(error)
  if (tls !== undefined) return tls
  const state = stateOf(error)
  if (state !== undefined) return byState[state] ?? byState[state.slice(0, 2)] ?? unknown
  // The statement never reached the server, or was never answered.
  const isLost = causes(error).some((cause) => cause["_tag"] === "ConnectionError" || isOfSocket(cause))
  return isLost ? unreachable : unknown
}

/** The innermost error, with the SQLSTATE of the server. */
const rebuild = (error: unknown): unknown => {
  const said = causes(error).findLast(({ message }) => typeof message === "string")
  const state = stateOf(error)
  return said && Object.assign(Cause.rebuild(said), state !== undefined && { code: state })
}

/** No answer came in time, and the statement was given up. */
export class Silent extends Error {
  constructor() {
    super("the server did not answer in time")
  }
}

/** Somebody else has kept the row locked for too long. */
export class Locked extends Error {
  constructor() {
    super(
      "a transaction keeps the row of the lock locked, as one that goes on after the lock and has checked it does until it " +
        "ends; or a policy or trigger lets nobody change it"
    )
  }
}

/** The layer was closed. */
export class Closed extends Error {
  constructor() {
    super("the layer was closed")
  }
}

/** The answer of the server is none that we know. */
export class Strange extends Error {
  constructor() {
    super("the answer is not understood")
  }
}

export const make = (
  table: Table | undefined,
  operation: string,
  key: string | undefined,
  error: unknown
): BackendFailure => {
  const { description, isUndone, kind, retryable } = error instanceof Closed
    ? verdict("Closed", false)
    : error instanceof Silent || error instanceof Locked || error instanceof Strange
    ? noReply
    : classify(error)
  const failure = new BackendFailure({
    backend,
    operation,
    key,
    kind,
    retryable,
    description: table === undefined ? undefined : description?.(table, messageOf(error) ?? "", operation),
    cause: rebuild(error)
  })
  // The server answers, and the transaction that keeps the row locked will end: see `withTransaction`.
  if (error instanceof Locked && operation === "release") return answered(failure)
  return isUndone ? undone(failure) : failure
}
