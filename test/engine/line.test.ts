import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import type { LockConfig, LockStore } from "effect-lock"
import { Claim } from "../../src/internal/engine/claim.ts"
import { Debts } from "../../src/internal/engine/debts.ts"
import { Lease } from "../../src/internal/engine/lease.ts"
import { Line, type LineParts } from "../../src/internal/engine/line.ts"
import type { Baton, Waiter } from "../../src/internal/engine/queue.ts"
import { failure, HandPort, request as requestOf } from "./parts.ts"

const held: LockStore.Held = { _tag: "Held", token: "other" }

const make = (store: Partial<LockStore.LockStore> = {}) => {
  const port = new HandPort()
  port.store = store
  const debts = new Debts(port.port, () => {})
  const kept = new Set<Lease>()
  let lost = 0
  const holds: Array<number> = []
  let tokens = 0
  let vacated = 0
  const parts = {
    port: port.port,
    debts,
    keeper: { add: (lease: Lease) => kept.add(lease), remove: (lease: Lease) => kept.delete(lease) },
    journal: {
      meter: {
        get losses() {
          return lost
        },
        set losses(count) {
          lost = count
        }
      },
      acquired: () => {},
      handedOver: () => {},
      lost: ({ endedAt, since }: Lease) => {
        lost++
        holds.push(endedAt! - since)
      },
      released: ({ since }: Lease, at: number) => holds.push(at - since),
      unused: () => {}
    },
    nextToken: () => `token-${++tokens}.me`,
    sharing: { isJoining: () => false, join: () => undefined },
    lines: { vacate: () => vacated++, fold: () => {} },
    closed: false
  }
  const line: Line = new Line(parts as unknown as LineParts, "key")
  const request = (options?: Partial<LockConfig.LockRequest>) => requestOf({ timeoutMillis: 60_000, ...options })
  const wait = (options?: Partial<LockConfig.LockRequest>, since = port.alarms.at) => {
    const asked = request(options)
    const waiter = line.enter(asked, since, since + asked.timeoutMillis)
    const served: Array<Baton> = []
    waiter.whenServed(() => served.push(waiter.baton!))
    return { waiter, served }
  }
  const claim = (token = "token.me") => new Claim(port.port, debts, token, request())
  /** The one with the turn gets the key. */
  const hold = (options?: Partial<LockConfig.LockRequest>) => {
    const one = line.claim = claim()
    one.ask(port.alarms.at)
    port.last.answer({ _tag: "Acquired", fencingToken: 10 } as never)
    const at = port.alarms.at
    return line.hold(one.won(line, request(options), 10, at, at + 3_000, 0), undefined, false)
  }
  const sent = () => port.asked.map(({ operation, token }) => `${operation} ${token}`)
  const turns = () => port.turns.all()
  return {
    port,
    parts,
    debts,
    kept,
    line,
    wait,
    claim,
    hold,
    sent,
    turns,
    request,
    holds,
    vacated: () => vacated,
    lost: () => lost
  }
}

const known = ({ known }: Waiter) => known !== undefined && known._tag === "Held" ? known.token : known?._tag

describe("Line", () => {
  it("has who comes back to it in front of those who came later", () => {
    const { line, turns, wait } = make()
    const order: Array<string> = []
    const enter = (name: string, since?: number) => wait(undefined, since).waiter.whenServed(() => order.push(name))
    enter("fifth", 40)
    enter("second", 10)
    enter("first", 0)
    enter("third", 10)
    enter("fourth", 20)
    enter("last", 40)
    for (let i = 0; i < 6; i++) line.pass("Turn")
    turns()
    assert.deepStrictEqual(order, ["first", "second", "third", "fourth", "fifth", "last"])
  })

  it("serves who waits in order, one at a time, each in a turn of its own", () => {
    const { line, turns, vacated, wait } = make()
    const [a, b, c] = [wait(), wait(), wait()]
    line.pass("Turn")
    assert.deepStrictEqual(a.served, [])
    turns()
    assert.deepStrictEqual([a.served, b.served, c.served], [["Turn"], [], []])
    line.pass("Turn")
    line.pass("Turn")
    turns()
    assert.deepStrictEqual([b.served, c.served, vacated()], [["Turn"], ["Turn"], 0])
    line.pass("Turn")
    assert.strictEqual(vacated(), 1)
  })

  it("forgets who leaves, wherever they stand, and their alarms", () => {
    for (const leaving of [[0, 1], [1, 2], [0, 2], [2, 1], [1, 0]]) {
      const { line, port, turns, wait } = make()
      const waiters = [wait(), wait(), wait()]
      for (const i of leaving) line.leave(waiters[i].waiter)
      const left = [0, 1, 2].find((i) => !leaving.includes(i))
      line.pass("Turn")
      turns()
      assert.deepStrictEqual(waiters.map(({ served }) => served.length), [0, 1, 2].map((i) => i === left ? 1 : 0))
      assert.strictEqual(port.alarms.size, 0)
    }
  })

  it("passes on what one was given who leaves before it wakes", () => {
    const { line, turns, vacated, wait } = make()
    const [a, b] = [wait(), wait()]
    line.pass("Turn")
    line.leave(a.waiter)
    turns()
    assert.deepStrictEqual(b.served, ["Turn"])
    line.leave(b.waiter)
    assert.strictEqual(vacated(), 1)
  })

  it("disowns a claim that comes with the turn when nobody waits", () => {
    const { claim, debts, line } = make()
    const one = claim()
    one.ask(0)
    line.pass(one)
    assert.strictEqual(debts.size, 1)
  })

  it("tells all who wait when it closes, and the one who asks", () => {
    const { claim, line, turns, wait } = make()
    const [a, b] = [wait(), wait()]
    let news = 0
    line.claim = claim()
    line.claim.news.tell = () => void news++
    line.close()
    turns()
    assert.deepStrictEqual([a.served, b.served, news], [["Closed"], ["Closed"], 1])
    // Nothing came with it.
    line.leave(a.waiter)
  })

  describe("when the time of one who waits is over", () => {
    it("lets it go, with what is known", () => {
      const { claim, line, port, turns, wait } = make()
      line.claim = claim()
      line.hear(held)
      const { served, waiter } = wait({ timeoutMillis: 100 })
      port.passTo(100)
      turns()
      assert.deepStrictEqual([served, known(waiter)], [["TimedOut"], "other"])
    })

    it("lets it wait for what the one with the turn hears, while nothing is known", () => {
      const { claim, line, port, wait } = make()
      line.claim = claim()
      assert.isTrue(line.isInDoubt)
      const [overdue, patient, zero] = [wait({ timeoutMillis: 100 }), wait(), wait({ timeoutMillis: 0 })]
      port.passTo(500)
      assert.deepStrictEqual([overdue.served, zero.served], [[], []])
      line.hear(failure({ operation: "acquire" }))
      port.turns.all()
      assert.deepStrictEqual([overdue.served, zero.served, patient.served], [["TimedOut"], ["TimedOut"], []])
      assert.deepStrictEqual([known(overdue.waiter), known(zero.waiter)], ["BackendFailure", "BackendFailure"])
      assert.isFalse(line.isInDoubt)
    })

    it("lets it wait for that also while the turn is on its way to who will ask", () => {
      const { line, turns, wait } = make()
      const next = wait()
      line.pass("Turn")
      const overdue = wait({ timeoutMillis: 0 })
      turns()
      assert.deepStrictEqual([next.served, overdue.served], [["Turn"], []])
      line.hear(held)
      turns()
      assert.deepStrictEqual([overdue.served, known(overdue.waiter)], [["TimedOut"], "other"])
    })

    it("tells it of the holder, when the one with the turn has got the key", () => {
      const { hold, line, port, wait } = make()
      line.claim = {} as never
      const { served, waiter } = wait({ timeoutMillis: 0 })
      const lease = hold()
      port.turns.all()
      assert.deepStrictEqual([served, known(waiter)], [["TimedOut"], lease.token])
    })

    it("gives it the turn, if that comes first", () => {
      const { claim, line, turns, wait } = make()
      line.claim = claim()
      const { served } = wait({ timeoutMillis: 0 })
      line.pass("Turn")
      turns()
      assert.deepStrictEqual(served, ["Turn"])
    })

    it("counts one who leaves meanwhile no more", () => {
      const { claim, line, turns, wait } = make()
      line.claim = claim()
      const { waiter } = wait({ timeoutMillis: 0 })
      line.leave(waiter)
      const patient = wait()
      line.hear(held)
      turns()
      assert.deepStrictEqual(patient.served, [])
    })
  })

  describe("when a lease comes back", () => {
    it("releases it, and passes the turn when the store has been told", () => {
      const { debts, holds, line, port, sent, turns, vacated, wait, hold } = make()
      const lease = hold()
      port.passTo(400)
      assert.isDefined(lease.giveBack())
      assert.deepStrictEqual(sent(), ["acquire token.me", "release token.me"])
      const { served } = wait()
      turns()
      assert.deepStrictEqual([served, line.lease === lease], [[], true])
      port.last.answer(true)
      turns()
      assert.deepStrictEqual([served, line.lease, debts.size, holds, vacated()], [["Turn"], undefined, 0, [400], 0])
    })

    it("passes the turn after the store's patience, if the store is silent", () => {
      const { hold, port, wait } = make()
      const lease = hold()
      const { served } = wait()
      lease.giveBack()
      port.passTo(999)
      assert.deepStrictEqual(served, [])
      port.passTo(1_000)
      assert.deepStrictEqual(served, ["Turn"])
    })

    it("after it was lost, owes its token and passes no turn twice", () => {
      const { debts, hold, line, lost, turns, wait } = make()
      const lease = hold()
      const [a, b] = [wait(), wait()]
      lease.lose("Expired", 3_000)
      turns()
      assert.deepStrictEqual([a.served, line.lease, lost(), debts.size], [["Turn"], undefined, 1, 0])
      lease.giveBack()
      turns()
      assert.deepStrictEqual([b.served, debts.size], [[], 1])
    })
  })

  describe("hands a lease over", () => {
    const store = { handOver: { times: 3, within: Duration.seconds(5) } }
    const handed = (served: ReadonlyArray<Baton>): Lease | undefined =>
      served[0] instanceof Lease ? served[0] : undefined

    it("as another of the same token, one more, kept meanwhile, without a word to the store", () => {
      const { hold, kept, line, port, sent, turns, wait } = make(store)
      const lease = hold()
      lease.endsBy(9_999)
      const { served } = wait()
      port.passTo(100)
      assert.isUndefined(lease.giveBack())
      turns()
      const heir = handed(served)!
      assert.deepStrictEqual(
        [heir.token, heir.fencingToken, heir.deadline, heir.lastEnd, heir.isHeld],
        [lease.token, 11, 3_000, 9_999, true]
      )
      assert.deepStrictEqual([kept.has(heir), line.lease === heir, sent()], [true, true, ["acquire token.me"]])
      assert.strictEqual(line.receive(heir, 110, 10), heir)
      assert.deepStrictEqual([heir.since, heir.waitedMillis], [110, 10])
    })

    it("so often and no more, and for so long", () => {
      for (const [pause, times] of [[10, 2], [2_600, 1]]) {
        const { hold, line, port, turns, wait } = make(store)
        let lease: Lease | undefined = hold()
        let count = 0
        while (lease !== undefined) {
          const { served } = wait()
          port.passTo(port.alarms.at + pause)
          // As if it had been renewed.
          lease.deadline = port.alarms.at + 3_000
          lease.giveBack()
          turns()
          lease = handed(served)
          if (lease === undefined) break
          line.receive(lease, port.alarms.at, 0)
          count++
        }
        assert.strictEqual(count, times)
      }
    })

    const refusals: Record<string, (scene: ReturnType<typeof make>, lease: Lease) => Partial<LockConfig.LockRequest>> =
      {
        "something is out": ({ port }, lease) => {
          const call = port.extend({ key: "key", token: "token.me", expiresMillis: 3_000 })
          lease.sends({ call, millis: 3_000, sure: 3_000 })
          return {}
        },
        "the next one wants another length": () => ({ expiresMillis: 5_000 }),
        "the next one wants no renewal": () => ({ renew: false }),
        "too little is left": ({ port }) => (port.passTo(2_900), {}),
        "the backend is closed": ({ parts }) => ((parts.closed = true), {}),
        "it was held for less than a fencing token takes": ({ port }) => ((port.alarms.at = 0), {})
      }
    for (const [name, prepare] of Object.entries(refusals)) {
      it(`not when ${name}`, () => {
        const all = make(store)
        const lease = all.hold()
        all.port.passTo(10)
        const { served } = all.wait(prepare(all, lease))
        lease.giveBack()
        all.turns()
        assert.isUndefined(handed(served))
        assert.include(all.sent(), "release token.me")
      })
    }

    for (const end of ["lost", "over", "nearly over"] as const) {
      it(`to one who finds it ${end}, and keeps the turn and nothing else`, () => {
        const { debts, hold, line, lost, port, turns, wait } = make(store)
        const lease = hold()
        const { served } = wait()
        const next = wait()
        port.passTo(100)
        lease.giveBack()
        turns()
        const heir = handed(served)!
        if (end === "lost") heir.lose("Taken", 110)
        const at = end === "over" ? 3_000 : end === "nearly over" ? 2_960 : 120
        assert.isUndefined(line.receive(heir, at, 0))
        assert.deepStrictEqual([line.lease, debts.size, lost(), next.served], [
          undefined,
          1,
          end === "lost" ? 1 : 0,
          []
        ])
      })
    }

    it("to nobody, if who it was for has left: it is given back", () => {
      const { debts, hold, line, port, turns, vacated, wait } = make(store)
      const lease = hold()
      const { waiter } = wait()
      port.passTo(100)
      lease.giveBack()
      line.leave(waiter)
      turns()
      assert.deepStrictEqual([debts.size, line.lease, vacated()], [1, undefined, 1])
    })
  })

  describe("exchanges a lease", () => {
    const store = { exchange: () => ({}) as never }

    it("for a claim of the next one, in one operation", () => {
      const { debts, hold, line, port, sent, turns, wait } = make(store)
      const lease = hold()
      const { served } = wait()
      let over = 0
      lease.giveBack()!.whenOver(() => over++)
      assert.deepStrictEqual([sent(), line.lease, over], [["acquire token.me", "release token-1.me"], undefined, 0])
      const acquired = { _tag: "Acquired", fencingToken: 11 }
      port.last.answer(acquired as never)
      turns()
      assert.strictEqual(over, 1)
      const baton = served[0]
      assert.isTrue(baton instanceof Claim)
      if (baton instanceof Claim) assert.deepStrictEqual([baton.token, baton.reply], ["token-1.me", acquired])
      assert.strictEqual(debts.size, 0)
    })

    it("whose failure is one of both: the old token is owed, and the new claim in doubt", () => {
      for (const isSilent of [true, false]) {
        const { debts, hold, line, port, wait } = make(store)
        const lease = hold()
        const { served } = wait()
        lease.giveBack()
        if (isSilent) port.passTo(1_000)
        else port.last.answer(failure())
        port.turns.all()
        assert.isTrue(served[0] instanceof Claim)
        assert.deepStrictEqual([debts.size, line.isInDoubt], [1, false])
        if (served[0] instanceof Claim) served[0].disown()
        assert.strictEqual(debts.size, 2)
      }
    })

    it("not when listening for it takes time", () => {
      const { hold, port, sent, wait } = make({ ...store, listen: () => ({}) as never })
      const lease = hold()
      wait()
      lease.giveBack()
      assert.deepStrictEqual(sent(), ["acquire token.me", "listen token-1.me", "release token.me"])
      assert.strictEqual(port.listeningEnded, 1)
    })
  })

  it("takes over a lease that somebody comes to wait for", () => {
    const { hold, line, turns, wait } = make()
    const lease = hold()
    const other = make()
    other.line.adopt(lease)
    assert.deepStrictEqual([other.line.lease === lease, lease.lender === other.line], [true, true])
    const { served } = other.wait()
    lease.lose("Taken", 1)
    other.turns()
    turns()
    assert.deepStrictEqual([served, line.lease === lease, wait().served], [["Turn"], true, []])
  })

  describe("has those whose time is over while nothing is known", () => {
    const reader = { permits: 1, limit: Number.MAX_SAFE_INTEGER }
    const refused = { timeoutMillis: 0 }

    it("hear that nothing was heard, when the store has had its time", () => {
      const { line, port, turns, wait } = make()
      const { served, waiter } = wait(refused)
      port.passTo(999)
      assert.deepStrictEqual(served, [])
      port.alarms.passTo(1_000)
      // The event loop was late: this has arrived before, and says more.
      for (let i = 0; i < 1; i++) port.turns.next()
      assert.deepStrictEqual(served, [])
      turns()
      assert.deepStrictEqual([served, known(waiter)], [["TimedOut"], "BackendFailure"])
      assert.strictEqual(port.alarms.size, 0)
      line.leave(waiter)
    })

    it("hear nothing of that when they have left", () => {
      const { line, port, turns, wait } = make()
      const [gone, other] = [wait(refused), wait()]
      port.alarms.passTo(1_000)
      line.leave(gone.waiter)
      turns()
      assert.deepStrictEqual([gone.served, line.waiting], [[], 1])
      line.pass("Turn")
      turns()
      assert.deepStrictEqual(other.served, ["Turn"])
    })

    it("wait on where the store has said something meanwhile that is no answer", () => {
      const { line, port, wait } = make()
      const { served, waiter } = wait(refused)
      port.passTo(900)
      // The first lease was over when it was heard of.
      line.hear({ _tag: "Acquired", fencingToken: 1 })
      port.passTo(1_899)
      assert.deepStrictEqual(served, [])
      port.passTo(1_900)
      assert.deepStrictEqual([served, known(waiter)], [["TimedOut"], "BackendFailure"])
    })

    it("hear in time what the store says", () => {
      const { line, port, turns, wait } = make()
      const { served, waiter } = wait(refused)
      port.passTo(500)
      line.hear(held)
      turns()
      assert.deepStrictEqual([served, known(waiter), port.alarms.size], [["TimedOut"], "other", 0])
    })

    it("ask by themselves if they share, once the turn has gone on", () => {
      const { line, port, turns, wait } = make()
      const [first, alone, ...sharers] = [
        wait({ share: reader }),
        wait(refused),
        wait({ ...refused, share: reader }),
        wait({ ...refused, share: { permits: 1, limit: 2 } }),
        wait({ share: reader })
      ]
      turns()
      assert.deepStrictEqual(sharers.map(({ served }) => served), [[], [], []])
      line.pass("Turn")
      turns()
      assert.deepStrictEqual(first.served, ["Turn"])
      assert.deepStrictEqual(sharers.map(({ served }) => served), [["Beside"], ["Beside"], []])
      // Nothing that they have has to go on.
      for (const { waiter } of sharers) line.leave(waiter)
      assert.deepStrictEqual([alone.served, line.waiting, port.alarms.size], [[], 1, 1])
    })
  })
})
