/** Releases. Those that failed are retried whenever the server answers. */
import { constVoid } from "effect/Function"
import { type Settling, unawaited } from "../shortcuts.ts"
import { type AskedAttempt, AskedRelease, type Told } from "./asked.ts"
import type { Turn } from "./batch.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import * as Reply from "./reply.ts"
import type { Hold } from "./tokens.ts"
import type { Command } from "./transport.ts"

export class Releases {
  private readonly ground: Ground
  private readonly told: Told
  private readonly turn: Turn<AskedAttempt, AskedRelease>

  constructor(ground: Ground, told: Told, turn: Turn<AskedAttempt, AskedRelease>) {
    this.ground = ground
    this.told = told
    this.turn = turn
  }

  /** `hold`: undefined if the caller does not know whether the token is ours. */
  release(key: string, token: string, call: Settling<boolean>, hold: Hold | undefined): void {
    const { turn } = this
    const asked = new AskedRelease(key, token, Keys.lockKey(this.ground.prefix, key), call, hold)
    const known = this.told.tokens.get(token)
    // Calls for one token must be executed in their order.
    if (known?.collected) turn.flush()
    // A token that we do not know may share the lock, or wait elsewhere.
    const isAlone = known === undefined ? hold === "exclusive" : known.place === undefined && !known.shares
    if (isAlone) turn.release(asked)
    else this.withdraw(asked, known?.place?.entries ?? [])
  }

  /** Also removes it from the queue, where it may have these entries. */
  private withdraw(asked: AskedRelease, entries: ReadonlyArray<string>): void {
    const { prefix, scripts, transport } = this.ground
    const { answers, recall, waiting } = this.told
    const { lock, token } = asked
    waiting.leave(token)
    const command: Command = {
      script: scripts.withdraw,
      keys: 2,
      args: [lock, Keys.queueKey(lock), Keys.channelPrefix(prefix), token, ...entries],
      sent: false,
      succeed: (reply) => {
        const among = Reply.among(reply, 1)
        if (among === undefined) return command.fail(Reply.notUnderstood(reply))
        if (among.handed.length > 0) recall.add(lock)
        answers.released(asked, among.others.size === 0)
        this.told.heard()
      },
      fail: (cause) => answers.unreleased(asked, cause)
    }
    transport.send(command)
  }

  /** Retries those that failed. */
  retry(): void {
    for (const [token, { hold, key }] of this.told.tokens.takeDebts()) this.release(key, token, unawaited, hold)
  }

  /**
   * The token now belongs to somebody else. Its entries in a queue, left by a late claim or look,
   * would get the lock.
   */
  forget(key: string, token: string): void {
    const { prefix, transport } = this.ground
    const { tokens, waiting } = this.told
    const entries = tokens.get(token)?.place?.entries ?? []
    waiting.leave(token)
    tokens.drop(token)
    if (entries.length === 0) return
    const args = [Keys.queueKey(Keys.lockKey(prefix, key)), ...entries]
    transport.send({ script: "ZREM", keys: 1, args, sent: false, succeed: constVoid, fail: constVoid })
  }
}
