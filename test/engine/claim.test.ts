import { assert, describe, it } from "@effect/vitest"
import type { LockStore } from "effect-lock"
import { Claim } from "../../src/internal/engine/claim.ts"
import type { Debts, Owed } from "../../src/internal/engine/debts.ts"
import type { Lender } from "../../src/internal/engine/lease.ts"
import { horizonMillis } from "../../src/internal/engine/unheard.ts"
import { undone } from "../../src/internal/undone.ts"
import { failure, HandPort, request as requestOf } from "./parts.ts"

const acquired: LockStore.Attempt = { _tag: "Acquired", fencingToken: 1 }
const held: LockStore.Attempt = { _tag: "Held" }

const request = requestOf({ expiresMillis: 1_000 })

const make = () => {
  const port = new HandPort()
  const owed: Array<Pick<Owed, "until" | "out" | "isQueued">> = []
  const debts = {
    owe: ({ isQueued, out, until }: Owed) => owed.push({ until, out, isQueued })
  } as unknown as Debts
  return { port, owed, claim: new Claim(port.port, debts, "token", request) }
}

describe("Claim", () => {
  it("that was never sent owes nothing", () => {
    const { claim, owed } = make()
    claim.disown()
    assert.deepStrictEqual(owed, [])
  })

  it("that was refused owes nothing, and knows what it was told", () => {
    const { claim, owed, port } = make()
    claim.ask(0)
    port.last.answer(held)
    assert.strictEqual(claim.reply, held)
    claim.disown()
    assert.deepStrictEqual(owed, [])
  })

  it("that is unanswered owes, with what is out, once", () => {
    const { claim, owed } = make()
    const call = claim.ask(0)
    claim.disown()
    claim.disown()
    assert.deepStrictEqual(owed, [{ until: 1_000, out: [{ call, millis: 1_000, sure: 1_000 }], isQueued: false }])
  })

  it("that was acquired or has failed owes until the end of what that may have been", () => {
    for (const reply of [acquired, failure()]) {
      const { claim, owed, port } = make()
      claim.ask(0)
      port.passTo(300)
      port.last.answer(reply)
      claim.disown()
      assert.deepStrictEqual(owed, [{ until: 1_300, out: [], isQueued: false }])
    }
  })

  it("that failed without anything being done owes nothing, unless another may have been", () => {
    const nothing = undone(failure({ kind: "Unsupported", retryable: false }))
    const { claim, owed, port } = make()
    claim.ask(0)
    port.last.answer(nothing)
    assert.strictEqual(claim.reply, nothing)
    claim.disown()
    assert.deepStrictEqual(owed, [])
    for (const other of [acquired, failure(), undefined]) {
      const { claim, owed, port } = make()
      const first = claim.ask(0)
      claim.ask(0)
      port.last.answer(nothing)
      if (other !== undefined) port.open[0].answer(other)
      claim.disown()
      assert.deepStrictEqual(owed.map(({ out }) => out.map(({ call }) => call)), [other === undefined ? [first] : []])
    }
  })

  it("that was refused while an earlier one is out owes", () => {
    const { claim, owed, port } = make()
    const first = claim.ask(0)
    claim.ask(10)
    port.last.answer(held)
    claim.disown()
    assert.deepStrictEqual(owed.map(({ out }) => out.map(({ call }) => call)), [[first]])
  })

  it("that failed once and was refused later owes: what failed may be executed later still", () => {
    const { claim, owed, port } = make()
    claim.ask(0)
    port.passTo(300)
    port.last.answer(failure())
    claim.ask(310)
    port.last.answer(held)
    claim.disown()
    assert.deepStrictEqual(owed, [{ until: 1_300, out: [], isQueued: false }])
  })

  it("that waits in the store's queue owes, though it was refused, until it can have been given the key", () => {
    const { claim, owed, port } = make()
    claim.listen()
    port.last.answer(true)
    claim.ask(0)
    port.last.answer(held)
    claim.disown()
    assert.deepStrictEqual(owed, [{ until: horizonMillis + 1_000, out: [], isQueued: true }])
    assert.strictEqual(port.listeningEnded, 1)
  })

  it("asks to wait only where somebody would hear", () => {
    const asked: Array<boolean> = []
    const { claim, port } = make()
    const { tryAcquire } = port
    port.tryAcquire = (claim) => {
      asked.push(claim.wait)
      return tryAcquire.call(port, claim)
    }
    claim.ask(0)
    claim.listen()
    claim.ask(1)
    assert.deepStrictEqual(asked, [false, true])
    assert.strictEqual(claim.askedAt, 1)
  })

  it("has at most three unanswered: the oldest makes room", () => {
    const { claim, owed, port } = make()
    const calls = [0, 1, 2, 3, 4].map((at) => claim.ask(at))
    assert.deepStrictEqual(port.abandoned, calls.slice(0, 2))
    claim.disown()
    assert.deepStrictEqual(owed[0].out.map(({ call }) => call), calls.slice(2))
  })

  it("that has won hands over what is out, and owes nothing", () => {
    const { claim, owed, port } = make()
    const first = claim.ask(0)
    claim.listen()
    claim.ask(1)
    port.last.answer(acquired)
    const lease = claim.won({ now: () => 1 } as Lender, { ...request, atLeastMillis: 5 }, 7, 1, 900, 0)
    assert.deepStrictEqual([lease.token, lease.fencingToken, lease.deadline, lease.stay], ["token", 7, 900, 6])
    assert.deepStrictEqual(lease.out.map(({ call, millis }) => [call, millis]), [[first, 1_000]])
    assert.strictEqual(port.listeningEnded, 1)
    claim.disown()
    assert.deepStrictEqual(owed, [])
  })

  it("sent with a release of another token is queued", () => {
    const { claim, owed, port } = make()
    claim.exchange("other", 5)
    assert.deepStrictEqual([port.last.operation, port.last.token, claim.askedAt], ["release", "token", 5])
    port.last.answer(held)
    claim.disown()
    assert.isTrue(owed[0].isQueued)
  })

  it("may stand for a request of the same kind and owner, and for no other", () => {
    const { port } = make()
    const claim = new Claim(port.port, {} as Debts, "token.me", request)
    assert.isTrue(claim.isFor({ ...request, timeoutMillis: 9, renew: false }))
    const share = { permits: 1, limit: 2 }
    for (const other of [{ expiresMillis: 2_000 }, { share }, { atLeastMillis: 1 }, { owner: "you" }]) {
      assert.isFalse(claim.isFor({ ...request, ...other }))
    }
    const shared = new Claim(port.port, {} as Debts, "token.me", { ...request, share, atLeastMillis: 5 })
    assert.isTrue(shared.isFor({ ...request, share: { ...share }, atLeastMillis: 9 }))
    assert.isFalse(shared.isFor({ ...request, share }))
    assert.isFalse(shared.isFor(request))
  })

  it("knows until when what it got counts, unless that is too near by now", () => {
    const { claim } = make()
    claim.ask(200)
    assert.strictEqual(claim.deadline(300), 1_200)
    assert.strictEqual(claim.deadline(1_099), 1_200)
    assert.isUndefined(claim.deadline(1_100))
  })
})
