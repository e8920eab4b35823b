/** Tabs and workers of one origin in a real browser: turns, ends of all kinds, and what is left. */
import { Effect } from "effect"
import { conformance } from "effect-lock/testing"
import { setTimeout as sleep } from "node:timers/promises"
import { assert, beforeAll, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { killBrowser, untrustedHost } from "../support/chromium.ts"
import { directory } from "../support/directory.ts"
import { punctual } from "../support/punctual.ts"
import { uses } from "../support/uses.ts"
import type { Trouble } from "./page.ts"
import { assertSection, holds, isSection, long, open, openForAll, type Realm, type Tab, waiters } from "./support.ts"

const crash = async ({ page }: Tab): Promise<void> => {
  const crashed = page.waitForEvent("crash")
  void page.goto("chrome://crash").catch(() => {})
  await crashed
}

describe.skipIf(!isInstalled("chromium"))("tabs of one origin", () => {
  const browser = openForAll({ reusesTabs: true })

  let keys = 0
  const newKey = () => `key-${++keys}`

  describe("the store conforms", () => {
    let failures: Record<string, string>
    beforeAll(async () => {
      const { call } = await browser.tab()
      // A page does not see when the browser, which keeps its locks, is late.
      const conforming = Effect.gen(function*() {
        const left = failures === undefined ? undefined : Object.keys(failures)
        failures = yield* Effect.promise(() => call("conform", left))
        if (Object.keys(failures).length > 0) return yield* Effect.fail("not yet")
      })
      await Effect.runPromise(Effect.ignore(punctual(100)(conforming)))
    })
    // Only the names.
    for (const { name } of conformance.conformance({ name: "browser", make: Effect.die("not here") })) {
      it(name, () => assert.isUndefined(failures[name]))
    }
  })

  describe("programs have what they use", () => {
    let failures: Record<string, string>
    beforeAll(async () => {
      failures = await (await browser.tab()).call("uses")
    })
    // Only the names.
    for (const { name } of uses(Effect.die("not here"))) it(name, () => assert.isUndefined(failures[name]))
  })

  it("take turns, one after another, and so do workers", async () => {
    const key = newKey()
    const tabs = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const realms = [...tabs, await tabs[0].worker()]
    const times = 12
    // All wait before the first is let in.
    const last = await browser.tab()
    const first = last.call("hold", key, Infinity, long).catch(() => undefined)
    await holds(last, key)
    const taking = realms.map(({ call }) => call("turns", key, times, 5))
    await waiters(tabs[0], key, realms.length)
    await last.page.close()
    await first
    const turns = await Promise.all(taking)
    const all = turns.flatMap((sections, realm) => sections.map((one) => ({ realm, ...assertSection(one) })))
      .toSorted((a, b) => a.from - b.from)
    assert.strictEqual(all.length, times * realms.length)
    for (const [index, { fence, from }] of all.entries()) {
      if (index === 0) continue
      const before = all[index - 1]
      assert.isAtLeast(from, before.to, "two at once")
      assert.isAbove(fence, before.fence, "fencing tokens rise")
    }
    // Who comes back waits behind those that wait already.
    assert.strictEqual(new Set(all.slice(0, realms.length).map(({ realm }) => realm)).size, realms.length)
    assert.deepInclude(await tabs[0].call("left"), { keys: [], pending: 0 })
  })

  it("who waits no longer watches nobody, be it that its claim is answered after that", async () => {
    const key = newKey()
    const [one, other] = await Promise.all([browser.tab(), browser.tab()])
    const held = one.call("hold", key, Infinity, long)
    await holds(one, key)
    await other.call("giveUp", key)
    assert.strictEqual((await other.call("left")).pending, 0)
    await one.call("end", key)
    assertSection(await held)
  })

  it("who waits no longer is told nothing, be it that an offer was about to be accepted", async () => {
    const { call } = await browser.tab()
    assert.isFalse(await call("leaveAtOffer", newKey()))
    assert.deepInclude(await call("left"), { keys: [], pending: 0 })
  })

  describe("a holder that is no more frees its lock at once, whatever its lease", () => {
    const hold = async ({ call }: Realm, key: string): Promise<void> => {
      void call("hold", key, Infinity, long).catch(() => {})
      await holds({ call }, key)
    }
    /** Each takes the key, and gives its own end. */
    const holders: Record<string, (key: string) => Promise<() => Promise<unknown>>> = {
      "closed": async (key) => {
        const tab = await browser.tab()
        await hold(tab, key)
        return () => tab.page.close()
      },
      "gone to another page": async (key) => {
        const tab = await browser.tab()
        await hold(tab, key)
        return () => tab.page.goto("about:blank")
      },
      "crashed": async (key) => {
        const tab = await browser.tab()
        await hold(tab, key)
        return () => crash(tab)
      },
      "a worker that is terminated": async (key) => {
        const { page, worker } = await browser.tab()
        await hold(await worker(), key)
        return () => page.evaluate("globalThis.started.terminate()")
      }
    }
    for (const [name, start] of Object.entries(holders)) {
      it(`${name}, to one who comes`, async () => {
        const key = newKey()
        const [end, { call }] = await Promise.all([start(key), browser.tab()])
        await end()
        // By attempts that do not wait. The browser may need a moment to let go.
        let section = await call("hold", key, 0, { ...long, timeout: 0 })
        while (!isSection(section)) section = await call("hold", key, 0, { ...long, timeout: 0 })
        assert.isUndefined(await call("inspect", key))
      })

      it(`${name}, to one who waits`, async () => {
        const key = newKey()
        const [end, tab] = await Promise.all([start(key), browser.tab()])
        const waiting = tab.call("hold", key, 0, long)
        await waiters(tab, key, 1)
        await end()
        assertSection(await waiting)
      })
    }

    it("nobody is told of a holder that is no more", async () => {
      const key = newKey()
      const [end, { call }] = await Promise.all([holders.closed(key), browser.tab()])
      await end()
      while ((await call("inspect", key)) !== undefined) await sleep(5)
    })
  })

  it("those who wait and are no more cost the others nothing", async () => {
    const key = newKey()
    const [holder, last, ...gone] = await Promise.all(Array.from({ length: 6 }, () => browser.tab()))
    const held = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    for (const { call } of gone) void call("hold", key, 0, long).catch(() => {})
    await waiters(last, key, gone.length)
    const waiting = last.call("hold", key, 0, long)
    await waiters(last, key, gone.length + 1)
    await Promise.all(gone.map(crash))
    await holder.call("end", key)
    assertSection(await held)
    assertSection(await waiting)
  })

  it("who waits is told of a release, and of the end of whoever has it then, without asking", async () => {
    const key = newKey()
    const [first, second, third] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const quiet = { ...long, poll: false }
    const held = first.call("hold", key, Infinity, long)
    await holds(first, key)
    void second.call("hold", key, Infinity, quiet).catch(() => {})
    await waiters(first, key, 1)
    const waiting = third.call("hold", key, 0, quiet)
    await waiters(first, key, 2)
    await first.call("end", key)
    assertSection(await held)
    await holds(second, key)
    await crash(second)
    assertSection(await waiting)
  })

  it("who waits is first, also when the holder is no more", async () => {
    const key = newKey()
    const holder = await browser.tab()
    const [first, second] = await Promise.all([browser.tab(), browser.tab()])
    void holder.call("hold", key, Infinity, long).catch(() => {})
    await holds(holder, key)
    const waiting = first.call("hold", key, 50, long)
    await waiters(first, key, 1)
    const [, newcomer, waiter] = await Promise.all([
      holder.page.close(),
      second.call("hold", key, 0, long),
      waiting
    ])
    assert.isBelow(assertSection(waiter).from, assertSection(newcomer).from)
  })

  it("a holder that hangs frees its lock when its lease is over, and is told", async () => {
    const key = newKey()
    const [holder, waiter] = await Promise.all([browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, { expires: "2 seconds" })
    await holds(holder, key)
    const waiting = waiter.call("hold", key, 0, long)
    const hanging = holder.call("hang", 4_000)
    const section = assertSection(await waiting)
    await hanging
    const lost = await held
    assert.isFalse(isSection(lost))
    assert.deepInclude(lost, { reason: "LockLost" })
    assert.isAbove(section.fence, 0)
  })

  it("one who waits and hangs is passed over", async () => {
    const key = newKey()
    const [holder, hung, next] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    const late = hung.call("hold", key, 0, long)
    await waiters(holder, key, 1)
    const waiting = next.call("hold", key, 0, long)
    await waiters(holder, key, 2)
    const hanging = hung.call("hang", 10_000).then(() => "hung")
    await holder.call("end", key)
    assertSection(await held)
    assert.notStrictEqual(await Promise.race([waiting.then(assertSection), hanging]), "hung")
    await hanging
    // And comes in when it is back.
    assertSection(await late)
  })

  describe("shared by several tabs", () => {
    const read = { ...long, share: "read" } as const
    const two = { ...long, share: { limit: 2 } } as const

    it("a key lets as many in as its limit says, and one more when a tab is no more", async () => {
      const key = newKey()
      const [first, second, third, other] = await Promise.all([
        browser.tab(),
        browser.tab(),
        browser.tab(),
        browser.tab()
      ])
      for (const tab of [first, second]) {
        void tab.call("hold", key, Infinity, two).catch(() => {})
        await holds(tab, key)
      }
      assert.deepStrictEqual(await other.call("holders", key), [1, 1])
      assert.deepInclude(await other.call("hold", key, 0, { ...two, timeout: 0 }), { reason: "LockTimeout" })
      // Told, and not by looking again.
      const waiting = third.call("hold", key, 0, { ...two, poll: false })
      await waiters(other, key, 1)
      await crash(first)
      assertSection(await waiting)
      await second.page.close()
      while ((await other.call("holders", key)).length > 0) await sleep(5)
    })

    it("a writer waits for all readers, readers that come later for the writer, and they are let in together", async () => {
      const key = newKey()
      const [reader, writer, ...later] = await Promise.all(Array.from({ length: 4 }, () => browser.tab()))
      const reading = reader.call("hold", key, Infinity, read)
      await holds(reader, key)
      const writing = writer.call("hold", key, Infinity, long)
      await waiters(reader, key, 1)
      const behind = later.map(({ call }) => call("hold", key, Infinity, read))
      await waiters(reader, key, 3)
      assert.deepInclude(await later[0].call("hold", key, 0, { ...read, timeout: 0 }), { reason: "LockTimeout" })
      assert.deepStrictEqual(await writer.call("holders", key), [1])
      await reader.call("end", key)
      const before = assertSection(await reading)
      await holds(writer, key)
      assert.deepStrictEqual(await reader.call("holders", key), ["alone"])
      await writer.call("end", key)
      const between = assertSection(await writing)
      for (const tab of later) await holds(tab, key)
      assert.deepStrictEqual(await reader.call("holders", key), [1, 1])
      for (const { call } of later) await call("end", key)
      for (const section of await Promise.all(behind)) {
        const { fence, from } = assertSection(section)
        assert.isAtLeast(from, between.to)
        assert.isAbove(fence, between.fence)
      }
      assert.isAbove(between.fence, before.fence)
    })

    it("a writer that waits and is no more lets in the readers behind it", async () => {
      const key = newKey()
      const [reader, writer, next] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
      void reader.call("hold", key, Infinity, read).catch(() => {})
      await holds(reader, key)
      void writer.call("hold", key, 0, long).catch(() => {})
      await waiters(reader, key, 1)
      const waiting = next.call("hold", key, 0, { ...read, poll: false })
      await waiters(reader, key, 2)
      await crash(writer)
      assertSection(await waiting)
      await reader.page.close()
    })

    it("a reader that hangs keeps the writer out for its lease, and no longer", async () => {
      const key = newKey()
      const [reader, writer] = await Promise.all([browser.tab(), browser.tab()])
      const reading = reader.call("hold", key, Infinity, { ...read, expires: "2 seconds" })
      await holds(reader, key)
      const writing = writer.call("hold", key, 0, long)
      await reader.call("hang", 4_000)
      assertSection(await writing)
      assert.deepInclude(await reading, { reason: "LockLost" })
    })
  })

  it("a lock that was left to another tab is listed, and outlives the tab that left it", async () => {
    const key = newKey()
    const [leaver, other] = await Promise.all([browser.tab(), browser.tab()])
    const ticket = await leaver.call("leave", key)
    await leaver.page.close()
    assert.deepStrictEqual(await other.call("listed", key), [key])
    assert.deepInclude(await other.call("hold", key, 0, { ...long, timeout: 0 }), { reason: "LockTimeout" })
    const taken = await other.call("adopt", ticket)
    assert.property(taken, "fence")
    assert.deepInclude(await other.call("adopt", ticket), { reason: "LockLost" })
    assert.deepStrictEqual(await other.call("listed", key), [])
    assertSection(await other.call("hold", key, 0, { ...long, timeout: 0 }))
  })

  it("a key stays taken for as long as it was asked to, though its tab is closed", async () => {
    const key = newKey()
    const [brief, other] = await Promise.all([browser.tab(), browser.tab()])
    const { from } = assertSection(await brief.call("hold", key, 0, { ...long, atLeast: "3 seconds" }))
    await brief.page.close()
    const next = assertSection(await other.call("hold", key, 0, long))
    // The tabs share the wall clock alone, which may be a little off.
    assert.isAtLeast(next.from - from, 2_900)
  })

  it("a lock can be taken away from another tab, and its holder is told", async () => {
    const key = newKey()
    const [holder, other] = await Promise.all([browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, { expires: "3 seconds" })
    await holds(holder, key)
    const seen = await other.call("inspect", key)
    assert.deepInclude(seen, { since: true, waiters: 0 })
    assert.isTrue(await other.call("force", key))
    assert.isFalse(await other.call("force", key))
    assert.deepInclude(await held, { reason: "LockLost" })
  })

  it("a holder is told when the site's data are cleared, and tokens rise on", async () => {
    const key = newKey()
    const [holder, other] = await Promise.all([browser.tab(), browser.tab()])
    const before = assertSection(await holder.call("hold", key, 0))
    const held = holder.call("hold", key, Infinity, { expires: "3 seconds" })
    await holds(holder, key)
    await other.page.evaluate(() =>
      new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase("effect-lock")
        request.addEventListener("success", () => resolve())
        request.addEventListener("error", () => reject(request.error ?? new Error("not deleted")))
      })
    )
    assert.deepInclude(await held, { reason: "LockLost" })
    assert.isAbove(assertSection(await other.call("hold", key, 0)).fence, before.fence)
  })

  it("those who wait go on when a person clears the site's data, and nobody is left hanging", async () => {
    const key = newKey()
    const [holder, waiter, next] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, { expires: "3 seconds" })
    await holds(holder, key)
    const waiting = waiter.call("hold", key, 50, long)
    await waiters(holder, key, 1)
    const after = next.call("hold", key, 50, long)
    await waiters(holder, key, 2)
    const devtools = await browser.context.newCDPSession(next.page)
    await devtools.send("Storage.clearDataForOrigin", { origin: browser.origin, storageTypes: "all" })
    assert.deepInclude(await held, { reason: "LockLost" })
    const [one, other] = (await Promise.all([waiting, after])).map(assertSection).toSorted((a, b) => a.from - b.from)
    assert.isAtLeast(other.from, one.to, "two at once")
    assert.isAbove(other.fence, one.fence)
  })

  it("tabs that were there when the site's data were cleared, and those that come later, exclude each other", async () => {
    const key = newKey()
    const before = await browser.tab(browser.origin)
    assertSection(await before.call("hold", key, 0))
    const devtools = await browser.context.newCDPSession(before.page)
    await devtools.send("Storage.clearDataForOrigin", { origin: browser.origin, storageTypes: "all" })
    const later = await browser.tab(browser.origin)
    for (const [holder, other] of [[before, later], [later, before]]) {
      const held = holder.call("hold", key, Infinity, long)
      await holds(holder, key)
      assert.deepInclude(await other.call("hold", key, 0, { ...long, timeout: 0 }), { reason: "LockTimeout" })
      const waiting = other.call("hold", key, 0, long)
      await waiters(holder, key, 1)
      await holder.call("end", key)
      assert.isAtLeast(assertSection(await waiting).from, assertSection(await held).to)
    }
    // Nothing but the end of its lease tells one of the other.
    const lost = later.call("hold", key, Infinity, { expires: "2 seconds" }).catch(() => {})
    await later.call("told")
    while ((await before.call("inspect", key)) === undefined) await sleep(5)
    await crash(later)
    assertSection(await before.call("hold", key, 0, long))
    await lost
  })

  it("a lock of a tab that was frozen for longer than its lease is somebody else's, and the tab is told", async () => {
    const key = newKey()
    const [frozen, waiter, other] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const held = frozen.call("hold", key, Infinity, { expires: "2 seconds" })
    await holds(frozen, key)
    const waiting = waiter.call("hold", key, 0, long)
    await waiters(other, key, 1)
    const devtools = await browser.context.newCDPSession(frozen.page)
    await devtools.send("Debugger.enable")
    const paused = new Promise((resolve) => devtools.once("Debugger.paused", resolve))
    await devtools.send("Debugger.pause")
    await paused
    const section = assertSection(await waiting)
    await devtools.send("Debugger.resume")
    assert.deepInclude(await held, { reason: "LockLost" })
    // And takes part again.
    assert.isAbove(assertSection(await frozen.call("hold", key, 0, long)).fence, section.fence)
  })

  it("what is no offer of ours on the channel ends nothing", async () => {
    const key = newKey()
    const [holder, waiter, other] = await Promise.all([browser.tab(), browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    const waiting = waiter.call("hold", key, 0, long)
    await waiters(holder, key, 1)
    await other.page.evaluate(async (key) => {
      const channel = new BroadcastChannel("effect-lock")
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open("effect-lock")
        request.addEventListener("success", () => resolve(request.result))
      })
      const queued = await new Promise<string>((resolve) => {
        const request = database.transaction("locks").objectStore("locks").get(key)
        request.addEventListener("success", () => resolve(request.result.queue[0].token))
      })
      database.close()
      const messages: Array<unknown> = [
        undefined,
        "offer",
        7,
        { version: 3 },
        { version: 2, key },
        { version: 2, key, to: { token: queued, tab: 7, expires: 1 } },
        { version: 2, key, to: { token: queued, tab: "none", expires: NaN } },
        { version: 2, key, to: { token: queued, tab: "none", expires: 1, share: 1 } },
        // Well made, and not true: nobody has offered it, or misses it.
        { version: 2, key, to: { token: queued, tab: "none", expires: 1e9 } },
        { version: 2, key, to: queued }
      ]
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel is no window
      for (const message of messages) channel.postMessage(message)
      channel.close()
    }, key)
    await holder.call("end", key)
    const first = assertSection(await held)
    assert.isAtLeast(assertSection(await waiting).from, first.to)
  })

  it("what is no lock at the key is a failure", async () => {
    const key = newKey()
    const { call, page } = await browser.tab()
    assertSection(await call("hold", key, 0))
    await page.evaluate((key) =>
      new Promise<void>((resolve) => {
        const request = indexedDB.open("effect-lock")
        request.addEventListener("success", () => {
          const tx = request.result.transaction("locks", "readwrite")
          tx.objectStore("locks").put({ version: 2, holders: [{ token: 7 }], queue: [] }, key)
          tx.addEventListener("complete", () => {
            request.result.close()
            resolve()
          })
        })
      }), key)
    assert.deepInclude(await call("hold", key, 0), { reason: "WrongType" })
    await page.evaluate(() => indexedDB.deleteDatabase("effect-lock"))
  })

  it("a database that is not ours is a failure that says what to do, and owes no release", async () => {
    const { call, page } = await browser.tab(browser.origin)
    const lines: Array<string> = []
    page.on("console", (line) => lines.push(line.text()))
    await page.evaluate(() =>
      new Promise<void>((resolve) => {
        const request = indexedDB.open("effect-lock", 2)
        request.addEventListener("success", () => {
          request.result.close()
          resolve()
        })
      })
    )
    const trouble = await call("hold", newKey(), 0)
    assert.deepInclude(trouble, { reason: "WrongType" })
    assert.include((trouble as Trouble).message, "give the layer another `name`")
    await page.evaluate(() => console.log("all is said"))
    assert.deepStrictEqual(lines, ["all is said"])
    await page.evaluate(() => indexedDB.deleteDatabase("effect-lock"))
  })

  it("a page that may not have a channel is told so", async () => {
    const { call, page } = await browser.tab(browser.origin)
    await page.evaluate(() => {
      globalThis.BroadcastChannel = function() {
        throw new DOMException("refused", "SecurityError")
      } as unknown as typeof BroadcastChannel
    })
    assert.deepInclude(await call("build"), { reason: "Unsupported" })
  })

  it("keys are told apart whatever is in them", async () => {
    const { call } = await browser.tab()
    const odd = ["\uD800", "\uD801", "\uFFFD", "a\0b", "a", "ä", "a\u0308", "__proto__", "x".repeat(100_000)]
    const holding = odd.map((key) => call("hold", key, 300, { ...long, timeout: 0 }))
    for (const section of await Promise.all(holding)) assertSection(section)
  })

  it("leave nothing behind", async () => {
    const [tab, other] = await Promise.all([browser.tab(browser.origin), browser.tab(browser.origin)])
    assertSection(await other.call("hold", newKey(), 0))
    const before = new Set((await other.call("left")).held)
    const key = newKey()
    void tab.call("hold", key, Infinity, long).catch(() => {})
    await holds(tab, key)
    const { held, keys } = await other.call("left")
    assert.deepStrictEqual(keys, [key])
    const own = held.filter((name) => !before.has(name))
    assert.lengthOf(own, 1)
    // Closing the layer frees what is held, and the presence.
    await tab.call("close")
    const left = await other.call("left")
    assert.deepInclude(left, { keys: [], pending: 0 })
    assert.notInclude(left.held, own[0])
  })

  it("a page that browsers do not trust has no locks, and is told why", async () => {
    const { call } = await browser.tab(browser.origin.replace("127.0.0.1", untrustedHost))
    const trouble = await call("build")
    assert.deepInclude(trouble, { reason: "Unsupported" })
    assert.include((trouble as Trouble).message, "https")
  })

  it("nor has a frame without an origin", async () => {
    const { page } = await browser.tab()
    await page.setContent(`<iframe sandbox="allow-scripts" src="${browser.origin}"></iframe>`)
    const frame = await (await page.waitForSelector("iframe")).contentFrame()
    await frame!.waitForFunction("globalThis.actions !== undefined")
    const trouble = await frame!.evaluate("globalThis.actions.build()")
    assert.propertyVal(trouble, "reason", "Unsupported")
  })

  it("a name that Web Locks reserve is refused", async () => {
    const { call } = await browser.tab()
    assert.deepInclude(await call("build", { name: "-mine" }), { reason: "InvalidOptions" })
    assert.strictEqual(await call("build", { name: "mine" }), "built")
  })

  it("never two at once, and always somebody, while tabs come, hang, crash and are closed", async () => {
    const key = newKey()
    const sections = new Map<number, { in?: number; out?: number }>()
    const start = async (): Promise<Tab> => {
      const tab = await browser.tab(browser.origin)
      tab.page.on("console", (message) => {
        // Between them may be what the library logs.
        if (!message.text().startsWith("{\"event\"")) return
        const { at, event, fence }: { at: number; event: "in" | "out"; fence: number } = JSON.parse(message.text())
        sections.set(fence, { ...sections.get(fence), [event]: at })
      })
      void tab.call("storm", key).catch(() => {})
      return tab
    }
    /** Somebody has it, and then somebody else. */
    const goesOn = async () => {
      const before = sections.size
      while (sections.size < before + 3) await sleep(5)
    }
    const tabs = [await start(), await start(), await start(), await start()]
    const troubles: ReadonlyArray<(tab: Tab) => Promise<unknown>> = [
      ({ page }) => page.close(),
      crash,
      ({ page }) => page.goto("about:blank"),
      async (tab) => {
        void tab.call("hang", 300).catch(() => {})
        await crash(tabs.shift()!)
        tabs.push(tab)
      }
    ]
    for (let round = 0; round < 12; round++) {
      await goesOn()
      await troubles[round % troubles.length](tabs.shift()!)
      while (tabs.length < 4) tabs.push(await start())
    }
    await goesOn()
    await Promise.all(tabs.map(({ page }) => page.close()))

    const all = [...sections].toSorted(([one], [other]) => one - other).map(([, section]) => section)
    for (const [index, section] of all.entries()) {
      const before = all[index - 1]?.out
      if (section.in !== undefined && before !== undefined) assert.isAtLeast(section.in, before, "two at once")
    }
  })

  it("a browser that was killed leaves no lock behind, and tokens rise on", () =>
    Effect.gen(function*() {
      const key = newKey()
      const profile = yield* directory
      const before = yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* open(browser.origin, profile)
        const section = yield* Effect.promise(async () => {
          const tab = await first.tab()
          const section = assertSection(await tab.call("hold", key, 0))
          void tab.call("hold", key, Infinity, long).catch(() => {})
          await holds(tab, key)
          const other = await first.tab()
          void other.call("hold", key, Infinity, long).catch(() => {})
          await waiters(tab, key, 1)
          return section
        })
        yield* killBrowser(profile)
        return section
      }))
      const second = yield* open(browser.origin, profile)
      // In one attempt, past all who are no more.
      const once = { ...long, timeout: 0 }
      const section = yield* Effect.promise(async () => (await second.tab()).call("hold", key, 0, once))
      assert.isAbove(assertSection(section).fence, before.fence)
    }).pipe(Effect.scoped, Effect.runPromise))
})
