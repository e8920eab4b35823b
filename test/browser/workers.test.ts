/** Workers that belong to no one tab, and a page that is isolated from other origins. */
import { Effect, Exit, Scope } from "effect"
import type { Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { isInstalled } from "../../scripts/installed.ts"
import { serve } from "../support/chromium.ts"
import { directory } from "../support/directory.ts"
import { assertSection, type Browser, holds, long, open, type Realm, script } from "./support.ts"

/** Both do what pages ask for, and answer on the port that comes along. */
const answers = `
  import "/index.js"
  const answer = async ({ data: [name, args], ports: [port] }) => port.postMessage(await actions[name](...args))
`
const sharedScript = answers + "onconnect = ({ ports: [port] }) => { port.onmessage = answer }"
const serviceScript = answers + "onmessage = (event) => event.waitUntil(answer(event))"

/** How a page reaches them. */
const shared = `new SharedWorker("/shared.js", { type: "module" }).port`
const service = `navigator.serviceWorker.register("/service.js", { type: "module" })
  .then(() => navigator.serviceWorker.ready).then(({ active }) => active)`

const workerOf = async (page: Page, worker: string): Promise<Realm> => {
  await page.evaluate(`(async () => {
    const worker = await ${worker}
    worker.start?.()
    globalThis.ask = (name, args) => new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port1.onmessage = ({ data }) => resolve(data)
      worker.postMessage([name, args], [port2])
    })
  })()`)
  return {
    call: ((name: string, ...args: ReadonlyArray<unknown>) =>
      page.evaluate(
        ([name, args]) =>
          (globalThis as unknown as { ask: (...args: ReadonlyArray<unknown>) => unknown }).ask(name, args),
        [name, args] as const
      )) as Realm["call"]
  }
}

describe.skipIf(!isInstalled("chromium"))("workers that belong to no one tab", () => {
  const scope = Scope.makeUnsafe()
  let browser: Browser

  beforeAll(() =>
    Effect.runPromise(Scope.provide(
      Effect.gen(function*() {
        const scripts = { "index.js": yield* script, "shared.js": sharedScript, "service.js": serviceScript }
        browser = yield* open(yield* serve(scripts), yield* directory)
      }),
      scope
    ))
  )
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

  it("take turns with tabs, of which one is isolated from other origins", async () => {
    const tab = await browser.tab()
    const isolated = await browser.tab(`${browser.origin}/isolated`)
    assert.isTrue(await isolated.page.evaluate("crossOriginIsolated"))
    const realms = [
      tab,
      isolated,
      await workerOf(tab.page, shared),
      await workerOf(isolated.page, service)
    ]
    const all = await Promise.all(realms.map(({ call }) => call("turns", "turns", 6, 3)))
    const sections = all.flat().map(assertSection).toSorted((a, b) => a.fence - b.fence)
    assert.strictEqual(sections.length, 24)
    for (let i = 1; i < sections.length; i++) {
      assert.isAbove(sections[i].fence, sections[i - 1].fence)
      assert.isAtLeast(sections[i].from, sections[i - 1].to)
    }
    await tab.page.close()
    await isolated.page.close()
  })

  it("free what a shared worker has when its last tab is closed", async () => {
    const [tab, other] = [await browser.tab(), await browser.tab()]
    const worker = await workerOf(tab.page, shared)
    void worker.call("hold", "shared", Infinity, long).catch(() => undefined)
    await holds(worker, "shared")
    const next = other.call("hold", "shared", 0, long)
    await tab.page.close()
    assertSection(await next)
    await other.page.close()
  })

  it("free what a service worker has when the browser stops it", async () => {
    const tab = await browser.tab()
    const worker = await workerOf(tab.page, service)
    void worker.call("hold", "service", Infinity, long).catch(() => undefined)
    await holds(worker, "service")
    const next = tab.call("hold", "service", 0, long)
    const devTools = await browser.context.newCDPSession(tab.page)
    await devTools.send("ServiceWorker.enable")
    await devTools.send("ServiceWorker.stopAllWorkers")
    assertSection(await next)
    await tab.page.close()
  })
})
