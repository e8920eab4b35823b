/**
 * First attempts and releases of many locks in one script. If the server refuses that because of one
 * lock, it may still accept the others, so each is then sent by itself.
 */
import { acquired, type AskedAttempt, type AskedRelease, held, type Told } from "./asked.ts"
import { type Batch, pushLeases, Turn } from "./batch.ts"
import * as Failure from "./failure.ts"
import type { Ground } from "./ground.ts"
import * as Keys from "./keys.ts"
import * as Reply from "./reply.ts"
import type { Command } from "./transport.ts"

/** The calls of one script. */
type Asks = Batch<AskedAttempt, AskedRelease>

export class Together {
  readonly turn: Turn<AskedAttempt, AskedRelease>
  private readonly ground: Ground
  private readonly told: Told

  constructor(ground: Ground, told: Told) {
    this.ground = ground
    this.told = told
    this.turn = new Turn(ground.transport.single, (asks) => this.send(asks))
  }

  private send(asks: Asks): void {
    const { attempts, releases } = asks
    const { now, scripts, transport } = this.ground
    for (const { known } of attempts) known.collected = false
    const sentAt = attempts.length === 0 ? 0 : now()
    const command: Command = {
      script: releases.length === 0 ? scripts.attempt : attempts.length === 0 ? scripts.release : scripts.turn,
      keys: 2 * releases.length + attempts.length,
      args: this.argsOf(asks),
      sent: false,
      succeed: (reply) => {
        this.turn.land()
        this.answered(asks, reply, sentAt)
      },
      fail: (cause) => {
        this.turn.land()
        this.refused(asks, cause, command.sent)
      }
    }
    this.turn.start()
    transport.send(command)
  }

  private argsOf({ attempts, releases }: Asks): ReadonlyArray<string | number> {
    const args: Array<string | number> = []
    for (const { lock } of releases) args.push(lock, Keys.queueKey(lock))
    for (const { lock } of attempts) args.push(lock)
    if (releases.length > 0) args.push(Keys.channelPrefix(this.ground.prefix))
    if (releases.length > 0 && attempts.length > 0) args.push(releases.length)
    for (const { token } of releases) args.push(token)
    for (const { token } of attempts) args.push(token)
    if (attempts.length > 0) pushLeases(args, attempts)
    return args
  }

  private answered(asks: Asks, reply: unknown, sentAt: number): void {
    const { attempts, releases } = asks
    const [first, second] = attempts.length > 0 && releases.length > 0 ? Reply.pair(reply) : [reply, reply]
    const among = releases.length === 0 ? Reply.allOurs : Reply.among(first, releases.length)
    const attempted = attempts.length === 0 ? Reply.noneAttempted : Reply.attempted(second, attempts.length)
    if (among === undefined || attempted === undefined) return this.refused(asks, Reply.notUnderstood(reply), true)
    this.released(releases, among)
    if (attempts.length > 0) this.attempted(attempts, attempted, sentAt)
    this.told.heard()
    this.turn.told()
  }

  private released(releases: Asks["releases"], { handed, others }: Reply.Among): void {
    const { answers, recall } = this.told
    for (const i of handed) recall.add(releases[i].lock)
    for (let i = 0; i < releases.length; i++) answers.released(releases[i], !others.has(i))
  }

  private attempted(attempts: Asks["attempts"], { micros, refused }: Reply.Attempted, sentAt: number): void {
    const { answers, waiting } = this.told
    waiting.observe(sentAt, micros)
    for (let i = 0; i < attempts.length; i++) {
      const holder = refused.get(i)
      if (holder === null) answers.unattempted("acquire", attempts[i], false, Failure.notALock)
      else answers.attempted(attempts[i], holder === undefined ? acquired(micros) : held(holder, false))
    }
  }

  private refused({ attempts, releases }: Asks, cause: unknown, sent: boolean): void {
    const { answers } = this.told
    if (attempts.length + releases.length > 1 && Failure.isRefusal(cause)) {
      for (const one of releases) this.send({ attempts: [], releases: [one] })
      for (const one of attempts) this.send({ attempts: [one], releases: [] })
      return
    }
    for (const one of releases) answers.unreleased(one, cause)
    for (const one of attempts) answers.unattempted("acquire", one, sent, cause)
  }
}
