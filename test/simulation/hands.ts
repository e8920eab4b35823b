/**
 * Keys that change hands, in a world of a seed: holders that leave their lease to
 * whoever takes it on, and those who take it on, also two at once, twice, and too
 * late; keys that stay taken; leaders that resign; and those who only watch.
 */
import { Duration, Effect, Stream } from "effect"
import { Leader, Lock } from "effect-lock"
import { isGuard } from "../../src/internal/guard.ts"
import type { Kind } from "./plan.ts"
import { type Asking, type Interruption, type Outcome, Stage } from "./stage.ts"
import type { Host } from "./witness.ts"

const key = "a"

/** How long an answer may be on its way, and be waited for. */
const slackMillis = 700

class Hands extends Stage {
  adopted = 0
  /** Tokens that are left to others, and how long they are to keep the key if nobody takes it on. */
  private readonly left = new Map<string, number>()

  protected override isLeft(token: string): boolean {
    return this.left.has(token)
  }

  protected override look(): void {
    for (const [token, until] of this.left) {
      if (this.hosts.every(({ process }) => process.now < until) && this.backing.endOf(key, token) === -Infinity) {
        this.object("stay", this.world.alias(token))
      }
    }
  }

  protected draw(host: Host): Asking {
    const { random } = this.world
    const expires = random.pick([40, 300, 8_000])
    const timeout = random.pick([0, 50, 1_000])
    const n = random.int(100)
    if (n < 55) {
      const atLeast = random.chance(0.3) ? random.pick([20, 300]) : undefined
      return Lock.withLock(this.holding(host, expires), key, { expires, timeout, atLeast })
    }
    if (n < 70) return Lock.awaitFree(key, { timeout })
    if (n < 85) {
      return Lock.changes(key).pipe(Stream.runDrain, Effect.timeoutOption(random.pick([20, 500])))
    }
    let terms = 0
    const work = (lease: Lock.Lease) =>
      Effect.andThen(
        this.section(host, [lease], expires),
        Effect.suspend(() => ++terms < 3 ? Leader.resign : Effect.void)
      )
    return Leader.lead(work, key, { expires, rest: random.pick([0, 20]) }).pipe(
      Effect.timeoutOption(random.pick([100, 2_000]))
    )
  }

  /** Works, and perhaps leaves the lease to others. */
  private holding(host: Host, expires: number): (lease: Lock.Lease) => Asking {
    return (lease) =>
      Effect.andThen(
        this.section(host, [lease], expires),
        this.world.random.chance(0.6) ? this.leaving(lease) : Effect.void
      )
  }

  private leaving(lease: Lock.Lease): Asking {
    const { random } = this.world
    const detached = Lock.detach(lease, { for: random.pick([undefined, 100, 2_000]) })
    // Whoever has the ticket has told others, or nobody ever hears of it.
    return Effect.uninterruptibleMask((restore) =>
      Effect.map(Effect.onInterrupt(restore(detached), () => this.dropped(lease)), (ticket) => {
        // The store's clock may be ahead, and its answer was on its way.
        const goodFor = Duration.toMillis(ticket.goodFor)
        this.left.set(ticket.token, this.world.now + 0.98 * goodFor - slackMillis)
        for (let times = random.pick([0, 1, 1, 2, 3]); times > 0; times--) {
          this.ask(random.millis(0.125, random.pick([1, 20, 2_500])), (host) => this.adopting(host, ticket))
        }
      })
    )
  }

  /** Who is interrupted in the moment at which it has left a lease never sees the ticket: the key is free when that is over. */
  private dropped(lease: Lock.Lease): Effect.Effect<void> {
    return Effect.map(lease.remaining, (remaining) => {
      if (Duration.isZero(remaining) && isGuard(lease)) this.left.set(lease.token, -Infinity)
    })
  }

  private adopting(host: Host, ticket: Lock.Ticket): Asking {
    const expires = this.world.random.pick([40, 300, 8_000])
    return Effect.scoped(Effect.gen({ self: this }, function*() {
      this.left.set(ticket.token, -Infinity)
      const lease = yield* Lock.adopt(ticket, { expires, timeout: 500 })
      this.adopted++
      yield* Lock.guard(lease)(this.section(host, [lease], expires))
      if (this.world.random.chance(0.3)) yield* this.leaving(lease)
    }))
  }
}

/** The outcome, and how often a key was taken on. */
export const play = (
  seed: number,
  kind: Kind,
  interrupt?: Interruption,
  traced = false
): Outcome & { readonly adopted: number } => {
  const hands = new Hands(seed, kind, [key], [2, 3], interrupt, traced)
  const outcome = hands.play()
  return { ...outcome, adopted: hands.adopted }
}
