import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Schema } from "effect"
import { InMemoryBackend, Lock, LockKey } from "effect-lock"

describe("LockKey.template", () => {
  it("writes the parts where they belong", () => {
    const key = LockKey.template("invoice-{customer}-{month}")
    assert.strictEqual(key({ customer: 7, month: "may" }), "invoice-7-may")
    assert.strictEqual(key.template, "invoice-{customer}-{month}")
  })

  it("writes every kind of part as String does", () => {
    const key = LockKey.template("{part}")
    assert.deepStrictEqual(
      ["text", 0, -1.5, 12n, true, false, ""].map((part) => key({ part })),
      ["text", "0", "-1.5", "12", "true", "false", ""]
    )
  })

  it("is the text itself without placeholders", () => {
    assert.strictEqual(LockKey.template("nightly")({}), "nightly")
  })

  it("may name a placeholder twice", () => {
    assert.strictEqual(LockKey.template("{a}/{b}/{a}")({ a: 1, b: 2 }), "1/2/1")
  })

  it("leaves a single value as it is, and separators that separate nothing", () => {
    assert.strictEqual(LockKey.template("user:{id}")({ id: "a:b%c" }), "user:a:b%c")
    assert.strictEqual(LockKey.template("{id}-lock")({ id: "a-b" }), "a-b-lock")
  })

  it("escapes a separator inside a value", () => {
    const key = LockKey.template("{a}-{b}")
    assert.strictEqual(key({ a: "x-y", b: "z" }), "x%2d;y-z")
    assert.notStrictEqual(key({ a: "x-y", b: "z" }), key({ a: "x", b: "y-z" }))
    assert.notStrictEqual(key({ a: "x%2d;y", b: "z" }), key({ a: "x-y", b: "z" }))
    // The mark of what is escaped separates here.
    const percent = LockKey.template("{a}%{b}")
    assert.notStrictEqual(percent({ a: "", b: "25;%" }), percent({ a: "%", b: "25;" }))
  })

  const part = Arbitrary.schema(Schema.Union([
    Schema.String,
    Schema.Literals(["", "-", "--", "%", "%2d;", ":", "-:", ":-", "a", "a-", "-a", "😀", "\ud83d", "{", "}"])
  ]))
  const templates = [
    "{a}-{b}",
    "x{a}:{b}y",
    "{a}--{b}",
    "{a}%{b}",
    "{a}😀{b}",
    "{a}-{b}:{c}",
    "{a}-:{b}-{c}",
    "{a};{b}2{c}"
  ] as const
  for (const template of templates) {
    it.effect.prop(
      `different arguments of ${template} give different keys`,
      { a: part, b: part, c: part, d: part, e: part, f: part },
      ({ a, b, c, d, e, f }) =>
        Effect.sync(() => {
          const key = LockKey.template<string>(template)
          const three = template.includes("{c}")
          const same = a === d && b === e && (!three || c === f)
          const first = key(three ? { a, b, c } : { a, b })
          const second = key(three ? { a: d, b: e, c: f } : { a: d, b: e })
          assert.strictEqual(first === second, same, JSON.stringify({ a, b, c, d, e, f, first, second }))
        }),
      { arbitrary: { runs: 500 } }
    )
  }

  const bad: ReadonlyArray<readonly [string, RegExp]> = [
    ["{", /unbalanced braces/],
    ["}", /unbalanced braces/],
    ["a{b", /unbalanced braces/],
    ["a}b", /unbalanced braces/],
    ["{{a}}", /unbalanced braces/],
    ["{}", /a placeholder needs a name/],
    ["{0}", /named, not numbered: write \{name\} instead of \{0\}/],
    ["{1a}", /named, not numbered/],
    ["{a b}", /a plain name, as in \{name\}, not \{a b\}/],
    ["{a!r}", /a plain name/],
    ["{a:>5}", /a plain name/],
    ["{a.b}", /a plain name/],
    ["{a[0]}", /a plain name/],
    ["{a}{b}", /put a separator between two placeholders/]
  ]
  for (const [template, message] of bad) {
    it(`refuses ${template}, and says why`, () => {
      assert.throws(() => LockKey.template<string>(template), message)
      assert.throws(() => LockKey.template<string>(template), RangeError)
    })
  }

  it("refuses to make a key without one of its arguments", () => {
    const key = LockKey.template<string>("{a}-{b}")
    assert.throws(() => key({ a: 1 }), /argument "b" is missing/)
    assert.throws(() => key({ a: 1, b: undefined as never }), RangeError)
    assert.throws(() => key({ a: null as never, b: 1 }), /argument "a" is missing/)
  })

  it.effect("lets the arguments of a function choose its lock, defaults included", () =>
    Effect.gen(function*() {
      const key = LockKey.template("greet-{name}-{greeting}")
      const seen: Array<string> = []
      const greet = Effect.fn("greet")(
        function*(name: string, greeting: string = "hello") {
          return yield* Effect.succeed(`${greeting} ${name}`)
        },
        (effect, name, greeting = "hello") => {
          seen.push(key({ name, greeting }))
          return Lock.once(effect, key({ name, greeting }), { failIfLocked: true })
        }
      )
      assert.strictEqual(yield* greet("ann"), "hello ann")
      assert.strictEqual(yield* greet("ann", "bye"), "bye ann")
      assert.deepStrictEqual(seen, ["greet-ann-hello", "greet-ann-bye"])
    }).pipe(Effect.provide(InMemoryBackend.layer)))
})
