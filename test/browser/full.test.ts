/** An origin that has used up what it may store. */
import { assert, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { assertSection, long, openForAll } from "./support.ts"

describe.skipIf(!isInstalled("chromium"))("where nothing more can be stored", () => {
  const browser = openForAll()

  // The browser asks for the quota now and then only: at first, and when it knows of no room.
  it("locks fail with what is wrong, waiting ones at their timeout, and are there when there is room again", async () => {
    const [one, other] = await Promise.all([browser.tab(), browser.tab()])
    const devtools = await browser.context.newCDPSession(one.page)
    const allow = (quotaSize?: number) =>
      devtools.send("Storage.overrideQuotaForOrigin", {
        origin: browser.origin,
        ...(quotaSize !== undefined && { quotaSize })
      })
    await allow(1)
    const full = { reason: "OutOfMemory" }
    assert.deepInclude(await one.call("hold", "key", 0, { ...long, timeout: 0 }), full)
    assert.deepInclude(await other.call("hold", "key", 0, { ...long, timeout: "500 millis" }), full)
    assert.isUndefined(await one.call("inspect", "key"))
    const waiting = [one, other].map(({ call }) => call("hold", "key", 0, long))
    await allow()
    const sections = (await Promise.all(waiting)).map(assertSection).toSorted((a, b) => a.from - b.from)
    assert.isAtLeast(sections[1].from, sections[0].to - 0.2, "two at once")
    assert.isAbove(sections[1].fence, sections[0].fence)
    assert.deepInclude(await one.call("left"), { keys: [], pending: 0 })
  })
})
