/** Connections of our own: where the server is, and how to connect to it. */
import type { PgClientConfig } from "@effect/sql-pg/PgClient"
import type { Config as PgConnectionConfig } from "@effect/sql-pg/PgConnection"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { LockError } from "../../LockError.ts"
import { load } from "../driver.ts"
import { failInvalid, plain, type Server, valid } from "../given.ts"
import * as Connections from "./connections.ts"
import * as Failure from "./failure.ts"
import type { Link } from "./link.ts"
import * as Sockets from "./sockets.ts"
import * as Url from "./url.ts"

/** The parts take precedence over the URL, and both over `pg`. */
export interface Options extends Server {
  readonly database?: string | undefined
  readonly ssl?: boolean | undefined
  readonly maxConnections?: number | undefined
  readonly pg?: Omit<PgClientConfig, "url"> | undefined
}

/** Those of `pg` take precedence over those of the URL. */
const certificates = (named: true | Url.Files | undefined, ssl: PgConnectionConfig["ssl"]) =>
  typeof named === "object" || typeof ssl === "object"
    ? { ...(typeof named === "object" && named), ...(typeof ssl === "object" && ssl) }
    : true

export const connect = Effect.fnUntraced(function*(options: Options): Effect.fn.Return<Link, LockError, Scope.Scope> {
  const { database, host, maxConnections = 3, password, pg, port, ssl, username } = options
  const url = options.url === undefined ? undefined : plain(options.url)
  if (url !== undefined) yield* valid(Url.check(url))
  const { USER, USERNAME } = globalThis.process?.env ?? {}
  if ((username ?? pg?.username ?? USER ?? USERNAME) === undefined && (url === undefined || !Url.hasUser(url))) {
    return yield* failInvalid("username", "none", "the name of a database user, here or in the url")
  }
  const PgConnection = yield* load(Failure.backend, "@effect/sql-pg", () => import("@effect/sql-pg/PgConnection"))
  const named = url === undefined ? undefined : yield* valid(Url.tlsOf(url))
  const asked = ssl ?? pg?.ssl ?? named
  const config: PgConnectionConfig = {
    connectTimeout: "2 seconds",
    applicationName: "effect-lock",
    ...pg,
    ...(url !== undefined && { url: Redacted.make(url) }),
    ...(database !== undefined && { database }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(asked !== undefined && { ssl: asked && certificates(named, pg?.ssl) })
  }
  const place = url === undefined ? {} : Url.placeOf(url)
  const at = {
    host: host ?? pg?.host ?? place.host ?? "localhost",
    port: port ?? pg?.port ?? place.port ?? 5432
  }
  const path = pg?.path ?? (at.host.startsWith("/") ? `${at.host}/.s.PGSQL.${at.port}` : undefined)
  const keepAlive = Duration.toMillis(Duration.fromInputUnsafe(pg?.keepAlive ?? "10 seconds"))
  return yield* Connections.make({
    max: maxConnections,
    socket: pg?.stream ?? (() => Sockets.connect(path === undefined ? at : { path }, keepAlive)),
    open: (plain, stream) =>
      PgConnection.make({
        ...config,
        ...at,
        stream,
        startupParameters: { ...(!plain && Connections.settings), ...pg?.startupParameters }
      })
  })
})
