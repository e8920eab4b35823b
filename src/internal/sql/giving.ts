/** Giving keys back, and places in their queues; and once more what could not be given back when it should. */
import * as Exit from "effect/Exit"
import { settleBoolean, type Settling, unawaited } from "../shortcuts.ts"
import * as Token from "../token.ts"
import { byName } from "./answers.ts"
import * as Batches from "./batches.ts"
import type { Edits } from "./edits.ts"
import * as Failure from "./failure.ts"
import type { Freed } from "./freed.ts"
import { pauses, type Server } from "./server.ts"
import type { Place, Tokens } from "./tokens.ts"

export interface Giving {
  readonly giveBack: (place: Place, call: Settling<boolean>) => void
  /** Gives back what a token was given that is none of ours any more. */
  readonly giveAway: (row: string, token: string) => void
  /** Gives back what is owed. */
  readonly settleDebts: () => void
}

interface Releasing extends Omit<Place, "key"> {
  readonly key: string | undefined
  readonly call: Settling<boolean>
  readonly tries: number
  /** Others wait for the key, probably. */
  isWanted: boolean
}

/** Whoever has had a key for longer, in milliseconds, can be followed in one round trip rather than spare the server. */
const oldMillis = 100

/** `given` is called whenever something was given back. */
export const make = (server: Server, tokens: Tokens, edits: Edits, freed: Freed, given: () => void): Giving => {
  const { ask, failure, isTuned, later, statements, wallMillis } = server

  const isOld = (token: string): boolean => wallMillis() - Token.sinceMillis(token) > oldMillis

  const begin = (asked: Releasing): void => {
    const { token } = asked
    const known = tokens.releasing(token)
    if (known?.edits === true) return leave(asked)
    if (known !== undefined && known.entry !== "") return withdraw(asked, known.entry)
    asked.isWanted = known?.waited === true || isOld(token)
    releases.add(asked)
  }

  /** Of a key that is shared, or that the next one shares. */
  const leave = (asked: Releasing): void =>
    edits.run(asked.row, (copy) => copy.leave(asked.token, tokens.get(asked.token)?.entry), (isLive, error) => {
      if (isLive === undefined) fail(asked, error)
      else succeed(asked, isLive)
    })

  const again = (asked: Releasing): void => {
    if (asked.tries >= pauses.length) fail(asked, new Failure.Locked())
    else later(pauses[asked.tries], () => begin({ ...asked, tries: asked.tries + 1 }))
  }

  const succeed = ({ call, token }: Releasing, isOurs: boolean): void => {
    tokens.returned(token)
    given()
    settleBoolean(call, isOurs)
  }

  const fail = ({ call, key, row, token }: Releasing, error: unknown): void => {
    if (key !== undefined) tokens.owe({ row, key, token })
    call.settle(Exit.fail(failure("release", key, error)))
  }

  const rowsAndTokens = (batch: ReadonlyArray<Releasing>) => [
    batch.map(({ row }) => row),
    batch.map(({ token }) => token)
  ]

  /**
   * Nobody waits for most keys. Who has waited for one is probably not the last to, and who has had one for long is
   * probably waited for; and the next wants it alone, too. Many at once are freed on connections of our own alone, which
   * plan that well.
   */
  const releases = Batches.make<Releasing>((batch, landed) => {
    const isOne = batch.length === 1
    const handsOn = (!isOne && !isTuned()) || batch.some(({ isWanted }) => isWanted)
    const statement = handsOn
      ? isOne ? statements.releaseOne : statements.releaseMany
      : isOne
      ? statements.freeOne
      : statements.freeMany
    ask(statement, isOne ? [batch[0].row, batch[0].token] : rowsAndTokens(batch), (rows, error) => {
      const released = rows && byName(rows)
      const others: Array<Releasing> = []
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

  const sendOthers = (batch: ReadonlyArray<Releasing>, landed: () => void): void =>
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

  const withdraw = (asked: Releasing, entry: string): void =>
    ask(statements.withdraw, [asked.row, asked.token, entry], (rows, error) => {
      if (rows === undefined) return fail(asked, error)
      const [live, left, isShared] = rows[0] ?? [false, true, false]
      if (isShared === true) leave(asked)
      else if (left !== true) again(asked)
      else succeed(asked, live === true)
    })

  const giveBack: Giving["giveBack"] = ({ key, row, token }, call) =>
    begin({ row, token, key, call, tries: 0, isWanted: false })

  return {
    giveBack,
    giveAway: (row, token) => releases.add({ row, token, key: undefined, call: unawaited, tries: 0, isWanted: true }),
    settleDebts: () => {
      for (const debt of tokens.debts()) giveBack(debt, unawaited)
    }
  }
}
