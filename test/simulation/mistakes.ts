/** Mistakes that can be put into the code below `src/internal`, one at a time, and what sees each of them. */
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Kind } from "./plan.ts"
import type { Rule } from "./witness.ts"

interface Mistake {
  readonly mistake: string
  /** File below `src/internal`, what is there once, and what stands there instead. */
  readonly changes: ReadonlyArray<readonly [file: string, from: string, to: string]>
}

/** The simulator sees it. */
export interface Simulated extends Mistake {
  readonly kind: Kind
  /** Where keys change hands, or several are wanted, and not where calls of every kind are made. */
  readonly where?: "hands" | "several"
  /** What finds it. */
  readonly rules: ReadonlyArray<Rule>
  readonly worlds: number
}

/** What a world of chance hardly ever has is seen by a test that makes it so. */
export interface Tested extends Mistake {
  /** Files of which one has to have a test that fails with a word. */
  readonly tests: ReadonlyArray<string>
}

export type Mutant = Simulated | Tested

export const mutants: Readonly<Record<string, Mutant>> = {
  handOver: {
    mistake: "a lease that was handed over is not looked at when it arrives",
    changes: [
      [
        "engine/line.ts",
        "if (!lease.isHeld || !isEnoughToReceive(lease, at)) {",
        "if (!lease.isHeld) {"
      ],
      ["engine/lease.ts", "if (at >= this.deadline) this.lose(\"Expired\", at)", ""]
    ],
    kind: "given",
    rules: ["over", "overlap", "untold"],
    worlds: 2_000
  },
  debts: {
    mistake: "a release that failed is given up",
    changes: [[
      "engine/debts.ts",
      "if (port.closed || (at >= this.until && this.out.length === 0)) return this.forget()",
      "return this.forget()"
    ]],
    kind: "polling",
    rules: ["orphan"],
    worlds: 1_000
  },
  disowned: {
    mistake: "nobody releases a claim that was given up",
    changes: [[
      "engine/claim.ts",
      "this.debts.owe({ key, token, until: lastGiven + expiresMillis, out, isQueued, share, stay: 0 })",
      ""
    ]],
    kind: "told",
    rules: ["orphan"],
    worlds: 1_000
  },
  lateClaims: {
    mistake: "a claim that is executed after its release is forgotten",
    changes: [["engine/debts.ts", "for (const { call, millis } of owed.out) debt.watch(call, millis)", "void out"]],
    kind: "polling",
    rules: ["orphan"],
    worlds: 2_000
  },
  loss: {
    mistake: "who watches a lease that has been lost is not told",
    changes: [["engine/lease.ts", "else if (this.why !== \"Released\") watcher()", ""]],
    kind: "direct",
    rules: ["untold"],
    worlds: 1_000
  },
  closing: {
    mistake: "closing frees keys while work still finalizes",
    changes: [["engine/engine.ts", "if (!lease.isBack && lease.deadline > now) continue", ""]],
    kind: "direct",
    rules: ["overlap"],
    worlds: 1_000
  },
  timeout: {
    mistake: "an attempt is cut off by the timeout of its call",
    changes: [[
      "engine/asker.ts",
      "claim.share === undefined) return this.attempt(claim, at, Infinity)",
      "claim.share === undefined) return this.attempt(claim, at, this.endsAt)"
    ]],
    kind: "polling",
    rules: ["failed"],
    worlds: 1_000
  },
  interruption: {
    mistake: "who is interrupted waits for the store",
    changes: [[
      "engine/asker.ts",
      "return this.restore(Effect.callback<Reply<Attempt>>((resume) => {",
      "return Effect.uninterruptible(Effect.callback<Reply<Attempt>>((resume) => {"
    ]],
    kind: "told",
    rules: ["clings"],
    worlds: 1_000
  },
  doubt: {
    mistake: "a claim that nobody has answered counts as a holder",
    changes: [[
      "engine/line.ts",
      "return this.contest?.heard === undefined && (lease === undefined || lease.isBack)",
      "return false"
    ]],
    kind: "polling",
    rules: ["looksHeld"],
    worlds: 1_000
  },
  deadline: {
    mistake: "a lease counts from the reply and not from the request",
    changes: [[
      "engine/claim.ts",
      "const deadline = askedAt + expiresMillis -",
      "const deadline = at + (askedAt - askedAt) + expiresMillis -"
    ]],
    kind: "polling",
    rules: ["belief"],
    worlds: 500
  },
  wakeUp: {
    mistake: "the turn is not passed on when a lease is back",
    changes: [["engine/line.ts", "debt.whenOver(() => this.over(lease))", "if (!debt.isAsked) this.over(lease)"]],
    kind: "told",
    rules: ["hangs", "asleep", "residue"],
    worlds: 500
  },
  fence: {
    mistake: "a lease that is handed over keeps its fencing token",
    changes: [["engine/line.ts", "lease.fencingToken + 1, at", "lease.fencingToken, at"]],
    kind: "given",
    rules: ["fence"],
    worlds: 1_000
  },
  length: {
    mistake: "an extension counts before it is answered",
    changes: [[
      "engine/keeper.ts",
      "      let isWanted = true\n      const reply",
      "      lease.expiresMillis = millis\n      let isWanted = true\n      const reply"
    ]],
    kind: "polling",
    rules: ["length"],
    worlds: 1_000
  },
  answers: {
    mistake: "an answer is believed as it is",
    changes: [[
      "engine/answers.ts",
      "Number.isSafeInteger(u.fencingToken) : u._tag === \"Held\" && isHeld(u)",
      "true : true"
    ]],
    kind: "hostile",
    rules: ["fence", "hangs", "uncaught"],
    worlds: 1_000
  },
  queue: {
    mistake: "the line serves who came last",
    changes: [[
      "engine/queue.ts",
      "let previous = this.last\n    while",
      "let previous = undefined as Waiter | undefined\n    while"
    ]],
    kind: "direct",
    rules: ["order"],
    worlds: 500
  },
  beside: {
    mistake: "those who share a key, and whose time is over, ask for it one after the other",
    changes: [["engine/line.ts", "      if (!isPassing) this.letAskBeside()\n", ""]],
    tests: ["test/engine/line.test.ts", "test/engine/waiting.test.ts"]
  },
  overdue: {
    mistake: "whoever is told nothing by the time that the store may take waits on",
    changes: [[
      "engine/line.ts",
      "      else this.give(waiter, \"TimedOut\")",
      "      else this.hearBy(waiter, this.now())"
    ]],
    tests: ["test/engine/line.test.ts", "test/engine/waiting.test.ts"]
  },
  nested: {
    mistake: "locks within locks begin and end in place, however many there are",
    changes: [[
      "stack.ts",
      "isDeep() ? Effect.flatMap(Effect.yieldNow, then) : Effect.suspend(then)",
      "Effect.suspend(then)"
    ]],
    tests: ["test/engine/nesting.test.ts"]
  },
  joining: {
    mistake: "who wants some permits has what others had of another number",
    changes: [["engine/handOver.ts", "isSame(next.share, share) && ", ""]],
    kind: "given",
    rules: ["overlap"],
    worlds: 2_000
  },
  sharedTurn: {
    mistake: "who shares a key keeps the turn",
    changes: [["engine/line.ts", "      this.pass(\"Turn\")\n      return own", "      return own"]],
    kind: "told",
    rules: ["hangs", "asleep", "residue", "outlasts"],
    worlds: 500
  },
  sharedLease: {
    mistake: "those who have a lease in common do not learn that it was renewed",
    changes: [["engine/sharing.ts", "    this.commons.get(lease)?.follow()", ""]],
    kind: "given",
    rules: ["untold"],
    worlds: 2_000
  },
  sharedLoss: {
    mistake: "those who have a lease in common do not learn that it was lost",
    changes: [["engine/sharing.ts", "    common.lose(lease.why as Loss, lease.endedAt as number)", ""]],
    kind: "given",
    rules: ["untold"],
    worlds: 2_000
  },
  staying: {
    mistake: "a key that is to stay taken is given back",
    changes: [[
      "engine/lender.ts",
      "    if (stay > 0 && isOurs && stay > this.now()) return this.leaveBehind(lease)\n",
      ""
    ]],
    kind: "polling",
    rules: ["stay"],
    worlds: 500
  },
  onItsWay: {
    mistake: "nothing is told of a lease that is handed over and does not arrive",
    changes: [["engine/lender.ts", "journal.unused(lease, at)", "void journal"]],
    kind: "given",
    rules: ["events"],
    worlds: 6_000
  },
  adopted: {
    mistake: "who gives up taking a key on leaves it taken",
    changes: [["engine/adopting.ts", "    if (exit._tag === \"Failure\") claim.disown()\n", ""]],
    kind: "polling",
    where: "hands",
    rules: ["orphan"],
    worlds: 2_000
  },
  laterKeys: {
    mistake: "who waits for one of several keys holds those that come after it",
    changes: [["several.ts", "      yield* giveBack(rest.slice(busy + 1))\n", "      void giveBack\n"]],
    kind: "told",
    where: "several",
    rules: ["hangs"],
    worlds: 200
  },
  unsorted: {
    mistake: "several keys are taken in the order in which they were given",
    changes: [["several.ts", "\n    .toSorted((a, b) => a.key < b.key ? -1 : 1)", ""]],
    kind: "given",
    where: "several",
    rules: ["hangs"],
    worlds: 200
  },
  eachTimeout: {
    mistake: "each of several keys is waited for as long as all of them",
    changes: [["several.ts", "timeoutMillis: left() }", "timeoutMillis: left() > 0 ? timeout : 0 }"]],
    kind: "direct",
    where: "several",
    rules: ["outlasts"],
    worlds: 200
  },
  firstFailure: {
    mistake: "several keys are given up at the first failure of the store, though time is left",
    changes: [["several.ts", "(error) => isPassing(error) && left() > 0,", "() => false,"]],
    kind: "polling",
    where: "several",
    rules: ["early"],
    worlds: 200
  },
  firstOnly: {
    mistake: "work under several leases hears of the loss of the first only",
    changes: [[
      "work.ts",
      "const unwatch = leases.map((lease)",
      "const unwatch = leases.slice(0, 1).map((lease)"
    ]],
    kind: "told",
    where: "several",
    rules: ["untold"],
    worlds: 1_000
  },
  lostBefore: {
    mistake: "work begins under a lease that was lost before",
    changes: [["work.ts", "    if (gone() !== undefined) return settle(Exit.interrupt())\n", ""]],
    kind: "polling",
    where: "several",
    rules: ["over"],
    worlds: 200
  },
  givenBack: {
    mistake: "work under a lease goes on when that is given back",
    changes: [["engine/lease.ts", "    telling.goers = [...telling.goers, then]\n", ""]],
    kind: "direct",
    where: "several",
    rules: ["untold"],
    worlds: 200
  },
  lostMeanwhile: {
    mistake: "work under a lease that was lost meanwhile ends as if nothing were",
    changes: [["engine/lease.ts", "return this.isOver ? endedBy(lostError(this, caller), exit) : exit", "return exit"]],
    kind: "told",
    where: "several",
    rules: ["died"],
    worlds: 200
  },
  lateSubscription: {
    mistake: "a key is looked at before its news is subscribed to, and not after",
    changes: [["engine/port.ts", "    watching.call.onReply(notify)\n", ""]],
    kind: "told",
    where: "several",
    rules: ["asleep"],
    worlds: 700
  },
  newsMeanwhile: {
    mistake: "news of a key that comes while it is looked at is forgotten",
    changes: [[
      "watching.ts",
      "      const looked: Look = yield* Effect.result(backend.inspect(key))",
      "      const looked: Look = yield* Effect.result(backend.inspect(key))\n      news.closeUnsafe()"
    ]],
    kind: "told",
    where: "several",
    rules: ["asleep"],
    worlds: 200
  },
  untoldEnd: {
    mistake: "who waits until a key is free does not look when a lease is over that nobody gives back",
    changes: [["watching.ts", "Effect.timeoutOption(news.await, Math.max(1, remaining + 1))", "news.await"]],
    kind: "given",
    where: "several",
    rules: ["asleep"],
    worlds: 200
  },
  unansweredLook: {
    mistake: "a key that cannot be looked at counts as free",
    changes: [[
      "watching.ts",
      "if (Result.isSuccess(looked) && Option.isNone(looked.success)) return",
      "if (Result.isFailure(looked) || Option.isNone(looked.success)) return"
    ]],
    kind: "polling",
    where: "several",
    rules: ["looksFree"],
    worlds: 200
  }
}

/** The files below `root` that a mutant changes, with its mistake in them. */
export const changed = (
  root: string,
  { changes }: Mutant
): ReadonlyMap<string, string> => {
  const files = new Map<string, string>()
  for (const [name, from, to] of changes) {
    const file = `${root}src/internal/${name}`
    const text = files.get(file) ?? readFileSync(file, "utf8")
    if (text.split(from).length !== 2) throw new Error(`${name} does not say once: ${from}`)
    files.set(file, text.replace(from, () => to))
  }
  return files
}

export const root = fileURLToPath(new URL("../../", import.meta.url))
