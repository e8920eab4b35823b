/** The store: the protocol of `statements.ts` over a link. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Attempt, Claim, Held, Holding, LockStore, Occupant } from "../../LockStore.ts"
import { Notices } from "../notices.ts"
import { type Settling, withShortcuts } from "../shortcuts.ts"
import { monotonicMillis } from "../time.ts"
import * as Token from "../token.ts"
import * as Batches from "./batches.ts"
import * as ClockBound from "./bound.ts"
import * as Edits from "./edits.ts"
import * as Failure from "./failure.ts"
import * as Grants from "./grants.ts"
import type { Link, Row } from "./link.ts"
import * as Sharing from "./sharing.ts"
import * as Statements from "./statements.ts"
import { keyOf, rowName, rowPrefix, type Table } from "./table.ts"

/** Renewals in one statement, and how many of these may be out. */
const extendBatchSize = 500
const extendsOut = 2

/** How long a key given to a waiter stays its own until the waiter renews it or comes by, in milliseconds. */
const grantMillis = 1000

/** Rows are locked for as long as a commit takes, so a row that was is asked for again after so many milliseconds. */
const pauses = [1, 2, 5, 10, 20, 40, 80, 160]

/** An attempt need not know so exactly: after a few of these the row is somebody's. */
const claimPauses = 5

/** When to look again at a key whose row somebody keeps locked past its lease, as a fenced transaction does. */
const lockedMillis = () => 20 + Math.random() * 40

/** How many rows are remembered that are probably free, and still there. */
const freedRows = 256

/** How long after it was of use a row is swept. */
const sweepMillis = 70_000

/**
 * Those who wait are told, and come by in case that was lost, or the one that
 * was told is gone; a server in trouble is asked sooner.
 */
const retry: Schedule.Schedule<unknown> = Schedule.spaced(Duration.millis(900)).pipe(
  Schedule.modifyDelay(({ attempt, duration, input }) =>
    Effect.succeed(
      input instanceof BackendFailure ? Duration.millis(Math.min(250, 10 * 1.5 ** Math.min(attempt, 16))) : duration
    )
  ),
  Schedule.jittered
)

/** A token of ours that the server may know. */
interface Known {
  /** Its entry in the queue, if it may be there. */
  entry: string
  /** It has been in a queue, so that a message about it may still come. */
  waited: boolean
  /** Claims without answer. */
  out: number
  /** It is to be released, so what it is still given has to be given back. */
  released: boolean
  /** It shares its key. */
  shares: boolean
  /** It shares its key, or wants it alone of those who do, which statements cannot decide. */
  edits: boolean
}

interface Claiming {
  readonly row: string
  readonly claim: Claim
  readonly known: Known
  readonly call: Settling<Attempt>
  readonly tries: number
}

interface Releasing {
  readonly row: string
  readonly key: string | undefined
  readonly token: string
  readonly call: Settling<boolean>
  readonly tries: number
}

/** What is said of a row that was claimed. */
interface Answer extends Pick<Sharing.Told, "fencingToken" | "holder" | "leftMillis"> {
  readonly waiters: number | undefined
  readonly late: boolean
  readonly queued: boolean
}

/** Of a row that others change all the time. */
const unknown = { holder: undefined, leftMillis: 0, waiters: undefined }

type Verdict = boolean | "locked" | "shared"

/** A batch may have several tokens of one key, of which one holds it. */
const extendedAlone = (rows: ReadonlyArray<Row>) => {
  const found = new Map(rows.map(([row, token, isExtended]) => [`${token} ${row}`, isExtended]))
  return (row: string, token: string): Verdict => {
    const isExtended = found.get(`${token} ${row}`)
    return isExtended === null ? "shared" : isExtended === false ? "locked" : isExtended === true
  }
}

const extendedShared = (rows: ReadonlyArray<Row>) => {
  const found = new Map(
    rows.map(([row, tokens]) =>
      [row, typeof tokens === "string" ? new Set<unknown>(JSON.parse(tokens)) : undefined] as const
    )
  )
  return (row: string, token: string): Verdict =>
    found.has(row) && found.get(row) === undefined ? "locked" : found.get(row)?.has(token) === true
}

const nobody: Settling<unknown> = { settle: () => {} }
const succeedTrue = Exit.succeed(true)
const succeedFalse = Exit.succeed(false)

const leaseOf = (expiresMillis: number): string => String(Math.ceil(expiresMillis))

/** Numbers come as text from some drivers, and as bigint from others. */
const numberOf = (value: unknown): number => value === null || value === undefined ? NaN : Number(value)

const isAnswer = (row: Row): boolean =>
  row.length >= 8 && typeof row[0] === "string" && Number.isFinite(numberOf(row[2])) &&
  (row[1] === null || Number.isSafeInteger(numberOf(row[1])))

/** Of a row that was free. */
const freedAnswer = ([row, fence, micros]: Row): Row => [row, fence, micros, null, null, 0, false, false]

const isListed = (row: Row): row is readonly [string, string, ...ReadonlyArray<unknown>] =>
  typeof row[0] === "string" && typeof row[1] === "string" && Number.isFinite(numberOf(row[2]))

const answerOf = ([, fence, , holder, left, waiters, late, queued]: Row): Answer => ({
  fencingToken: fence === null ? undefined : Number(fence),
  holder: typeof holder === "string" && holder !== "" ? holder : undefined,
  leftMillis: left === null ? 0 : Number(left),
  waiters: waiters === null ? undefined : Number(waiters),
  late: late === true,
  queued: queued === true
})

/** A moment later, and not all at the same one. */
const held = ({ holder, leftMillis, waiters }: Pick<Answer, "holder" | "leftMillis" | "waiters">): Held => ({
  _tag: "Held",
  token: holder === Statements.shared ? undefined : holder,
  remainingMillis: leftMillis > 0 ? leftMillis + 2 + Math.random() * 10 : lockedMillis(),
  waiters
})

export const make = Effect.fnUntraced(function*(
  link: Link,
  table: Table
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const clock = yield* Clock.Clock
  // What is still to be done ends with the store.
  const fork = yield* FiberSet.makeRuntime<never>()
  const now = () => monotonicMillis(clock)
  const statements = Statements.make(table)
  const bound = ClockBound.make()
  const tokens = new Map<string, Known>()
  /** Tokens to release once more as soon as the server answers. */
  let owed = new Map<string, Releasing>()
  /** Rows that we have given back lately, and nobody waited for. */
  const freed = new Set<string>()
  let closed = false
  yield* Effect.addFinalizer(() => Effect.sync(() => closed = true))

  const failure = (operation: string, key: string | undefined, error: unknown) =>
    Failure.make(table, operation, key, error)

  const later = (millis: number, task: () => void): void => {
    fork(Effect.andThen(Effect.sleep(Duration.millis(millis)), Effect.sync(task)))
  }

  const run = <A>(
    operation: string,
    key: string | undefined,
    text: string,
    parameters: ReadonlyArray<unknown>,
    decode: (rows: ReadonlyArray<Row>) => A | undefined
  ): Effect.Effect<A, BackendFailure> =>
    Effect.callback((resume) =>
      link.run(text, parameters, (rows, error) => {
        if (rows === undefined) return resume(Effect.fail(failure(operation, key, error)))
        const value = decode(rows)
        resume(
          value === undefined ? Effect.fail(failure(operation, key, new Failure.Strange())) : Effect.succeed(value)
        )
        settleDebts()
      })
    )

  const notices = new Notices()
  yield* Effect.addFinalizer(() => Effect.sync(() => notices.close()))
  const grants = yield* Grants.make(link, `effect_lock:${channelName(clock)}`, bound, statements, now, {
    granted: (token) => {
      const known = tokens.get(token)
      if (known?.out === 0) known.entry = ""
    },
    // Its release is usually on its way; but a server that lost its last writes gives to waiters of long ago.
    stray: (token, row) => {
      if (!tokens.has(token)) releases.add({ row, key: undefined, token, call: nobody, tries: 0 })
    }
  }, notices)

  // ---------------------------------------------------------------------------
  // Taking
  // ---------------------------------------------------------------------------

  const claiming = (token: string): Known => {
    let known = tokens.get(token)
    if (known === undefined) {
      tokens.set(token, known = { entry: "", waited: false, out: 0, released: false, shares: false, edits: false })
    }
    known.out++
    return known
  }

  const claimed = (claim: Claim, call: Settling<Attempt>): Claiming => ({
    row: rowName(claim.key),
    claim,
    known: claiming(claim.token),
    call,
    tries: 0
  })

  /** From now on it may be in the queue, as this entry. */
  const enqueue = ({ claim: { expiresMillis, share, token }, known }: Claiming): string => {
    const place = `${token} ${leaseOf(expiresMillis)} ${grantMillis} ${grants.channelFor(token) ?? "-"}`
    if (known.entry === "") known.entry = share === undefined ? place : place + Sharing.entryEnd(share)
    known.waited = true
    return known.entry
  }

  /** An answer has come, or none will. What the token may have got after its release is given back. */
  const answered = ({ claim: { key, token }, known, row }: Claiming, attempt: Attempt | undefined): void => {
    known.out--
    if (attempt?._tag === "Acquired" && known.out === 0) known.entry = ""
    if (known.released) {
      if (attempt?._tag !== "Held" || known.entry !== "") {
        owed.set(token, { row, key, token, call: nobody, tries: 0 })
      } else forget(token, known)
    } else if (attempt !== undefined && !known.waited && !(known.edits && attempt._tag === "Acquired")) {
      forget(token, known)
    }
  }

  const forget = (token: string, known: Known): void => {
    if (known.out === 0 && !owed.has(token)) tokens.delete(token)
  }

  const settle = (asked: Claiming, attempt: Attempt): void => {
    answered(asked, attempt)
    asked.call.settle(Exit.succeed(attempt))
  }

  const fail = (asked: Claiming, error: unknown): void => {
    answered(asked, undefined)
    asked.call.settle(Exit.fail(failure("acquire", asked.claim.key, error)))
  }

  /** By when, on the server's clock, a claim that is sent now has to be executed. */
  const latest = (): string | null => {
    const micros = bound.latest(now() + link.deadlineMillis)
    return micros === undefined ? null : String(micros)
  }

  const conclude = (asked: Claiming, answer: Answer, again: (asked: Claiming) => void): void => {
    const { claim, tries } = asked
    if (answer.fencingToken !== undefined) {
      return settle(asked, { _tag: "Acquired", fencingToken: answer.fencingToken })
    }
    if (answer.late) return fail(asked, new Failure.Silent())
    // Not taken though it looked free: somebody had its row at that moment.
    const skipped = answer.leftMillis <= 0 || answer.holder === claim.token || (claim.wait && !answer.queued)
    if (!skipped || tries >= claimPauses) return settle(asked, held(answer))
    later(pauses[tries], () => again({ ...asked, tries: tries + 1 }))
  }

  const edits = Edits.make(link, statements, bound, now, latest, later)

  const claimsOf = (batch: ReadonlyArray<Claiming>) => [
    batch.map(({ row }) => row),
    batch.map(({ claim }) => claim.token),
    batch.map(({ claim }) => leaseOf(claim.expiresMillis)),
    latest()
  ]

  const attempts = Batches.make<Claiming>((batch, landed) =>
    batch.length === 1 ? sendAttempt(batch[0], landed) : sendAttempts(batch, landed)
  )

  const sendAttempt = (asked: Claiming, landed: () => void): void => {
    const { claim, row } = asked
    const isFreed = freed.delete(row)
    const statement = isFreed ? statements.acquireFreed : statements.acquireOne
    const sentAt = now()
    link.run(statement, [row, claim.token, leaseOf(claim.expiresMillis), latest()], (rows, error) => {
      if (rows?.length === 0) return isFreed ? sendAttempt(asked, landed) : sendOthers([asked], landed)
      landed()
      concludeAll([asked], sentAt, isFreed ? rows?.map(freedAnswer) : rows, error)
    })
  }

  /** Most keys are free. */
  const sendAttempts = (batch: ReadonlyArray<Claiming>, landed: () => void): void => {
    const sentAt = now()
    link.run(statements.acquireFree, claimsOf(batch), (rows, error) => {
      const taken = new Map(rows?.map((row) => [row[0], row]))
      const others: Array<Claiming> = []
      for (const asked of batch) {
        const [, fence, micros] = taken.get(asked.row) ?? []
        const fencingToken = numberOf(fence)
        if (rows === undefined) fail(asked, error)
        else if (Number.isSafeInteger(fencingToken)) {
          bound.observe(sentAt, now(), numberOf(micros))
          settle(asked, { _tag: "Acquired", fencingToken })
        } else others.push(asked)
      }
      if (others.length > 0) return sendOthers(others, landed)
      landed()
      if (rows !== undefined) settleDebts()
    })
  }

  const sendOthers = (batch: ReadonlyArray<Claiming>, landed: () => void): void => {
    const sentAt = now()
    link.run(statements.acquire, claimsOf(batch), (rows, error) => {
      landed()
      concludeAll(batch, sentAt, rows, error)
    })
  }

  const concludeAll = (
    batch: ReadonlyArray<Claiming>,
    sentAt: number,
    rows: ReadonlyArray<Row> | undefined,
    error: unknown
  ): void => {
    const answers = new Map<unknown, Row>()
    if (rows !== undefined) {
      for (const row of rows) if (isAnswer(row)) answers.set(row[0], row)
      if (rows.length > 0) bound.observe(sentAt, now(), numberOf(rows[0][2]))
    }
    for (const asked of batch) {
      const row = answers.get(asked.row)
      if (row === undefined) fail(asked, error ?? new Failure.Strange())
      else conclude(asked, answerOf(row), attempts.add)
    }
    if (rows !== undefined) settleDebts()
  }

  const wait = (asked: Claiming): void => {
    const { claim: { expiresMillis, token }, row } = asked
    const entry = enqueue(asked)
    const sentAt = now()
    link.run(statements.wait, [row, token, leaseOf(expiresMillis), latest(), entry], (rows, error) => {
      if (rows === undefined || rows.length !== 1 || !isAnswer(rows[0])) {
        return fail(asked, error ?? new Failure.Strange())
      }
      bound.observe(sentAt, now(), numberOf(rows[0][2]))
      const answer = answerOf(rows[0])
      if (answer.holder === Statements.shared && answer.fencingToken === undefined) return edit(asked)
      conclude(asked, answer, wait)
      settleDebts()
    })
  }

  /** Claims, having released another token if there is one, of a key that is shared or is going to be. */
  const edit = (asked: Claiming, previous?: string): void => {
    const { call, claim, known, row } = asked
    const { expiresMillis, key, share, token } = claim
    known.edits = true
    known.shares = share !== undefined
    const entry = claim.wait ? enqueue(asked) : undefined
    const leaseMillis = Math.ceil(expiresMillis)
    edits.run(row, (copy) => {
      if (previous !== undefined) copy.leave(previous, tokens.get(previous)?.entry)
      return copy.ask({ token, leaseMillis, share, entry })
    }, (told, error) => {
      if (told !== undefined) {
        const { fencingToken } = told
        if (previous !== undefined) returned(previous)
        settle(asked, fencingToken === undefined ? held(told) : { _tag: "Acquired", fencingToken })
        return settleDebts()
      }
      if (previous === undefined && error instanceof Failure.Locked) return settle(asked, held(unknown))
      answered(asked, undefined)
      call.settle(Exit.fail(failure(previous === undefined ? "acquire" : "release", key, error)))
    })
  }

  const tryAcquire = (claim: Claim, call: Settling<Attempt>): void => {
    const asked = claimed(claim, call)
    if (claim.share !== undefined || asked.known.edits) edit(asked)
    else if (claim.wait) wait(asked)
    else attempts.add(asked)
  }

  const exchange = (token: string, claim: Claim, call: Settling<Attempt>): void => {
    const asked = claimed(claim, call)
    if (claim.share !== undefined || tokens.get(token)?.edits === true) return edit(asked, token)
    const { row } = asked
    const lease = leaseOf(claim.expiresMillis)
    const entry = enqueue(asked)
    const undone = (error: unknown): void => {
      answered(asked, undefined)
      call.settle(Exit.fail(failure("release", claim.key, error)))
    }
    const ask = (tries: number): void => {
      const sentAt = now()
      link.run(statements.exchange, [row, token, claim.token, lease, latest(), entry], (rows, error) => {
        if (rows === undefined) return undone(error)
        // Not the token's, which may wait for it.
        if (rows.length === 0) {
          const released: Settling<boolean> = {
            settle: (exit) => {
              if (exit._tag === "Success") return wait(asked)
              answered(asked, undefined)
              call.settle(Exit.failCause(exit.cause))
            }
          }
          return giveBack({ row, key: claim.key, token, call: released, tries: 0 })
        }
        const [ours, fence, micros, holder, left, waiters, late, isShared] = rows[0]
        const fencingToken = numberOf(fence)
        if (late === true) return undone(new Failure.Silent())
        if (isShared === true) return edit(asked, token)
        if (ours === null) {
          if (tries >= pauses.length) return undone(new Failure.Locked())
          return later(pauses[tries], () => ask(tries + 1))
        }
        if (!Number.isSafeInteger(fencingToken)) return undone(new Failure.Strange())
        bound.observe(sentAt, now(), numberOf(micros))
        returned(token)
        settle(
          asked,
          ours === true
            ? { _tag: "Acquired", fencingToken }
            : held(answerOf([row, null, micros, holder, left, waiters, false, true]))
        )
        settleDebts()
      })
    }
    ask(0)
  }

  /** Takes a key on from another token, of whoever knows it. */
  const transfer = (from: string, claim: Claim, call: Settling<Attempt>): void => {
    const { expiresMillis, token } = claim
    const asked = claimed(claim, call)
    const ask = (tries: number): void => {
      const sentAt = now()
      link.run(statements.transfer, [asked.row, from, token, leaseOf(expiresMillis), latest()], (rows, error) => {
        if (rows === undefined) return fail(asked, error)
        if (rows.length === 0) {
          settle(asked, { _tag: "Held" })
          return settleDebts()
        }
        if (!isAnswer(rows[0])) return fail(asked, new Failure.Strange())
        const answer = answerOf(rows[0])
        bound.observe(sentAt, now(), numberOf(rows[0][2]))
        if (answer.fencingToken !== undefined) {
          settle(asked, { _tag: "Acquired", fencingToken: answer.fencingToken })
        } else if (answer.late) fail(asked, new Failure.Silent())
        else if (answer.holder !== from && answer.holder !== token) settle(asked, held(answer))
        else if (tries >= pauses.length) fail(asked, new Failure.Locked())
        else return later(pauses[tries], () => ask(tries + 1))
        settleDebts()
      })
    }
    ask(0)
  }

  // ---------------------------------------------------------------------------
  // Giving back
  // ---------------------------------------------------------------------------

  const giveBack = (asked: Releasing): void => {
    const known = tokens.get(asked.token)
    if (known !== undefined) known.released = true
    if (known?.edits === true) leave(asked)
    else if (known === undefined || known.entry === "") releases.add(asked)
    else withdraw(asked, known.entry)
  }

  /** Of a key that is shared, or that the next one shares. */
  const leave = (asked: Releasing): void =>
    edits.run(asked.row, (copy) => copy.leave(asked.token, tokens.get(asked.token)?.entry), (isLive, error) => {
      if (isLive === undefined) return unreleased(asked, error)
      confirmed(asked, isLive)
      settleDebts()
    })

  const again = (asked: Releasing): void => {
    if (asked.tries >= pauses.length) unreleased(asked, new Failure.Locked())
    else later(pauses[asked.tries], () => giveBack({ ...asked, tries: asked.tries + 1 }))
  }

  const confirmed = ({ call, token }: Releasing, ours: boolean): void => {
    returned(token)
    sweepLater()
    call.settle(ours ? succeedTrue : succeedFalse)
  }

  const unreleased = (asked: Releasing, error: unknown): void => {
    // Of our own tokens only: nobody wants somebody else's key freed at some later time.
    if (tokens.has(asked.token) && !closed) owed.set(asked.token, { ...asked, call: nobody, tries: 0 })
    asked.call.settle(Exit.fail(failure("release", asked.key, error)))
  }

  const rowsAndTokens = (batch: ReadonlyArray<Releasing>) => [
    batch.map(({ row }) => row),
    batch.map(({ token }) => token)
  ]

  const releases = Batches.make<Releasing>((batch, landed) => {
    const one = batch.length === 1
    const statement = one ? statements.releaseOne : statements.releaseMany
    link.run(statement, one ? [batch[0].row, batch[0].token] : rowsAndTokens(batch), (rows, error) => {
      const released = new Map(rows?.map((row) => [row[0], row]))
      const others: Array<Releasing> = []
      for (const asked of batch) {
        const found = released.get(asked.row)
        if (rows === undefined) unreleased(asked, error)
        else if (found !== undefined) {
          const [, isLive, isFree] = found
          if (isFree === true) remember(asked.row)
          confirmed(asked, isLive === true)
        } else others.push(asked)
      }
      if (others.length > 0) return sendReleases(others, landed)
      landed()
      if (rows !== undefined) settleDebts()
    })
  })

  const remember = (row: string): void => {
    freed.delete(row)
    freed.add(row)
    if (freed.size > freedRows) { for (const oldest of freed) return void freed.delete(oldest) }
  }

  const sendReleases = (batch: ReadonlyArray<Releasing>, landed: () => void): void => {
    link.run(statements.release, rowsAndTokens(batch), (rows, error) => {
      landed()
      if (rows === undefined) {
        for (const asked of batch) unreleased(asked, error)
        return
      }
      const live = new Map(rows.map(([row, isLive, isShared]) => [row, isShared === true ? "shared" : isLive]))
      for (const asked of batch) {
        const found = live.get(asked.row)
        if (found === "shared") leave(asked)
        else if (found === null) again(asked)
        else confirmed(asked, found === true)
      }
      settleDebts()
    })
  }

  const withdraw = (asked: Releasing, entry: string): void =>
    link.run(statements.withdraw, [asked.row, asked.token, entry], (rows, error) => {
      if (rows === undefined) return unreleased(asked, error)
      const [live, left, isShared] = rows[0] ?? [false, true, false]
      if (isShared === true) return leave(asked)
      if (left !== true) return again(asked)
      confirmed(asked, live === true)
      settleDebts()
    })

  const release = (key: string, token: string, call: Settling<boolean>): void =>
    giveBack({ row: rowName(key), key, token, call, tries: 0 })

  const returned = (token: string): void => {
    owed.delete(token)
    const known = tokens.get(token)
    if (known === undefined) return
    known.released = true
    forget(token, known)
  }

  const settleDebts = (): void => {
    if (owed.size === 0) return
    const debts = owed
    owed = new Map()
    for (const debt of debts.values()) giveBack(debt)
  }

  // ---------------------------------------------------------------------------
  // Keeping, looking, and sweeping
  // ---------------------------------------------------------------------------

  const extendBatch = (
    holdings: ReadonlyArray<Holding>
  ): Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure> =>
    Effect.callback((resume) => {
      const rows = holdings.map(({ key }) => rowName(key))
      const extended: Array<boolean | BackendFailure> = holdings.map(() => false)
      let out = 0
      let failed: BackendFailure | undefined
      const ask = (statement: string, indices: ReadonlyArray<number>, tries: number): void => {
        if (indices.length === 0) return
        const parameters = [
          indices.map((i) => rows[i]),
          indices.map((i) => holdings[i].token),
          indices.map((i) => leaseOf(holdings[i].expiresMillis))
        ]
        out++
        link.run(statement, parameters, (found, error) => {
          if (found === undefined) failed = failure("extend", holdings[indices[0]].key, error)
          else {
            const verdict = statement === statements.extend ? extendedAlone(found) : extendedShared(found)
            const verdicts = indices.map((i) => [i, verdict(rows[i], holdings[i].token)] as const)
            const among = (wanted: unknown) => verdicts.flatMap(([i, one]) => one === wanted ? i : [])
            for (const i of among(true)) extended[i] = true
            ask(statements.extendShared, among("shared"), 0)
            const locked = among("locked")
            if (locked.length > 0 && tries < pauses.length) {
              out++
              later(pauses[tries], () => {
                out--
                ask(statement, locked, tries + 1)
              })
            } else for (const i of locked) extended[i] = failure("extend", holdings[i].key, new Failure.Locked())
            settleDebts()
          }
          if (--out === 0) resume(failed === undefined ? Effect.succeed(extended) : Effect.fail(failed))
        })
      }
      const all = holdings.map((_, i) => i)
      const shares = (i: number) => tokens.get(holdings[i].token)?.shares === true
      ask(statements.extend, all.filter((i) => !shares(i)), 0)
      ask(statements.extendShared, all.filter(shares), 0)
    })

  const extendAll = Effect.fnUntraced(function*(holdings: ReadonlyArray<Holding>) {
    const batches: Array<Effect.Effect<ReadonlyArray<boolean | BackendFailure>, BackendFailure>> = []
    for (let i = 0; i < holdings.length; i += extendBatchSize) {
      batches.push(extendBatch(holdings.slice(i, i + extendBatchSize)))
    }
    return (yield* Effect.all(batches, { concurrency: extendsOut })).flat()
  })

  /** By the row of each. */
  const sharersOf = (
    operation: string,
    key: string | undefined,
    rows: ReadonlyArray<string>
  ): Effect.Effect<Map<unknown, ReadonlyArray<Occupant>>, BackendFailure> =>
    run(operation, key, statements.read, [rows], (read) => {
      const all = read.map((row) => [row[0], Edits.foundOf(row)] as const)
      if (all.some(([, found]) => found === undefined)) return undefined
      return new Map(all.map(([row, found]) => [
        row,
        Sharing.holders(found!).map(({ end, permits, token }) => ({
          token,
          permits,
          remainingMillis: (end - found!.now) / 1000,
          waiters: found!.queue.length
        }))
      ]))
    })

  const holders = Effect.fnUntraced(function*(key: string) {
    const found = yield* run("inspect", key, statements.inspect, [rowName(key)], ([row]) => {
      if (row === undefined) return []
      const [token, left, waiters] = row
      return typeof token !== "string" || !Number.isFinite(numberOf(left))
        ? undefined
        : [{ token, remainingMillis: Number(left), waiters: Number(waiters) } satisfies Occupant]
    })
    if (found[0]?.token !== Statements.shared) return found
    return (yield* sharersOf("inspect", key, [rowName(key)])).get(rowName(key)) ?? []
  })

  const inspect: LockStore["inspect"] = (key) =>
    Effect.map(holders(key), ([first]) => Option.fromUndefinedOr<Occupant | undefined>(first))

  const list = Effect.fnUntraced(function*(prefix: string, from: string | undefined) {
    const start = rowPrefix(prefix)
    if (start === undefined) return { locks: [] }
    const rows = yield* run(
      "list",
      undefined,
      statements.list,
      [start, from ?? ""],
      (rows) => rows.every(isListed) ? rows : undefined
    )
    const shared = rows.flatMap(([row, token]) => token === Statements.shared ? row : [])
    const sharers = shared.length === 0 ? undefined : yield* sharersOf("list", undefined, shared)
    const locks = rows.flatMap(([row, token, left, waiters]) => {
      const key = keyOf(row)
      const first = token === Statements.shared
        ? sharers?.get(row)?.at(0)
        : { token, remainingMillis: Number(left), waiters: Number(waiters) }
      return key === undefined || first === undefined ? [] : [{ key, ...first }]
    })
    return rows.length < Statements.pageSize ? { locks } : { locks, next: rows[rows.length - 1][0] }
  })

  let sweeping = false
  let usedAt = 0

  const sweepLater = (): void => {
    usedAt = now()
    if (sweeping || closed) return
    sweeping = true
    fork(sweep)
  }

  const sweep: Effect.Effect<void> = Effect.gen(function*() {
    while (true) {
      yield* Effect.sleep(Duration.millis(sweepMillis * (1 + Math.random() * 0.3)))
      const sweptAt = now()
      const more = yield* Effect.orElseSucceed(
        run("sweep", "", statements.sweep, [], (rows) => numberOf(rows[0]?.[0]) >= 1000),
        () => true
      )
      if (!more && sweptAt - usedAt > sweepMillis) break
    }
    sweeping = false
    freed.clear()
  })

  const callbacks = { tryAcquire, release }
  const store: LockStore = {
    name: Failure.backend,
    tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
    extend: (holding) =>
      Effect.flatMap(
        extendBatch([holding]),
        ([extended]) => typeof extended === "boolean" ? Effect.succeed(extended) : Effect.fail(extended)
      ),
    extendAll,
    release: (key, token) => Effect.callback((resume) => release(key, token, { settle: resume })),
    inspect,
    shares: true,
    holders,
    list,
    listen: (_key, token, notify) => grants.listen(token, notify),
    watch: link.listen && ((key, notify) => grants.watch(rowName(key), notify)),
    exchange: (token, claim) =>
      claim.wait
        ? Effect.callback((resume) => exchange(token, claim, { settle: resume }))
        : Effect.andThen(store.release(claim.key, token), store.tryAcquire(claim)),
    transfer: (from, claim) => Effect.callback((resume) => transfer(from, claim, { settle: resume })),
    forget: (_key, token) => void tokens.delete(token),
    retry,
    maxExpires: Duration.days(36_500),
    handOver: { times: Statements.fenceRoom, within: Duration.millis(10) },
    observe: notices.observe
  }
  return withShortcuts(store, { callbacks })
})

/** A name that no other store has. */
const channelName = (clock: Clock.Clock): string =>
  Token.make(() => clock.currentTimeMillisUnsafe())().replaceAll(".", "_")
