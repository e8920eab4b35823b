import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import * as Url from "../../src/internal/url.ts"

describe("the parts of a URL", () => {
  it("are cut at the last @, the first slash and the first question or number sign behind it", () => {
    const cases: ReadonlyArray<readonly [string, Url.Parts]> = [
      ["", { login: undefined, hosts: "", path: "", query: "" }],
      ["h", { login: undefined, hosts: "h", path: "", query: "" }],
      ["a:b@h:1,i/p/q?r#s", { login: "a:b", hosts: "h:1,i", path: "/p/q", query: "?r#s" }],
      ["a@b@h#s?r", { login: "a@b", hosts: "h", path: "", query: "#s?r" }],
      ["@/p", { login: "", hosts: "", path: "/p", query: "" }]
    ]
    for (const [rest, parts] of cases) assert.deepStrictEqual(Url.cut(rest), parts, rest)
  })

  it("have a user and a password, which may be empty or left out", () => {
    const login = (rest: string) => {
      const { password, username } = Result.getOrThrow(Url.loginOf(Url.cut(rest)))
      return [username, password === undefined ? undefined : Redacted.value(password)]
    }
    assert.deepStrictEqual(login("h"), [undefined, undefined])
    assert.deepStrictEqual(login("a@h"), ["a", undefined])
    assert.deepStrictEqual(login(":b@h"), [undefined, "b"])
    assert.deepStrictEqual(login("a:@h"), ["a", ""])
    assert.deepStrictEqual(login("a%40:b:%2F@h"), ["a@", "b:/"])
  })

  it("have servers, with or without a port", () => {
    const places: ReadonlyArray<readonly [string, Url.Place | undefined]> = [
      ["", { host: undefined, port: undefined }],
      [":1", { host: undefined, port: 1 }],
      ["h:65535", { host: "h", port: 65_535 }],
      ["[::1]:2", { host: "::1", port: 2 }],
      ["[h]", undefined],
      ["::1", undefined],
      ["h:", undefined],
      ["h:0", undefined],
      ["h:65536", undefined],
      ["h:1x", undefined],
      ["h i", undefined],
      ["h\n", undefined]
    ]
    for (const [text, place] of places) assert.deepStrictEqual(Url.placeOf(text), place, JSON.stringify(text))
  })
})
