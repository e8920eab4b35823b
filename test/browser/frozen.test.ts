/** Tabs that the browser freezes while they are hidden: nothing in them runs until they are thawed. */
import { setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { assertSection, holds, long, openForAll, type Tab, waiters } from "./support.ts"

describe.skipIf(!isInstalled("chromium"))("a tab that is frozen", () => {
  const browser = openForAll({ hidesTabs: true })

  let keys = 0
  const newKey = () => `key-${++keys}`

  /** Puts it behind another tab. What comes of it freezes it, and what comes of that thaws it. */
  const setUp = async ({ page }: Tab, { page: front }: Tab): Promise<() => Promise<() => Promise<void>>> => {
    const devtools = await browser.context.newCDPSession(page)
    await devtools.send("Page.enable")
    await front.bringToFront()
    while (await page.evaluate(() => document.visibilityState) !== "hidden") await sleep(5)
    return async () => {
      await devtools.send("Page.setWebLifecycleState", { state: "frozen" })
      return async () => {
        await devtools.send("Page.setWebLifecycleState", { state: "active" })
      }
    }
  }

  /** And sees that nothing runs in it any more. */
  const freeze = async (tab: Tab, front: Tab): Promise<() => Promise<void>> => {
    await tab.page.evaluate(() => {
      Object.assign(globalThis, { beats: 0 })
      setInterval(() => void (globalThis as unknown as { beats: number }).beats++, 1)
    })
    const thaw = await (await setUp(tab, front))()
    // It may take the browser a moment, and one that is hidden beats once a second.
    for (let tries = 20, before = -1; tries > 0; tries--) {
      const beats = Number(await tab.page.evaluate("beats"))
      if (beats === before) return thaw
      before = beats
      await sleep(1_500)
    }
    return assert.fail("it is not frozen")
  }

  it("while it holds a lock gives it to others, and hears of it when it is back", async () => {
    const key = newKey()
    const [holder, other] = [await browser.tab(), await browser.tab()]
    const held = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    const thaw = await freeze(holder, other)
    const { fence } = assertSection(await other.call("hold", key, 0, long))
    await thaw()
    assert.deepInclude(await held, { reason: "LockLost" })
    // And takes part again.
    assert.isAbove(assertSection(await holder.call("hold", key, 0, long)).fence, fence)
  })

  it("at any moment of what it does keeps out nobody", async () => {
    const [busy, other] = [await browser.tab(), await browser.tab()]
    const turns = busy.call("turns", newKey(), 1e9, 0)
    void turns.catch(() => {})
    const freezing = await setUp(busy, other)
    for (let round = 0; round < 12; round++) {
      await sleep(20 * Math.random())
      const thaw = await freezing()
      assertSection(await other.call("hold", newKey(), 0, long))
      await thaw()
    }
    await busy.page.close()
  })

  it("while it waits holds up nobody behind it, and has its turn when it is back", async () => {
    const key = newKey()
    const [holder, waiter, behind] = [await browser.tab(), await browser.tab(), await browser.tab()]
    const holding = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    const waiting = waiter.call("hold", key, 0, { ...long, poll: false })
    await waiters(holder, key, 1)
    const next = behind.call("hold", key, Infinity, { ...long, poll: false })
    await waiters(holder, key, 2)
    const thaw = await freeze(waiter, holder)
    await holder.call("end", key)
    assertSection(await holding)
    await holds(behind, key)
    await thaw()
    await behind.call("end", key)
    const { fence } = assertSection(await next)
    assert.isAbove(assertSection(await waiting).fence, fence)
  })
})
