/**
 * A process's way to the server. Messages take their time and overtake each
 * other; requests are lost, executed twice or refused, replies are lost. Whether
 * a connection that lost something breaks, or stays silent, is open.
 */
import { Duration, Effect, Option } from "effect"
import type { Scope } from "effect"
import { LockError, type LockStore } from "effect-lock"
import type { Link, News, Server } from "./store.ts"
import type { Process, World } from "./world.ts"

export interface Weather {
  readonly patienceMillis: number
  /** The usual time of a message. */
  readonly delayMillis: number
  /** Each a probability for one message. */
  readonly slow: number
  readonly lost: number
  readonly twice: number
  readonly refused: number
}

export class Network implements Link {
  readonly store: LockStore.LockStore
  readonly forcing = new Set<string>()
  /** Calls that nobody has answered. */
  private readonly silent = new Set<() => void>()
  private weather: Weather
  private readonly world: World
  private readonly process: Process
  private readonly server: Server
  private readonly owns: (token: string) => boolean

  constructor(world: World, process: Process, server: Server, weather: Weather, owns: (token: string) => boolean) {
    this.world = world
    this.process = process
    this.server = server
    this.weather = weather
    this.owns = owns
    const { exchange, extendAll, handOver, listen } = server.features
    this.store = {
      name: "simulated",
      tryAcquire: (claim) =>
        this.call(claim.wait ? "wait" : "try", claim.key, claim.token, () => server.tryAcquire(claim)),
      extend: (holding) => this.call("extend", holding.key, holding.token, () => server.extend(holding)),
      release: (key, token) =>
        this.call("release", key, token, () => {
          const forced = !this.owns(token) || this.forcing.has(key)
          if (forced && server.holder(key) === token) server.forgotten.add(token)
          return server.release(key, token)
        }),
      inspect: (key) =>
        this.call("inspect", key, "", () => server.inspect(key)).pipe(Effect.map(Option.fromUndefinedOr)),
      listen: listen === "no" ? undefined : (key, token, notify) => this.listen(key, token, notify),
      exchange: exchange
        ? (token, claim) => this.call("exchange", claim.key, claim.token, () => server.exchange(token, claim))
        : undefined,
      extendAll: extendAll
        ? (holdings) =>
          this.call(
            "extend",
            holdings.map(({ key }) => key).join(),
            "",
            () => holdings.map((holding) => server.extend(holding))
          )
        : undefined,
      handOver: handOver ? { times: 4, within: Duration.millis(world.random.pick([5, 50])) } : undefined,
      patience: Duration.millis(weather.patienceMillis)
    }
  }

  /** What was lost breaks its connection. */
  heal(): void {
    this.weather = { ...this.weather, slow: 0, lost: 0, twice: 0, refused: 0 }
    for (const end of Array.from(this.silent)) end()
  }

  private happens(probability: number): boolean {
    return probability > 0 && this.world.random.chance(probability)
  }

  private delay(): number {
    const { delayMillis, patienceMillis, slow } = this.weather
    return this.world.random.millis(0.125, this.happens(slow) ? 3 * patienceMillis : delayMillis)
  }

  private call<A>(
    name: string,
    key: string,
    token: string,
    execute: () => A
  ): Effect.Effect<A, LockError.BackendFailure> {
    return Effect.callback((resume) => {
      const { world } = this
      const log = (what: string) =>
        world.log(() => `${this.process.name} ${name.padStart(8)} ${key} ${token.slice(-4)} ${what}`)
      const failure = Effect.suspend(() =>
        Effect.fail(
          new LockError.BackendFailure({
            backend: "simulated",
            operation: name,
            kind: "Unreachable",
            retryable: true,
            key
          })
        )
      )
      let answered = false
      const answer = (millis: number, effect: Effect.Effect<A, LockError.BackendFailure>, what: () => string) => {
        world.after(millis, () => {
          if (answered) return
          answered = true
          this.silent.delete(breaks)
          this.process.interruptWith(() => {
            log(`<- ${what()}`)
            resume(effect)
          })
        })
      }
      const breaks = () => answer(this.delay(), failure, () => "connection broke")
      const silence = () => {
        this.silent.add(breaks)
        if (world.random.chance(0.5)) world.after(world.random.millis(1, 4 * this.weather.patienceMillis), breaks)
      }
      if (this.happens(this.weather.refused)) {
        answer(this.delay(), failure, () => "refused")
        return
      }
      const arrives = (times: number) => {
        world.after(this.delay(), () => {
          const result = execute()
          log(`executed: ${JSON.stringify(result)}`)
          if (times === 2) return arrives(1)
          if (this.happens(this.weather.lost)) {
            log("reply lost")
            silence()
          } else answer(this.delay(), Effect.succeed(result), () => JSON.stringify(result))
        })
      }
      log("->")
      if (this.happens(this.weather.lost)) {
        log("request lost")
        silence()
        return
      }
      // Sent again because the reply to the first did not come.
      arrives(this.happens(this.weather.twice) ? 2 : 1)
    })
  }

  private listen(
    key: string,
    token: string,
    notify: (grant: LockStore.Grant | undefined) => void
  ): Effect.Effect<void, LockError.BackendFailure, Scope.Scope> {
    const { listeners } = this.server
    const tell = ({ granted }: News): void => {
      if (this.happens(this.weather.lost)) return
      this.world.after(this.delay(), () => {
        this.process.interruptWith(() => {
          if (listeners.get(token)?.tell !== tell) return
          this.world.log(() => `${this.process.name}     told ${key} ${token.slice(-4)}`)
          // Some stores do not know when, some are not sure.
          notify(
            granted === undefined || this.world.random.chance(0.2) ? undefined : {
              fencingToken: granted.fencingToken,
              sinceMillis: granted.atMillis - this.world.random.millis(0, 3),
              leaseMillis: granted.leaseMillis
            }
          )
        })
      })
    }
    return Effect.acquireRelease(
      Effect.sync(() => void listeners.set(token, { key, tell })),
      () => Effect.sync(() => listeners.delete(token))
    ).pipe(Effect.andThen(this.call("listen", key, token, () => {})))
  }
}
