/**
 * The protocol: a lock is an item whose value is the token of its holder.
 *
 * To take it is an ADD, to extend it a REPLACE and to release it a DELETE, the
 * last two with the item's CAS, so that each is one atomic command. The CAS is
 * the one that the last command of ours returned on the same link; without it
 * the item is read first, and the token compared.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { BackendFailure } from "../../LockError.ts"
import type { Acquired, Attempt, Claim, Held, Holding, LockStore, Occupant, Settling } from "../../LockStore.ts"
import { monotonicMillis } from "../time.ts"
import { type Ending, EndingMap } from "./endingMap.ts"
import { type Fault, type Link, statusFault } from "./link.ts"
import * as Wire from "./wire.ts"

const name = "memcached"

/** A server: its name, which locks are pinned by, and a way to connect to it. */
export interface Server {
  readonly name: string
  readonly open: () => Link
}

export interface Options {
  readonly servers: ReadonlyArray<Server>
  readonly keyPrefix: string
  readonly connectMillis: number
  readonly requestMillis: number
}

interface Hint extends Ending {
  readonly cas: bigint
}

/** A link and the CAS of what we hold, by token: both end together. */
interface Connection {
  readonly link: Link
  readonly hints: EndingMap<Hint>
}

interface Item {
  readonly content: Wire.Content | undefined
  readonly cas: bigint
}

const closed: Fault = { kind: "Closed", retryable: false, description: "the backend has been closed" }

const casMissing: Fault = {
  kind: "Unsupported",
  retryable: false,
  description: "the server runs without CAS (-C), and a lock could not be released safely"
}

const foreign: Fault = {
  kind: "WrongType",
  retryable: false,
  description: "something that is no lock lives at the key"
}

const restless: Fault = { kind: "Unknown", retryable: true, description: "the item kept changing" }

const tooLong: Fault = {
  kind: "Unsupported",
  retryable: false,
  description: "memcached cannot keep a lock for more than 29 days"
}

const timeUnfit: Fault = {
  kind: "Unsupported",
  retryable: false,
  description: "the clock of the server is not between 2020 and 2055, which fencing tokens need"
}

/** How often an operation starts over because the item changed between two of its commands. */
const rounds = 5

/** 2020-01-01, in Unix seconds. */
const epoch = 1_577_836_800

const handOverTimes = 8

/** See `MemcacheBackend` for what this promises. */
export const fencingToken = (startedAt: number, cas: bigint): number =>
  ((startedAt - epoch) * 1_000_000 + Number(cas)) * handOverTimes

/** FNV-1a with a final mix, over UTF-16 code units. */
const hash = (text: string): number => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * The server of a key: the one with the highest hash of both names. It does not
 * depend on the order of the list, and a server that joins or leaves moves no
 * other keys than its own.
 */
export const pin = <S extends { readonly name: string }>(servers: ReadonlyArray<S>, key: string): S => {
  let best = servers[0]
  let bestScore = -1
  if (servers.length === 1) return best
  for (const server of servers) {
    const score = hash(`${server.name} ${key}`)
    if (score > bestScore || (score === bestScore && server.name < best.name)) {
      best = server
      bestScore = score
    }
  }
  return best
}

const write = (opcode: Wire.Opcode, key: string, holding: Holding, clock: Clock.Clock, cas?: bigint): Wire.Request => ({
  opcode,
  key,
  item: {
    exptime: Wire.exptime(holding.expiresMillis),
    value: Wire.encodeContent({
      token: holding.token,
      expiresAt: Math.round(clock.currentTimeMillisUnsafe() + holding.expiresMillis)
    })
  },
  cas
})

const occupant = (content: Wire.Content, clock: Clock.Clock): Occupant => {
  const remaining = content.expiresAt - clock.currentTimeMillisUnsafe()
  // The item outlives the lease by up to three seconds, and nobody knows exactly by how much.
  return { token: content.token, remainingMillis: remaining > 0 ? remaining : undefined }
}

export const make = Effect.fnUntraced(function*(
  options: Options
): Effect.fn.Return<LockStore, never, Scope.Scope> {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const clock = yield* Clock.Clock
  const connections = new Map<string, Connection>()
  // Tokens with an ADD on its way that nobody waits for any more.
  const stray = new EndingMap<Ending>()
  let isClosed = false

  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
      for (const { link } of connections.values()) link.close(closed)
      connections.clear()
    })
  )

  const now = () => monotonicMillis(clock)

  /** The live connection to the server of a key, or a new one. */
  const connectionOf = (itemKey: string): Connection => {
    const server = pin(options.servers, itemKey)
    let connection = connections.get(server.name)
    if (connection === undefined || !connection.link.isAlive()) {
      connection = { link: server.open(), hints: new EndingMap() }
      connections.set(server.name, connection)
    }
    return connection
  }

  const toFailure = (operation: string, key: string) => ({ cause, description, kind, retryable }: Fault) =>
    new BackendFailure({ backend: name, operation, key, kind, retryable, description, cause })

  /** Runs an operation on the connection of a key. */
  const on = <A>(
    operation: string,
    key: string,
    body: (connection: Connection, itemKey: string) => Effect.Effect<A, Fault>
  ): Effect.Effect<A, BackendFailure> =>
    Effect.mapError(
      Effect.suspend(() => {
        if (isClosed) return Effect.fail(closed)
        const itemKey = Wire.encodeKey(options.keyPrefix, key)
        return body(connectionOf(itemKey), itemKey)
      }),
      toFailure(operation, key)
    )

  /** What is usual needs no more than a reply; the rest is on a fiber. */
  const conclude = <A>(effect: Effect.Effect<A, Fault>, done: (exit: Exit.Exit<A, Fault>) => void): void => {
    if (Exit.isExit(effect)) done(effect as Exit.Exit<A, Fault>)
    else fork(effect).addObserver(done)
  }

  const remember = ({ hints }: Connection, cas: bigint, { expiresMillis, token }: Holding): void => {
    const at = now()
    hints.set(token, { cas, endsAt: at + expiresMillis }, at)
  }

  const read = ({ link }: Connection, key: string): Effect.Effect<Item | undefined, Fault> =>
    Effect.flatMap(link.request({ opcode: Wire.Opcode.get, key }), (reply) => {
      if (reply.status === Wire.Status.notFound) return Effect.undefined
      if (reply.status !== Wire.Status.ok) return Effect.fail(statusFault(reply))
      // As a condition a CAS of 0 means none.
      if (reply.cas === 0n) return Effect.fail(casMissing)
      return Effect.succeed({ content: Wire.decodeContent(reply.value), cas: reply.cas })
    })

  /** The CAS of the token's item, or undefined if the item is gone or another's. */
  const casOf = (connection: Connection, key: string, token: string): Effect.Effect<bigint | undefined, Fault> => {
    const hint = connection.hints.get(token)
    return hint !== undefined
      ? Effect.succeed(hint.cas)
      : Effect.map(read(connection, key), (item) => item?.content?.token === token ? item.cas : undefined)
  }

  const acquired = (connection: Connection, claim: Claim, cas: bigint): Effect.Effect<Acquired, Fault> => {
    if (cas === 0n) return Effect.fail(casMissing)
    remember(connection, cas, claim)
    const token = fencingToken(connection.link.startedAt(), cas)
    return token > 0 && Number.isSafeInteger(token + handOverTimes)
      ? Effect.succeed({ _tag: "Acquired", fencingToken: token })
      : Effect.fail(timeUnfit)
  }

  const acquire = (connection: Connection, key: string, claim: Claim, round: number): Effect.Effect<Attempt, Fault> =>
    Effect.flatMap(
      connection.link.request(write(Wire.Opcode.add, key, claim, clock)),
      (reply) => added(connection, key, claim, round, reply)
    )

  /** What comes of the reply to an ADD. */
  const added = (
    connection: Connection,
    key: string,
    claim: Claim,
    round: number,
    reply: Wire.Reply
  ): Effect.Effect<Attempt, Fault> => {
    if (reply.status === Wire.Status.ok) return acquired(connection, claim, reply.cas)
    if (reply.status !== Wire.Status.exists) return Effect.fail(statusFault(reply))
    return Effect.flatMap(read(connection, key), (item) => {
      if (item === undefined) return again(connection, key, claim, round)
      if (item.content === undefined) return Effect.fail(foreign)
      return item.content.token === claim.token
        ? renew(connection, key, claim, item.cas, round)
        : Effect.succeed<Held>({ _tag: "Held", ...occupant(item.content, clock) })
    })
  }

  const tryAcquire = (claim: Claim, call: Settling<Attempt>): void => {
    const done = (exit: Exit.Exit<Attempt, Fault>): void => {
      const fault = Exit.findErrorOption(exit)
      if (fault._tag === "Some" && fault.value.sent) {
        const at = now()
        stray.set(claim.token, { endsAt: at + claim.expiresMillis }, at)
      }
      call.settle(Exit.mapError(exit, toFailure("acquire", claim.key)))
    }
    if (isClosed) return done(Exit.fail(closed))
    if (claim.expiresMillis > Wire.maxExpiresMillis) return done(Exit.fail(tooLong))
    const key = Wire.encodeKey(options.keyPrefix, claim.key)
    const connection = connectionOf(key)
    connection.link.send(
      write(Wire.Opcode.add, key, claim, clock),
      (reply) => conclude(added(connection, key, claim, 1, reply), done),
      (fault) => done(Exit.fail(fault))
    )
  }

  /** An earlier ADD of the token worked, and its life began back then: the lease is made anew. */
  const renew = (connection: Connection, key: string, claim: Claim, cas: bigint, round: number) =>
    Effect.flatMap(connection.link.request(write(Wire.Opcode.replace, key, claim, clock, cas)), (reply) => {
      switch (reply.status) {
        case Wire.Status.ok:
          return acquired(connection, claim, reply.cas)
        case Wire.Status.exists:
        case Wire.Status.notFound:
          return again(connection, key, claim, round)
        default:
          return Effect.fail(statusFault(reply))
      }
    })

  const again = (
    connection: Connection,
    key: string,
    claim: Claim,
    round: number
  ): Effect.Effect<Attempt, Fault> =>
    round < rounds ? acquire(connection, key, claim, round + 1) : Effect.fail(restless)

  /** A command on the token's item. */
  interface OnOwn {
    readonly connection: Connection
    readonly key: string
    readonly token: string
    readonly command: (cas: bigint) => Wire.Request
    readonly settled?: ((cas: bigint) => void) | undefined
  }

  /** Runs it as long as the item is the token's, and says whether it was. */
  const onOwn = (own: OnOwn, round = 1): Effect.Effect<boolean, Fault> =>
    Effect.flatMap(casOf(own.connection, own.key, own.token), (cas) => {
      if (cas === undefined) return Effect.succeed(false)
      return Effect.flatMap(own.connection.link.request(own.command(cas)), (reply) => answered(own, round, reply))
    })

  const answered = (own: OnOwn, round: number, reply: Wire.Reply): Effect.Effect<boolean, Fault> => {
    own.connection.hints.delete(own.token)
    switch (reply.status) {
      case Wire.Status.ok:
        own.settled?.(reply.cas)
        return Effect.succeed(true)
      case Wire.Status.notFound:
        return Effect.succeed(false)
      case Wire.Status.exists:
        return round < rounds ? onOwn(own, round + 1) : Effect.fail(restless)
      default:
        return Effect.fail(statusFault(reply))
    }
  }

  const remove = (key: string) => (cas: bigint): Wire.Request => ({ opcode: Wire.Opcode.delete, key, cas })

  const release = (key: string, token: string, call: Settling<boolean>): void => {
    const late = stray.delete(token)
    const done = (exit: Exit.Exit<boolean, Fault>): void => {
      if (late) fork(sweep(key, token))
      call.settle(Exit.mapError(exit, toFailure("release", key)))
    }
    if (isClosed) return done(Exit.fail(closed))
    const itemKey = Wire.encodeKey(options.keyPrefix, key)
    const connection = connectionOf(itemKey)
    const own: OnOwn = { connection, key: itemKey, token, command: remove(itemKey) }
    const hint = connection.hints.get(token)
    if (hint === undefined) return conclude(onOwn(own), done)
    connection.link.send(
      own.command(hint.cas),
      (reply) => conclude(answered(own, 1, reply), done),
      (fault) => done(Exit.fail(fault))
    )
  }

  const releasing = (key: string, token: string): Effect.Effect<boolean, BackendFailure> =>
    Effect.callback((resume) => release(key, token, { settle: resume }))

  /** Looks again some times, for an ADD that arrives after the release. */
  const sweep = (key: string, token: string) =>
    Effect.ignore(releasing(key, token)).pipe(
      Effect.delay(options.requestMillis),
      Effect.repeat({ times: 2 }),
      Effect.forkIn(scope)
    )

  return {
    name,
    maxExpires: Duration.millis(Wire.maxExpiresMillis),
    // To connect, and at most three requests: ADD, GET and REPLACE.
    patience: Duration.millis(options.connectMillis + 3 * options.requestMillis),
    handOver: { times: handOverTimes, within: Duration.millis(100) },
    callbacks: { tryAcquire, release },
    tryAcquire: (claim) => Effect.callback((resume) => tryAcquire(claim, { settle: resume })),
    release: releasing,
    extend: (holding) =>
      on("extend", holding.key, (connection, key) =>
        holding.expiresMillis > Wire.maxExpiresMillis
          ? Effect.fail(tooLong)
          : onOwn({
            connection,
            key,
            token: holding.token,
            command: (cas) => write(Wire.Opcode.replace, key, holding, clock, cas),
            settled: (cas) => remember(connection, cas, holding)
          })),
    inspect: (key) =>
      on("inspect", key, (connection, itemKey) =>
        Effect.flatMap(read(connection, itemKey), (item) => {
          if (item === undefined) return Effect.succeedNone
          if (item.content === undefined) return Effect.fail(foreign)
          return Effect.succeedSome(occupant(item.content, clock))
        }))
  }
})
