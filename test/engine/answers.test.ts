import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import {
  areExtensions,
  areHolders,
  isAttempt,
  isBoolean,
  isGrant,
  isInspection,
  isPage
} from "../../src/internal/engine/answers.ts"
import { failure } from "./parts.ts"

const nothing = [undefined, null, 0, 1, "", "OK", NaN, [], {}, () => {}]

const table: Record<string, {
  readonly is: (u: unknown) => boolean
  readonly right: ReadonlyArray<unknown>
  readonly wrong: ReadonlyArray<unknown>
}> = {
  "an attempt": {
    is: isAttempt,
    right: [
      { _tag: "Acquired", fencingToken: 1 },
      { _tag: "Held" },
      { _tag: "Held", token: "t", remainingMillis: 1.5, waiters: 2, watched: true }
    ],
    wrong: [
      { _tag: "Acquired" },
      { _tag: "Acquired", fencingToken: 1.5 },
      { _tag: "Acquired", fencingToken: "1" },
      { _tag: "Acquired", fencingToken: Number.MAX_SAFE_INTEGER + 1 },
      { _tag: "Held", token: 1 },
      { _tag: "Held", remainingMillis: NaN },
      { _tag: "Held", waiters: Infinity },
      { _tag: "Held", watched: 1 },
      { _tag: "Other" }
    ]
  },
  "a yes or no": { is: isBoolean, right: [true, false], wrong: ["true"] },
  "two extensions": {
    is: areExtensions(2),
    right: [[true, false], [failure(), true]],
    wrong: [[true], [true, true, true], [true, undefined], [true, new Error("no")]]
  },
  "a look at a key": {
    is: isInspection,
    right: [Option.none(), Option.some({ token: "t" }), Option.some({ token: "t", permits: 2 })],
    wrong: [Option.some({}), Option.some({ token: 1 }), Option.some(undefined), { token: "t" }]
  },
  "those who have a key": {
    is: areHolders,
    right: [[], [{ token: "t" }, { token: "u", remainingMillis: 1 }]],
    wrong: [[{}], [{ token: "t", permits: "1" }], { token: "t" }]
  },
  "a page": {
    is: isPage,
    right: [{ locks: [] }, { locks: [{ key: "k", token: "t" }], next: "k" }],
    wrong: [{ locks: [{ token: "t" }] }, { locks: [{ key: "k" }] }, { locks: [], next: 1 }, { locks: {} }]
  },
  "a grant": {
    is: isGrant,
    right: [{ fencingToken: 1, sinceMillis: 0, leaseMillis: 1 }],
    wrong: [
      { fencingToken: 1, sinceMillis: 0, leaseMillis: 0 },
      { fencingToken: 1, sinceMillis: NaN, leaseMillis: 1 },
      { fencingToken: 0.5, sinceMillis: 0, leaseMillis: 1 },
      { fencingToken: 1, leaseMillis: 1 }
    ]
  }
}

describe("Answers", () => {
  for (const [name, { is, right, wrong }] of Object.entries(table)) {
    it(`that are ${name} are told from those that are none`, () => {
      for (const one of right) assert.isTrue(is(one), JSON.stringify(one))
      const none = name === "those who have a key" ? nothing.filter((one) => !Array.isArray(one)) : nothing
      for (const one of [...none, ...wrong]) assert.isFalse(is(one), JSON.stringify(one))
    })
  }
})
