/** An origin that has used up what it may store. */
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { assertSection, holds, long, openForAll, type Tab, waiters } from "./support.ts"

describe.skipIf(!isInstalled("chromium"))("where nothing more can be stored", () => {
  const browser = openForAll()

  const allow = async ({ page }: Tab, quotaSize?: number) => {
    const devtools = await browser.context.newCDPSession(page)
    await devtools.send("Storage.overrideQuotaForOrigin", {
      origin: browser.origin,
      ...(quotaSize !== undefined && { quotaSize })
    })
  }

  // The browser asks for the quota now and then only: at first, and when it knows of no room.
  it("locks fail with what is wrong, waiting ones at their timeout, and are there when there is room again", async () => {
    const [one, other] = await Promise.all([browser.tab(), browser.tab()])
    await allow(one, 1)
    const full = { reason: "OutOfMemory" }
    assert.deepInclude(await one.call("hold", "key", 0, { ...long, timeout: 0 }), full)
    assert.deepInclude(await other.call("hold", "key", 0, { ...long, timeout: "500 millis" }), full)
    assert.isUndefined(await one.call("inspect", "key"))
    const waiting = [one, other].map(({ call }) => call("hold", "key", 0, long))
    await allow(one)
    const sections = (await Promise.all(waiting)).map(assertSection).toSorted((a, b) => a.from - b.from)
    assert.isAtLeast(sections[1].from, sections[0].to, "two at once")
    assert.isAbove(sections[1].fence, sections[0].fence)
    assert.deepInclude(await one.call("left"), { keys: [], pending: 0 })
  })
})

describe.skipIf(!isInstalled("chromium"))("where the last room has been used up meanwhile", () => {
  const browser = openForAll()

  it("a lock ends with its lease, and who waits has it when there is room again", async () => {
    const [holder, waiter] = await Promise.all([browser.tab(), browser.tab()])
    const devtools = await browser.context.newCDPSession(holder.page)
    const { origin } = browser
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 2_000_000 })
    const held = holder.call("hold", "key", Infinity, { ...long, expires: "4 seconds" })
    await holds(holder, "key")
    const brief = holder.call("hold", "another", Infinity, long)
    await holds(holder, "another")
    const waiting = waiter.call("hold", "key", 0, long)
    await waiters(holder, "key", 1)
    await waiter.call("fill")
    assert.deepInclude(await waiter.call("hold", "new", 0, { ...long, timeout: 0 }), { reason: "OutOfMemory" })
    assert.deepInclude(await held, { reason: "LockLost" })
    // What nobody else wants can be given back.
    await holder.call("end", "another")
    const { fence } = assertSection(await brief)
    while ((await waiter.call("inspect", "another")) !== undefined) await sleep(5)
    await devtools.send("Storage.overrideQuotaForOrigin", { origin })
    assert.isAbove(assertSection(await waiting).fence, 0)
    assert.isAbove(assertSection(await holder.call("hold", "another", 0, long)).fence, fence)
  })
})
