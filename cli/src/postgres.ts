/** Checks that only apply to PostgreSQL. */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import { clock, failed, type Finding, ok, unknown, warning } from "./finding.ts"

type Rows = ReadonlyArray<Record<string, unknown>>

/** A query that the server denies leaves the result unknown. */
const ask = (client: PgClient.PgClient, statement: string): Effect.Effect<Record<string, unknown> | undefined> =>
  client.unsafe(statement).pipe(
    Effect.map((rows) => (rows as Rows)[0]),
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => undefined)
  )

const version = (row: Record<string, unknown> | undefined): Finding => {
  if (row === undefined) return unknown("version", "see server_version")
  const found = `PostgreSQL ${String(row["version"])}`
  return Number.parseInt(String(row["version"])) >= 13
    ? ok("version", found)
    : warning("version", found, "older than what this is tested with", "use PostgreSQL 13 or newer")
}

const replication = (row: Record<string, unknown> | undefined): Finding => {
  const check = "replication"
  if (row === undefined) return unknown(check, "see pg_stat_replication")
  if (row["standby"] === true) {
    return failed(check, "a standby", "it takes no writes, so no locks", "give the URL of the primary")
  }
  const [standbys, names] = [Number(row["standbys"]), String(row["names"])]
  if (standbys === 0) return ok(check, "a primary without standbys")
  const found = `a primary with ${standbys} standby${standbys === 1 ? "" : "s"}`
  return names === "" || row["commit"] === "off" || row["commit"] === "local"
    ? warning(
      check,
      `${found}, none of them waited for`,
      "a failover forgets locks of its last moments, and two may run at once",
      "set synchronous_standby_names, let what is protected check fencing tokens, or accept it"
    )
    : ok(check, `${found}, and commits wait for ${names}`)
}

const durability = (row: Record<string, unknown> | undefined): Finding => {
  const check = "durability"
  if (row === undefined) return unknown(check, "see its settings")
  const off = ["fsync", "synchronous_commit"].filter((name) => row[name] === "off")
  return off.length === 0
    ? ok(check, "what is committed outlives a crash")
    : warning(
      check,
      `${off.join(" and ")} off`,
      "a crash of the server forgets locks of its last moments, and two may run at once",
      off.includes("fsync")
        ? `set ${off.join(" and ")} on in the configuration of the server`
        : "set synchronous_commit on for the user of the locks"
    )
}

const table = (row: Record<string, unknown> | undefined): Finding => {
  const check = "table"
  if (row === undefined || row["name"] === null) {
    return warning(
      check,
      "there is no table effect_locks where the user looks first",
      "the locks are in another table or schema, or there are none yet",
      "nothing, if the program names its table itself; else create it, see SqlBackend.createTable"
    )
  }
  const [live, dead, minutes] = [Number(row["live"]), Number(row["dead"]), Math.round(Number(row["oldest"]) / 60)]
  const found = `${String(row["name"])}, ${live} rows and ${dead} old versions of rows`
  if (dead <= 20_000 + 10 * live) return ok(check, found)
  return minutes > 5
    ? warning(
      check,
      found,
      `a transaction that has been open for ${minutes} minutes keeps old versions from being cleaned up, so locks get slow`,
      "end it: see pg_stat_activity, by xact_start"
    )
    : warning(
      check,
      found,
      "autovacuum does not keep up, so locks get slow",
      "see whether autovacuum is on for the table"
    )
}

const pool = (row: Record<string, unknown> | undefined): Finding => {
  const check = "connections"
  if (row === undefined) return unknown(check, "see pg_stat_activity")
  const [used, most] = [Number(row["used"]), Number(row["most"])]
  const found = `${used} of ${most}`
  return used < most * 0.8
    ? ok(check, found)
    : warning(
      check,
      found,
      "when there is none left, programs that start or connect anew get no locks",
      "make the pools smaller, put a pooler in front, or raise max_connections"
    )
}

/** Whether notifications arrive: they do not behind a pooler in transaction mode. */
const hears = (client: PgClient.PgClient) =>
  Effect.gen(function*() {
    const channel = `effect_lock_doctor_${process.pid}`
    const queue = yield* client.listen(channel)
    yield* client.notify(channel, "")
    yield* Queue.take(queue)
    return true
  }).pipe(
    Effect.scoped,
    Effect.timeout("2 seconds"),
    Effect.orElseSucceed(() => false),
    Effect.map((isHeard): Finding =>
      isHeard
        ? ok("LISTEN", "what is notified is heard")
        : warning(
          "LISTEN",
          "what is notified is not heard",
          "those who wait find out by looking again, every few hundredths of a second",
          "connect to the server itself, or to a pooler in session mode"
        )
    )
  )

export const findings = (url: string): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.gen(function*() {
    const client = yield* Effect.provide(
      PgClient.make({ url: Redacted.make(url), maxConnections: 2, applicationName: "effect-lock doctor" }),
      Reactivity.layer
    )
    const found = [
      version(yield* ask(client, "SELECT current_setting('server_version') AS version")),
      replication(
        yield* ask(
          client,
          "SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_standby_names') AS names, " +
            "current_setting('synchronous_commit') AS commit, (SELECT count(*)::int FROM pg_stat_replication) AS standbys"
        )
      ),
      durability(
        yield* ask(
          client,
          "SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit"
        )
      ),
      table(
        yield* ask(
          client,
          "SELECT t.name::text, coalesce(s.n_live_tup, 0)::int AS live, coalesce(s.n_dead_tup, 0)::int AS dead, " +
            "(SELECT coalesce(max(extract(epoch FROM now() - xact_start)), 0)::float8 FROM pg_stat_activity) AS oldest " +
            "FROM (SELECT to_regclass('effect_locks') AS name) t " +
            "LEFT JOIN pg_stat_user_tables s ON s.relid = t.name"
        )
      ),
      pool(
        yield* ask(
          client,
          "SELECT current_setting('max_connections')::int AS most, " +
            "(SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used"
        )
      ),
      yield* hears(client)
    ]
    const before = Date.now()
    const time = yield* ask(client, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS millis")
    const ours = (before + Date.now()) / 2
    return [...found, time === undefined ? unknown("clock", "see its clock") : clock(Number(time["millis"]), ours)]
  }).pipe(
    Effect.scoped,
    // The reason why we cannot connect has been reported already.
    Effect.orElseSucceed((): ReadonlyArray<Finding> => [])
  )
