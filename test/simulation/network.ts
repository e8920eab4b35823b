/**
 * A process's way to the server. Messages take their time and overtake each
 * other; requests are lost, executed twice or refused, replies are lost or make
 * no sense. Whether a connection that lost something breaks, or stays silent, is open.
 */
import { Duration, Effect, Option } from "effect"
import type { Scope } from "effect"
import { LockError, type LockStore } from "effect-lock"
import { Current } from "./operation.ts"
import type { Link, News, Server } from "./server.ts"
import { callingBack } from "./subject.ts"
import type { Weather } from "./weather.ts"
import type { Process, World } from "./world.ts"

interface Watcher {
  /** An extension leaves the process. */
  readonly extending: (extension: LockStore.Extension) => void
  /** A store operation sees what only a caller has. */
  readonly seesCaller: (operation: string) => void
}

const nonsense: Readonly<Record<string, ReadonlyArray<unknown>>> = {
  acquire: [
    undefined,
    null,
    "OK",
    {},
    7,
    { _tag: "Acquired" },
    { _tag: "Acquired", fencingToken: NaN },
    { _tag: "Acquired", fencingToken: "12" },
    { _tag: "Held", remainingMillis: NaN },
    { _tag: "Held", remainingMillis: "soon" },
    { _tag: "held" }
  ],
  extend: [undefined, null, 1, "true", {}],
  extendAll: [undefined, null, [], [undefined], ["1", "1", "1", "1"], true, [true, true, true, true, true, true]],
  release: [undefined, null, 1, "OK", {}],
  inspect: [undefined, null, {}, Option.some(undefined), Option.some({ token: "x", remainingMillis: NaN }), "none"],
  holders: [undefined, null, {}, [undefined], [{ token: 1 }], [{ token: "x", permits: NaN }]],
  list: [undefined, null, [], { locks: 1 }, { locks: [{ token: "x" }] }, { locks: [], next: 1 }],
  listen: [undefined, null, {}, 0],
  grant: [{}, { fencingToken: NaN, sinceMillis: NaN, leaseMillis: NaN }, "free", null]
}

export class Network implements Link {
  readonly store: LockStore.LockStore
  readonly owned = new Set<string>()
  readonly forcing = new Set<string>()
  /** Tokens that keep their key for a while after the work, and are given back by an extension. */
  private readonly staying = new Set<string>()
  /** Keys that are on their way to be given back, one for each. */
  private readonly releasing: Array<string> = []
  /** Calls that nobody has answered. */
  private readonly silent = new Set<() => void>()
  private weather: Weather
  private readonly world: World
  private readonly process: Process
  private readonly server: Server
  private readonly watcher: Watcher

  constructor(world: World, process: Process, server: Server, weather: Weather, watcher: Watcher) {
    this.world = world
    this.process = process
    this.server = server
    this.weather = weather
    this.watcher = watcher
    const { callbacks, exchange, extendAll, handOver, listen } = server.features
    const store: LockStore.LockStore = {
      name: "simulated",
      tryAcquire: (claim) => {
        this.owns(claim)
        return this.call("acquire", claim.key, claim.token, () => server.tryAcquire(claim))
      },
      extend: (holding) => {
        watcher.extending(holding)
        const { key, token } = holding
        const extension = this.call("extend", key, token, () => server.extend(holding))
        return this.staying.has(token) ? this.release(key, extension) : extension
      },
      release: (key, token) =>
        this.release(
          key,
          this.call("release", key, token, () => {
            const forced = !this.owned.has(token) || this.forcing.has(key)
            if (forced && server.holders(key).includes(token)) server.forgotten.add(token)
            return server.release(key, token)
          })
        ),
      inspect: (key) => this.call("inspect", key, "", () => Option.fromUndefinedOr(server.occupants(key)[0])),
      shares: server.features.shares,
      holders: (key) => this.call("holders", key, "", () => server.occupants(key)),
      list: (prefix) =>
        this.call("list", prefix, "", () => ({
          locks: server.held
            .filter((key) => key.startsWith(prefix))
            .flatMap((key) => server.occupants(key).map((occupant) => ({ key, ...occupant })))
        })),
      listen: listen === "no" ? undefined : (key, token, notify) => this.listen(key, token, notify),
      watch: listen === "no" ? undefined : (key, notify) => this.watch(key, notify),
      exchange: exchange
        ? (token, claim) => {
          this.owns(claim)
          return this.release(
            claim.key,
            this.call("acquire", claim.key, claim.token, () => server.exchange(token, claim))
          )
        }
        : undefined,
      transfer: (token, claim) => {
        this.owns(claim)
        return this.call("acquire", claim.key, claim.token, () => server.transfer(token, claim))
      },
      extendAll: extendAll
        ? (holdings) => {
          for (const holding of holdings) watcher.extending(holding)
          const keys = holdings.map(({ key }) => key).join()
          return this.call("extendAll", keys, "", () => holdings.map((holding) => server.extend(holding)))
        }
        : undefined,
      handOver: handOver ? { times: 4, within: Duration.millis(world.random.pick([5, 50])) } : undefined,
      patience: Duration.millis(weather.patienceMillis)
    }
    this.store = callbacks ? callingBack(store, process.context, () => this.often()) : store
  }

  private owns({ outlives, token }: LockStore.Claim): void {
    this.owned.add(token)
    if (outlives === true) this.staying.add(token)
  }

  isReleasing(key: string): boolean {
    return this.releasing.includes(key)
  }

  private release<A, E>(key: string, release: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(
      Effect.sync(() => this.releasing.push(key)),
      () => release,
      () => Effect.sync(() => this.releasing.splice(this.releasing.indexOf(key), 1))
    )
  }

  /** What was lost breaks its connection. */
  heal(): void {
    this.weather = { ...this.weather, slow: 0, lost: 0, twice: 0, refused: 0, odd: 0, throws: 0 }
    if (!this.weather.mute) { for (const end of Array.from(this.silent)) end() }
  }

  private happens(probability: number): boolean {
    return this.world.random.chance(probability)
  }

  private delay(): number {
    const { delayMillis, patienceMillis, slow } = this.weather
    return this.world.random.millis(0.125, this.happens(slow) ? 3 * patienceMillis : delayMillis)
  }

  /** How often a client that calls back does so. */
  private often(): number {
    if (this.happens(this.weather.throws)) throw new Error("the store throws in its callback form")
    return this.happens(this.weather.twice) ? 2 : 1
  }

  private call<A>(
    name: string,
    key: string,
    token: string,
    execute: () => A
  ): Effect.Effect<A, LockError.BackendFailure> {
    const { world } = this
    if (this.happens(this.weather.throws)) {
      const how = world.random.int(3)
      if (how === 0) throw new Error("the store throws")
      return how === 1 ? Effect.die(new Error("the store dies")) : Effect.interrupt
    }
    const log = (what: string) =>
      world.log(() =>
        `${this.process.name} ${name.padStart(8)} ${key} ${token === "" ? "" : world.alias(token)} ${what}`
      )
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
    const sent = Effect.callback<A, LockError.BackendFailure>((resume) => {
      let answered = false
      const answer = (millis: number, effect: Effect.Effect<A, LockError.BackendFailure>, what: () => string) => {
        this.process.after(millis, () => {
          if (answered) return
          answered = true
          this.silent.delete(breaks)
          this.process.receive(() => {
            log(`<- ${what()}`)
            resume(effect)
          })
        })
      }
      const breaks = () => answer(this.delay(), failure, () => "connection broke")
      const silence = () => {
        this.silent.add(breaks)
        if (!this.weather.mute && this.happens(0.5)) {
          world.after(world.random.millis(1, 4 * this.weather.patienceMillis), breaks)
        }
      }
      if (this.happens(this.weather.refused)) {
        answer(this.delay(), failure, () => "refused")
        return
      }
      const arrives = (times: number) => {
        this.process.after(this.delay(), () => {
          const result = execute()
          log(`executed: ${world.show(result)}`)
          if (times === 2) return arrives(1)
          if (this.happens(this.weather.lost)) {
            log("reply lost")
            return silence()
          }
          // What arrives is executed, and the connection breaks under the reply.
          if (this.happens(this.weather.refused)) return breaks()
          const reply = this.happens(this.weather.odd) ? world.random.pick(nonsense[name]) as A : result
          answer(this.delay(), Effect.succeed(reply), () => world.show(reply))
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
    return Effect.flatMap(Current, (caller) => {
      if (caller !== undefined) this.watcher.seesCaller(name)
      return sent
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
      for (let times = this.happens(this.weather.twice) ? 2 : 1; times > 0; times--) {
        this.process.after(this.delay(), () => {
          this.process.receive(() => {
            if (listeners.get(token)?.tell !== tell) return
            this.world.log(() => `${this.process.name}     told ${key} ${this.world.alias(token)}`)
            if (this.happens(this.weather.odd)) {
              notify(this.world.random.pick(nonsense.grant) as LockStore.Grant)
              return
            }
            // Some stores do not know when, some are not sure.
            notify(
              granted === undefined || this.happens(0.2) ? undefined : {
                fencingToken: granted.fencingToken,
                sinceMillis: granted.atMillis - this.world.random.millis(0, 3),
                leaseMillis: granted.leaseMillis
              }
            )
          })
        })
      }
    }
    return Effect.acquireRelease(
      Effect.sync(() => void listeners.set(token, { key, tell })),
      () => Effect.sync(() => listeners.delete(token))
    ).pipe(Effect.andThen(this.call("listen", key, token, () => {})))
  }

  private watch(key: string, notify: () => void): Effect.Effect<void, LockError.BackendFailure, Scope.Scope> {
    const { watchers } = this.server
    const watcher = {
      key,
      tell: () => {
        if (this.happens(this.weather.lost)) return
        this.process.after(this.delay(), () => {
          if (watchers.has(watcher)) this.process.receive(notify)
        })
      }
    }
    let isOver = false
    return Effect.addFinalizer(() =>
      Effect.sync(() => {
        isOver = true
        watchers.delete(watcher)
      })
    ).pipe(Effect.andThen(this.call("listen", key, "", () => {
      if (!isOver) watchers.add(watcher)
    })))
  }
}
