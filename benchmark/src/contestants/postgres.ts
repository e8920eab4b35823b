/** Locks in PostgreSQL: what people write by hand, and this library. All of them over the same driver. */
import * as SqlBackend from "#effect-lock/SqlBackend"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { type Contestant, promised } from "./contestant.ts"
import { openSession } from "./effectLock.ts"

const urlOf = (port: number): string => `postgres://app@127.0.0.1:${port}/postgres`

const open = async (port: number) => {
  const scope = Scope.makeUnsafe()
  const sql = await Effect.runPromise(
    PgClient.make({ url: Redacted.make(urlOf(port)), maxConnections: 10 }).pipe(
      Effect.provide(Reactivity.layer),
      Scope.provide(scope)
    )
  )
  return { sql, close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

/** One row a lock, as ShedLock has it: UPDATE, INSERT if there is none; and UPDATE to give it back. */
export const row: Contestant = {
  name: "a row, as ShedLock",
  sends: [],
  polls: true,
  open: async (port, retryMillis = 50) => {
    const { close, sql } = await open(port)
    const run = (text: string, parameters: ReadonlyArray<unknown>) =>
      Effect.runPromise(Effect.withTracerEnabled(sql.unsafe(text, parameters).values, false))
    const attempt = async (name: string): Promise<boolean> => {
      const updated = await run(
        `UPDATE shedlock SET lock_until = clock_timestamp() + interval '10 s', locked_at = clock_timestamp(), locked_by = $2
        WHERE name = $1 AND lock_until <= clock_timestamp() RETURNING 1`,
        [name, "us"]
      )
      if (updated.length > 0) return true
      const inserted = await run(
        `INSERT INTO shedlock VALUES ($1, clock_timestamp() + interval '10 s', clock_timestamp(), $2)
        ON CONFLICT DO NOTHING RETURNING 1`,
        [name, "us"]
      )
      return inserted.length > 0
    }
    return {
      work: promised<void>((key) => ({
        acquire: async () => {
          while (!(await attempt(key))) await pause(retryMillis)
        },
        release: () =>
          run("UPDATE shedlock SET lock_until = clock_timestamp() WHERE name = $1 AND locked_by = $2", [key, "us"])
      })),
      close
    }
  }
}

/** A lock of the session, which is gone when the connection is. Nothing is written. */
export const advisory: Contestant = {
  name: "pg_advisory_lock",
  sends: [],
  polls: false,
  open: async (port) => {
    const { close, sql } = await open(port)
    return {
      work: promised<() => Promise<unknown>>((key) => ({
        acquire: async () => {
          const scope = Scope.makeUnsafe()
          const connection = await Effect.runPromise(Scope.provide(sql.reserve, scope))
          await Effect.runPromise(connection.executeValues("SELECT pg_advisory_lock(hashtextextended($1, 0))", [key]))
          return async () => {
            await Effect.runPromise(
              connection.executeValues("SELECT pg_advisory_unlock(hashtextextended($1, 0))", [key])
            )
            await Effect.runPromise(Scope.close(scope, Exit.void))
          }
        },
        release: (held) => held()
      })),
      close
    }
  }
}

export const ours: Contestant = {
  name: "effect-lock",
  sends: [],
  polls: false,
  open: (port) => openSession(SqlBackend.layer({ url: urlOf(port) }))
}

export const contestants: ReadonlyArray<Contestant> = [row, advisory, ours]

export const byName = (name: string): Contestant => contestants.find((one) => one.name === name) ?? ours

/** The tables of all of them. */
export const prepare = async (port: number): Promise<void> => {
  const { close, sql } = await open(port)
  await Effect.runPromise(sql.unsafe(await Effect.runPromise(SqlBackend.createTable())))
  await Effect.runPromise(sql`CREATE TABLE shedlock
    (name text PRIMARY KEY, lock_until timestamptz NOT NULL, locked_at timestamptz NOT NULL, locked_by text NOT NULL)`)
  await close()
}

/** Transactions that the server has committed. */
export const commits = async (port: number): Promise<number> => {
  const { close, sql } = await open(port)
  const rows = await Effect.runPromise(sql<{ readonly n: bigint }>`SELECT xact_commit AS n FROM pg_stat_database
    WHERE datname = current_database()`)
  await close()
  return Number(rows[0].n)
}
