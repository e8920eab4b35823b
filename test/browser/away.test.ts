/** Pages that their tab has left and that a browser keeps, frozen, for when it goes back; and tabs that others think gone. */
import { setTimeout as sleep } from "node:timers/promises"
import type { CDPSession } from "playwright-core"
import { assert, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import type { Actions, Section, Trouble } from "./page.ts"
import { assertSection, holds, long, openForAll, type Realm, type Tab, waiters } from "./support.ts"

describe.skipIf(!isInstalled("chromium"))("a page that was left", () => {
  const browser = openForAll({ keepsPages: true })

  let keys = 0
  const newKey = () => `key-${++keys}`

  /** What goes on in a page while its tab is elsewhere can be waited for when it is back. */
  const start = ({ page }: Tab, ...args: Parameters<Actions["hold"]>) =>
    page.evaluate((args) => {
      Object.assign(globalThis, {
        result: (globalThis as unknown as { actions: Actions }).actions.hold(...args as Parameters<Actions["hold"]>)
      })
    }, args as ReadonlyArray<unknown>)

  interface Back extends Realm {
    /** What was begun before. */
    readonly result: Promise<Section | Trouble>
  }

  const realm = (devtools: CDPSession): Back => {
    const evaluate = async (expression: string) => {
      const { exceptionDetails, result } = await devtools.send("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true
      })
      return exceptionDetails === undefined ? result.value : assert.fail(exceptionDetails.text)
    }
    return {
      result: evaluate("globalThis.result"),
      call: (name, ...args) => {
        const list = args.map((arg) => arg === Infinity ? "Infinity" : JSON.stringify(arg)).join()
        return evaluate(`globalThis.actions.${name}(${list})`) as ReturnType<Actions[typeof name]>
      }
    }
  }

  /** The tab goes elsewhere; what comes of it goes back to the page, which is the same. */
  const leave = async ({ page }: Tab): Promise<() => Promise<Back>> => {
    const devtools = await browser.context.newCDPSession(page)
    await devtools.send("Page.enable")
    let why = "nothing is said of it"
    devtools.on("Page.backForwardCacheNotUsed", (event) => {
      why = event.notRestoredExplanations.map(({ reason }) => reason).join()
    })
    await page.evaluate(() => Object.assign(globalThis, { wasHere: true }))
    await page.goto(`${browser.origin}/elsewhere`)
    return async () => {
      const { currentIndex, entries } = await devtools.send("Page.getNavigationHistory")
      await devtools.send("Page.navigateToHistoryEntry", { entryId: entries[currentIndex - 1].id })
      const isBack = async () => {
        const expression = "location.pathname === '/' && document.readyState === 'complete'"
        const { result } = await devtools.send("Runtime.evaluate", { expression })
        return result.value === true
      }
      while (!(await isBack().catch(() => false))) await sleep(5)
      const { result } = await devtools.send("Runtime.evaluate", { expression: "globalThis.wasHere === true" })
      assert.isTrue(result.value, `the page was not kept: ${why}`)
      return realm(devtools)
    }
  }

  const once = { ...long, timeout: 0 } as const
  /** At once, without waiting for it: the browser needs a moment to see that the page is gone. */
  const take = async ({ call }: Realm, key: string): Promise<Section> => {
    for (;;) {
      const result = await call("hold", key, 0, once)
      if (!("reason" in result) || result.reason !== "LockTimeout") return assertSection(result)
    }
  }

  it("has lost its lock, which others have at once, and is told so when it is shown again", async () => {
    const key = newKey()
    const [holder, other] = await Promise.all([browser.tab(), browser.tab()])
    await start(holder, key, Infinity, long)
    await holds(holder, key)
    const back = await leave(holder)
    const { fence } = await take(other, key)
    const again = await back()
    assert.deepInclude(await again.result, { reason: "LockLost" })
    // And takes part again, as one that lives.
    assert.isAbove(assertSection(await again.call("hold", key, 0, long)).fence, fence)
    const next = newKey()
    void again.call("hold", next, Infinity, long).catch(() => {})
    await holds(again, next)
    assert.deepInclude(await other.call("hold", next, 0, once), { reason: "LockTimeout" })
    await holder.page.close()
    assertSection(await other.call("hold", next, 0, long))
  })

  it("has lost it also when nobody else wanted it", async () => {
    const key = newKey()
    const holder = await browser.tab()
    await start(holder, key, Infinity, long)
    await holds(holder, key)
    const again = await (await leave(holder))()
    assert.deepInclude(await again.result, { reason: "LockLost" })
    await take(again, key)
  })

  it("holds up nobody behind it while it waits, and waits on when it is shown again", async () => {
    const key = newKey()
    const [holder, waiter, behind, last] = await Promise.all(Array.from({ length: 4 }, () => browser.tab()))
    const holding = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    await start(waiter, key, 0, { ...long, poll: false })
    await waiters(holder, key, 1)
    const waiting = behind.call("hold", key, 0, { ...long, poll: false })
    await waiters(holder, key, 2)
    const back = await leave(waiter)
    await holder.call("end", key)
    assertSection(await holding)
    assertSection(await waiting)
    const next = last.call("hold", key, Infinity, long)
    await holds(last, key)
    const again = await back()
    await waiters(last, key, 1)
    await last.call("end", key)
    const { fence } = assertSection(await next)
    assert.isAbove(assertSection(await again.result).fence, fence)
  })

  it("and whoever is taken to be gone because somebody stole its Web Lock has lost what it has, and goes on", async () => {
    const key = newKey()
    const [holder, thief] = await Promise.all([browser.tab(), browser.tab()])
    const held = holder.call("hold", key, Infinity, long)
    await holds(holder, key)
    await thief.page.evaluate(async () => {
      const { held = [] } = await navigator.locks.query()
      for (const { name } of held) await navigator.locks.request(name!, { steal: true }, () => {})
    })
    assert.deepInclude(await held, { reason: "LockLost" })
    await take(thief, key)
    const next = newKey()
    void holder.call("hold", next, Infinity, long).catch(() => {})
    await holds(holder, next)
    assert.deepInclude(await thief.call("hold", next, 0, once), { reason: "LockTimeout" })
  })
})
