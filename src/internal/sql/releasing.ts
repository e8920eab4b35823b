/** Releasing keys and places in their queues, and retrying failed releases. */
import * as Exit from "effect/Exit"
import { PassingMap } from "../passing.ts"
import { settleBoolean, type Settling, unawaited } from "../shortcuts.ts"
import * as Token from "../token.ts"
import { byName } from "./answers.ts"
import * as Batches from "./batches.ts"
import type { Edits } from "./edits.ts"
import * as Failure from "./failure.ts"
import type { Freed } from "./freed.ts"
import { pauses, type Server } from "./server.ts"
import type { Place, Tokens } from "./tokens.ts"

export interface Releasing {
  readonly release: (place: Place, call: Settling<boolean>) => void
  /** Releases what was granted to a token that this store no longer knows. */
  readonly releaseStray: (row: string, token: string) => void
  /** Retries the releases that failed. */
  readonly settleDebts: () => void
}

interface Asked extends Omit<Place, "key"> {
  readonly key: string | undefined
  /** All that ask for it. */
  readonly calls: Array<Settling<boolean>>
  readonly tries: number
  /** Others probably wait for the key. */
  isWanted: boolean
}

/**
 * A key that was held for longer than this, in milliseconds, is handed over in one round trip, at a
 * higher cost for the server.
 */
const oldMillis = 100

/** `given` is called after each release. */
export const make = (server: Server, tokens: Tokens, edits: Edits, freed: Freed, given: () => void): Releasing => {
  const { ask, failure, isTuned, later, statements, wallMillis } = server

  const isOld = (token: string): boolean => wallMillis() - Token.sinceMillis(token) > oldMillis

  /**
   * Releases that are not sent yet, by token. One that is asked for again, as it was not answered in time, joins the
   * first: a server that is behind would get further behind by more of them.
   */
  const unsent = new PassingMap<string, Asked>()

  const begin = (asked: Asked): void => {
    const { token } = asked
    const known = tokens.releasing(token)
    if (known?.edits === true) return leave(asked)
    if (known !== undefined && known.entry !== "") return withdraw(asked, known.entry)
    asked.isWanted = known?.waited === true || isOld(token)
    add(asked)
  }

  const add = (asked: Asked): void => {
    const first = unsent.get(asked.token)
    if (first?.row === asked.row && first.key === asked.key) return void first.calls.push(...asked.calls)
    unsent.set(asked.token, asked)
    releases.add(asked)
  }

  /** Releases a key that is shared, or that the next waiter wants to share. */
  const leave = (asked: Asked): void =>
    edits.run(asked.row, (copy) => copy.leave(asked.token, tokens.get(asked.token)?.entry), (isLive, error) => {
      if (isLive === undefined) fail(asked, error)
      else succeed(asked, isLive)
    })

  const again = (asked: Asked): void => {
    if (asked.tries >= pauses.length) fail(asked, new Failure.Locked())
    else later(pauses[asked.tries], () => begin({ ...asked, tries: asked.tries + 1 }))
  }

  const succeed = ({ calls, token }: Asked, isOurs: boolean): void => {
    tokens.released(token)
    given()
    for (const call of calls) settleBoolean(call, isOurs)
  }

  const fail = ({ calls, key, row, token }: Asked, error: unknown): void => {
    if (key !== undefined) tokens.owe({ row, key, token })
    const failed = Exit.fail(failure("release", key, error))
    for (const call of calls) call.settle(failed)
  }

  const rowsAndTokens = (batch: ReadonlyArray<Asked>) => [
    batch.map(({ row }) => row),
    batch.map(({ token }) => token)
  ]

  /**
   * Most keys have no waiters. A key that its holder has waited for probably has more waiters, and
   * so has one that was held for long; the next probably wants it exclusively, too. Many at once
   * are only freed by one statement on our own connections, whose settings make the server plan it
   * well.
   */
  const releases = Batches.make<Asked>((batch, landed) => {
    for (const { token } of batch) unsent.delete(token)
    const isOne = batch.length === 1
    const handsOn = (!isOne && !isTuned()) || batch.some(({ isWanted }) => isWanted)
    const statement = handsOn
      ? isOne ? statements.releaseOne : statements.releaseMany
      : isOne
      ? statements.freeOne
      : statements.freeMany
    ask(statement, isOne ? [batch[0].row, batch[0].token] : rowsAndTokens(batch), (rows, error) => {
      const released = rows && byName(rows)
      const others: Array<Asked> = []
      for (const asked of batch) {
        const found = released?.get(asked.row)
        if (released === undefined) fail(asked, error)
        else if (found === undefined) others.push(asked)
        else {
          if (!handsOn || found[2] === true) freed.add(asked.row)
          succeed(asked, !handsOn || found[1] === true)
        }
      }
      if (others.length > 0) sendOthers(others, landed)
      else landed()
    })
  })

  const sendOthers = (batch: ReadonlyArray<Asked>, landed: () => void): void =>
    ask(statements.release, rowsAndTokens(batch), (rows, error) => {
      landed()
      const live = new Map(rows?.map(([row, isLive, isShared]) => [row, isShared === true ? "shared" : isLive]))
      for (const asked of batch) {
        const found = live.get(asked.row)
        if (rows === undefined) fail(asked, error)
        else if (found === "shared") leave(asked)
        else if (found === null) again(asked)
        else succeed(asked, found === true)
      }
    })

  const withdraw = (asked: Asked, entry: string): void =>
    ask(statements.withdraw, [asked.row, asked.token, entry], (rows, error) => {
      if (rows === undefined) return fail(asked, error)
      const [live, left, isShared] = rows[0] ?? [false, true, false]
      if (isShared === true) leave(asked)
      else if (left !== true) again(asked)
      else succeed(asked, live === true)
    })

  const release: Releasing["release"] = ({ key, row, token }, call) =>
    begin({ row, token, key, calls: [call], tries: 0, isWanted: false })

  return {
    release,
    releaseStray: (row, token) => add({ row, token, key: undefined, calls: [unawaited], tries: 0, isWanted: true }),
    settleDebts: () => {
      for (const debt of tokens.takeDebts()) release(debt, unawaited)
    }
  }
}
