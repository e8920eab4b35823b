/** A page by itself, whose browser does what the test says and when. */
import { Effect, Exit, Fiber, Scope } from "effect"
import { afterEach, assert, describe, it, vi } from "vitest"
import * as Presence from "../../../src/internal/browser/presence.ts"
import { Tabs } from "../../../src/internal/browser/tabs.ts"

type Heard = (event: { readonly persisted: boolean }) => void

/** Web Locks that are granted when the test says so. */
const pageOf = () => {
  const heard = new Map<string, Heard>()
  const grants: Array<() => void> = []
  vi.stubGlobal("addEventListener", (name: string, hear: Heard) => heard.set(name, hear))
  vi.stubGlobal("removeEventListener", (name: string) => heard.delete(name))
  vi.stubGlobal("navigator", {
    locks: {
      request: (_name: string, body: () => Promise<void>) =>
        new Promise((resolve) => grants.push(() => resolve(body())))
    }
  })
  return {
    grant: () => grants.shift()!(),
    tell: (name: "pagehide" | "pageshow") => heard.get(name)!({ persisted: true })
  }
}

afterEach(() => vi.unstubAllGlobals())

describe("Presence", () => {
  it("does not come back after it has been closed meanwhile", () =>
    Effect.runPromise(Effect.gen(function*() {
      const { grant, tell } = pageOf()
      const scope = yield* Scope.make()
      const making = yield* Effect.forkChild(Scope.provide(Presence.make(new Tabs("name", "home")), scope), {
        startImmediately: true
      })
      grant()
      const presence = yield* Fiber.join(making)
      const told: Array<string> = []
      presence.tell({ left: () => told.push("left"), came: () => told.push("came") })
      tell("pagehide")
      tell("pageshow")
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      grant()
      yield* Fiber.join(closing)
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve)))
      assert.deepStrictEqual(told, ["left"])
    })))
})
