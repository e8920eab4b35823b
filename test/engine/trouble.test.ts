import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Logger, Metric, References } from "effect"
import { LockConfig, type LockEvent } from "effect-lock"
import { Journal } from "../../src/internal/engine/journal.ts"
import { makeLog, Trouble } from "../../src/internal/engine/trouble.ts"
import { meterOf } from "../../src/internal/meter.ts"
import { failure } from "./parts.ts"

const make = (serverOf?: (key: string) => unknown) => {
  const lines: Array<{ readonly text: string; readonly annotations: unknown }> = []
  const logger = Logger.make(({ fiber, message }) => {
    const text = String(Array.isArray(message) ? message[0] : message)
    lines.push({ text, annotations: fiber.getRef(References.CurrentLogAnnotations) })
  })
  const context = Context.make(Logger.CurrentLoggers, new Set([logger])).pipe(
    Context.add(Metric.MetricRegistry, new Map()),
    Context.add(LockConfig.LockConfig, { ...Context.get(Context.empty(), LockConfig.LockConfig), owner: "me" })
  ) as unknown as Context.Context<never>
  const journal = new Journal(meterOf("fake", context))
  const events: Array<LockEvent.LockEvent> = []
  journal.listen((event) => events.push(event), () => {})
  const log = makeLog("fake", context)
  return { trouble: new Trouble("fake", journal, log, serverOf), log, lines, events }
}

describe("Trouble", () => {
  it("is said once when it begins and once when it is over, each time", () => {
    const { events, lines, trouble } = make()
    trouble.end(5)
    assert.isFalse(trouble.isThere)
    trouble.begin(failure(), 1_000)
    trouble.begin(failure(), 2_000)
    assert.isTrue(trouble.isThere)
    trouble.end(3_500)
    trouble.end(4_000)
    assert.isFalse(trouble.isThere)
    trouble.begin(failure(), 5_000)
    assert.deepStrictEqual(events.map(({ _tag }) => _tag), ["BackendDown", "BackendUp", "BackendDown"])
    assert.lengthOf(lines, 3)
    assert.match(lines[0].text, /^The fake lock backend is in trouble/)
    assert.strictEqual(lines[1].text, "The fake lock backend answers again, after 2.5 seconds")
  })
})

describe("Trouble of a store without room", () => {
  it("is not over when it answers something else, but when somebody has a lock", () => {
    const { lines, trouble } = make()
    trouble.begin(failure({ kind: "OutOfMemory", operation: "acquire" }), 0)
    trouble.answered("key", true, 1)
    trouble.answered("key", { _tag: "Held" }, 3)
    assert.isTrue(trouble.isThere)
    trouble.answered("key", { _tag: "Acquired", fencingToken: 1 }, 4)
    assert.isFalse(trouble.isThere)
    assert.lengthOf(lines, 2)
    trouble.begin(failure({ operation: "acquire" }), 5)
    trouble.answered("key", true, 6)
    assert.isFalse(trouble.isThere)
  })
})

describe("Trouble of a store that accepts no writes", () => {
  const readOnly = (operation: string) => failure({ kind: "ReadOnly", operation })

  it("is not over when it answers without writing, but when it has written", () => {
    const { lines, trouble } = make()
    const written: ReadonlyArray<unknown> = [true, [failure(), true], { _tag: "Acquired", fencingToken: 1 }]
    written.forEach((reply, i) => {
      trouble.begin(readOnly("acquire"), 0)
      for (const unwritten of [false, [false], [], { _tag: "Held" }]) trouble.answered("key", unwritten, 1)
      assert.lengthOf(lines, 2 * i + 1)
      trouble.answered("key", reply, 2)
      assert.isFalse(trouble.isThere)
    })
  })

  it("is over when it answers, if it could not even be read", () => {
    const { trouble } = make()
    trouble.begin(readOnly("inspect"), 0)
    trouble.answered("key", [], 1)
    assert.isFalse(trouble.isThere)
  })
})

describe("Trouble of one of several servers", () => {
  const identity = (key: string) => key

  it("is said once, and is over when each that had it answers", () => {
    const { lines, trouble } = make(identity)
    trouble.begin(failure({ key: "a" }), 0)
    trouble.answered("b", true, 1)
    trouble.begin(failure({ key: "c" }), 2)
    trouble.answered("a", true, 3)
    assert.lengthOf(lines, 1)
    trouble.begin(failure({ key: "a" }), 4)
    trouble.answered("c", true, 5)
    assert.isTrue(trouble.isThere)
    trouble.answered("a", true, 1_006)
    assert.isFalse(trouble.isThere)
    assert.strictEqual(lines[1].text, "The fake lock backend answers again, after 1.0 seconds")
    assert.lengthOf(lines, 2)
  })

  it("is over when others have answered for long, and nobody asks it any more", () => {
    const { trouble } = make(identity)
    trouble.begin(failure({ key: "a" }), 0)
    trouble.begin(failure({ key: "a" }), 20_000)
    trouble.answered("b", true, 50_000)
    assert.isTrue(trouble.isThere)
    trouble.answered("b", true, 50_001)
    assert.isFalse(trouble.isThere)
  })

  it("is over when another has its key, and answers", () => {
    let server = "a"
    const { trouble } = make((key) => key === "moves" ? server : "b")
    trouble.begin(failure({ key: "moves" }), 0)
    trouble.answered("stays", true, 1)
    assert.isTrue(trouble.isThere)
    server = "c"
    trouble.answered("stays", true, 2)
    assert.isFalse(trouble.isThere)
  })

  it("that concerns no key is over when any of them answers", () => {
    const { trouble } = make(identity)
    trouble.begin(failure(), 0)
    trouble.answered("a", true, 1)
    assert.isFalse(trouble.isThere)
  })
})

describe("The log", () => {
  it("names the backend and its owner, and the key if a line is about one", () => {
    const { lines, log } = make()
    log(Effect.logInfo("one"))
    log(Effect.logInfo("two"), "key")
    const all = { "lock.backend": "fake", "lock.owner": "me" }
    assert.deepStrictEqual(lines.map(({ annotations }) => annotations), [all, { ...all, "lock.key": "key" }])
  })
})
