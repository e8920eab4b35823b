/** What must hold among processes. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Lock from "../../../Lock.ts"
import { type Bench, type Case, ifShares, immediately, type Run, same, that, type Wrong, wrong } from "../case.ts"
import * as Contender from "../contender.ts"
import { acquired, claim, held, isFree, listing, permitsOf, portion, reasonOf } from "../steps.ts"

const contender = (program: Contender.Program) => Effect.mapError(Contender.start(program), unanswered)

const unanswered = (description: string): Wrong => ({ _tag: "Wrong", description })

const ask = <A>(answer: Effect.Effect<A, string>) => Effect.mapError(answer, unanswered)

/** How often the key passed from process to process; fails if two held it, or a fencing token did not rise. */
const handOffs = Effect.fnUntraced(function*(logs: ReadonlyArray<ReadonlyArray<Contender.Section>>) {
  const sections = logs
    .flatMap((log, process) => log.map((section) => ({ ...section, process })))
    .toSorted((one, other) => one.from - other.from)
  let count = 0
  for (const [i, { fencingToken, from, process }] of sections.entries()) {
    const before = sections[i - 1]
    if (before === undefined) continue
    if (from < before.to) return yield* wrong(`two processes had the key for ${(before.to - from).toFixed(2)} ms`)
    yield* that(
      `the fencing token is ${fencingToken} after ${before.fencingToken}`,
      fencingToken > before.fencingToken
    )
    if (process !== before.process) count++
  }
  return count
})

/** Fails if more permits were in use than the limit, or somebody was there beside an exclusive holder. */
const sharesWell = Effect.fnUntraced(function*(
  logs: ReadonlyArray<ReadonlyArray<Contender.SharedSection>>,
  limit: number
) {
  const sections = logs
    .flatMap((log, process) => log.map((section) => ({ ...section, process })))
    .toSorted((one, other) => one.from - other.from)
  let together = 0
  let inside: typeof sections = []
  for (const section of sections) {
    inside = inside.filter(({ to }) => to > section.from)
    const isAlone = section.permits === 0 || inside.some(({ permits }) => permits === 0)
    if (isAlone && inside.length > 0) return yield* wrong("somebody had the key beside one who had it alone")
    if (inside.some(({ process }) => process !== section.process)) together++
    inside.push(section)
    const used = inside.reduce((sum, { permits }) => sum + permits, 0)
    if (used > limit) return yield* wrong(`${used} permits of ${limit} were out`)
  }
  const alone = sections.filter(({ permits }) => permits === 0)
  for (const { fencingToken, from, to } of alone) {
    const isRisen = sections.every((other) =>
      other.to <= from
        ? other.fencingToken < fencingToken
        : other.from < to || other.fencingToken > fencingToken
    )
    yield* that(`the fencing token ${fencingToken} of one who had the key alone is in its order`, isRisen)
  }
  return Math.min(together, alone.length)
})

/** A case for a store that has a program. */
const withProgram =
  (run: (bench: Bench, start: Effect.Effect<Contender.Contender, Wrong, Scope.Scope>) => ReturnType<Run>): Run =>
  (bench) => bench.program === undefined ? Effect.void : run(bench, contender(bench.program))

const three = [1, 2, 3]

/** How long something may take to happen between processes; with a faulty store it never happens. */
const manyMillis = 120_000

export const amongProcesses: ReadonlyArray<Case> = [
  {
    name: "processes that ask all the time never overlap, and their fencing tokens rise",
    processes: 3,
    run: withProgram(Effect.fnUntraced(function*({ grain, key, now, smallest }, start) {
      const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" })
      const logs: Array<Array<Contender.Section>> = three.map(() => [])
      const until = (yield* now) + manyMillis + 10 * grain
      // Until there was something to see: a busy machine runs one process after the other.
      for (let seen = 0; seen < 100;) {
        if ((yield* now) > until) return yield* wrong(`the key passed between processes ${seen} times only`)
        const order = { key, expires: smallest, millis: 500 }
        const answers = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("grab", order)), {
          concurrency: "unbounded"
        })
        answers.forEach((answer, i) => logs[i].push(...answer))
        seen = yield* handOffs(logs)
      }
    }))
  },
  {
    name: "processes that wait all have their turns, one after the other",
    processes: 3,
    run: withProgram(Effect.fnUntraced(function*({ key, other }, start) {
      const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" })
      const order = { key, turns: 20 }
      const logs = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("queue", order)), {
        concurrency: "unbounded"
      })
      yield* handOffs(logs)
      for (const log of logs) yield* same("turns", log.length, order.turns)
      yield* same("the key is free", yield* isFree(other, key), true)
    }))
  },
  {
    name: "a waiter takes over from a process that was killed",
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*({ end, grain, key, lease, one, process, slack }, start) {
      const [here, victim] = [yield* process(one), yield* start]
      const before = yield* ask(victim.ask("hold", { key, expires: lease }))
      const work = Lock.withLock((lease) => Effect.succeed(lease.fencingToken), key)
      const waiter = yield* Effect.forkChild(here(work), immediately)
      yield* victim.signal("SIGKILL")
      const exit = yield* end("the waiter takes over", lease + grain + 2_000 + slack, waiter)
      if (exit._tag === "Failure") return yield* wrong(`the waiter fails with ${reasonOf(exit)}`)
      yield* that(`the fencing token is ${exit.value} after ${before}`, exit.value > before)
    }))
  },
  ...(["claim", "extension"] as const).map((by): Case => ({
    name: `a lease that outlives its process by its ${by} stays taken when that is killed, and can be given on`,
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*(bench, start) {
      const { eventually, grain, key, lease, one, other, slack, token } = bench
      const victim = yield* start
      const from = yield* ask(victim.ask("leave", { key, expires: 60_000, by }))
      yield* victim.signal("SIGKILL")
      yield* Effect.ignore(ask(victim.ask("end", { key })))
      yield* held("when it is killed", yield* other.tryAcquire(claim(key, token(), lease)))
      if (one.transfer === undefined) return
      yield* acquired("the transfer", yield* one.transfer(from, { ...claim(key, token(), lease), outlives: true }))
      yield* held("when it is given on", yield* other.tryAcquire(claim(key, token(), lease)))
      yield* eventually("the lease ends", lease + grain + slack, isFree(other, key))
    }))
  })),
  {
    name: "processes that share a key never have more of it than its limit, and nobody has it beside one alone",
    processes: 3,
    run: ifShares(withProgram(Effect.fnUntraced(function*({ grain, key, lease, now }, start) {
      const processes = yield* Effect.forEach(three, () => start, { concurrency: "unbounded" })
      const logs: Array<Array<Contender.SharedSection>> = three.map(() => [])
      const until = (yield* now) + manyMillis + 10 * grain
      for (let seen = 0; seen < 30;) {
        if ((yield* now) > until) return yield* wrong(`processes had the key together, and alone, ${seen} times only`)
        const order = { key, expires: lease, millis: 500, limit: 5 }
        const answers = yield* Effect.forEach(processes, ({ ask: tell }) => ask(tell("share", order)), {
          concurrency: "unbounded"
        })
        answers.forEach((answer, i) => logs[i].push(...answer))
        seen = yield* sharesWell(logs, order.limit)
      }
    })))
  },
  {
    name: "what a process had of a shared key is free when it was killed, and the others keep theirs",
    processes: 2,
    run: ifShares(
      withProgram(Effect.fnUntraced(function*({ eventually, grain, key, lease, one, other, slack, token }, start) {
        const [victim, sharer] = yield* Effect.forEach([1, 2], () => start, { concurrency: "unbounded" })
        for (const { ask: tell } of [victim, sharer]) yield* ask(tell("hold", { key, expires: lease, limit: 2 }))
        const next = portion(key, token(), 60_000, { limit: 2 })
        yield* held("a third", yield* other.tryAcquire(next))
        yield* victim.signal("SIGKILL")
        yield* eventually(
          "the permit is free",
          lease + grain + 2_000 + slack,
          Effect.map(other.tryAcquire(next), ({ _tag }) => _tag === "Acquired")
        )
        yield* same("the holders", yield* permitsOf(one, key), "1,1")
        yield* held("a third again", yield* one.tryAcquire(portion(key, token(), 60_000, { limit: 2 })))
      }))
    )
  },
  {
    name: "what a process holds is on the list of another, until it is killed",
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*({ eventually, grain, key, lease, other, slack }, start) {
      if (other.list === undefined) return
      const victim = yield* start
      yield* ask(victim.ask("hold", { key, expires: lease }))
      const keys = Effect.map(listing(other, key), (all) => all.map((one) => one.key).join())
      yield* same("the list", yield* keys, key)
      yield* victim.signal("SIGKILL")
      yield* eventually(
        "it is on the list no more",
        lease + grain + 2_000 + slack,
        Effect.map(keys, (keys) => keys === "")
      )
    }))
  },
  {
    name: "a lock that a process has left is taken on by another, though that is killed",
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*({ key, lease, one, other, process, token }, start) {
      if (one.transfer === undefined) return
      const [here, victim] = [yield* process(one), yield* start]
      const left = yield* ask(victim.ask("detach", { key, millis: 60_000 }))
      yield* victim.signal("SIGKILL")
      yield* Effect.ignore(ask(victim.ask("end", { key })))
      yield* held("when it is killed", yield* other.tryAcquire(claim(key, token(), lease)))
      const ticket = yield* Effect.orDie(Schema.decodeEffect(Lock.Ticket)(left))
      const whoHasIt = Effect.gen(function*() {
        yield* Lock.adopt(ticket)
        return Option.getOrUndefined(yield* other.inspect(key))?.token
      })
      const adopter = yield* here(Effect.scoped(whoHasIt))
      yield* that("it has another holder", adopter !== undefined && adopter !== ticket.token)
      yield* same("the key is free", yield* isFree(other, key), true)
      yield* same("who comes later", reasonOf(yield* Effect.exit(here(Effect.scoped(Lock.adopt(ticket))))), "LockLost")
    }))
  },
  {
    name: "a key stays taken for as long as a process wanted it to, though that is killed",
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*({ eventually, grain, key, lease, now, other, slack, token }, start) {
      const victim = yield* start
      const atLeast = 2 * lease
      const from = yield* ask(victim.ask("brief", { key, atLeast }))
      yield* victim.signal("SIGKILL")
      const taker = token()
      yield* eventually(
        "it is free",
        atLeast + grain + 2_000 + slack,
        Effect.map(other.tryAcquire(claim(key, taker, lease)), ({ _tag }) => _tag === "Acquired")
      )
      const passed = (yield* now) - from
      yield* that(`it was free after ${passed.toFixed(0)} ms of ${atLeast}`, passed >= atLeast * 0.99 - 2)
    }))
  },
  {
    name: "a process that stood still for longer than its lease is told that another has the key",
    processes: 1,
    run: withProgram(Effect.fnUntraced(function*(bench, start) {
      const { end, eventually, grain, key, lease, one, other, process, slack } = bench
      const [here, victim] = [yield* process(one), yield* start]
      const before = yield* ask(victim.ask("hold", { key, expires: lease }))
      yield* victim.signal("SIGSTOP")
      let after = 0
      const work = Lock.withLock(
        ({ fencingToken }) => Effect.andThen(Effect.sync(() => after = fencingToken), Effect.never),
        key,
        { expires: "60 seconds" }
      )
      const waiter = yield* Effect.forkChild(here(work), immediately)
      yield* eventually("the waiter takes over", lease + grain + 2_000 + slack, Effect.sync(() => after > 0))
      yield* that(`the fencing token is ${after} after ${before}`, after > before)
      const holder = Option.getOrUndefined(yield* other.inspect(key))?.token
      yield* victim.signal("SIGCONT")
      const told = yield* Effect.forkChild(ask(victim.ask("end", { key })), immediately)
      yield* same(
        "what it is told",
        Option.getOrUndefined(Exit.getSuccess(yield* end("it is told", 10_000, told))),
        "LockLost"
      )
      yield* same("the holder", Option.getOrUndefined(yield* other.inspect(key))?.token, holder)
      waiter.interruptUnsafe()
      yield* end("the interruption", 2_000 + slack, waiter)
    }))
  }
]
