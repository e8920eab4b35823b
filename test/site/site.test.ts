/** The documentation as it is built and read: its links, its pages in a browser, its search. */
import { Effect, Exit, Scope } from "effect"
import { execFile } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { dirname, join, posix } from "node:path"
import type { BrowserContext, Page } from "playwright-core"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { filesIn, root } from "../../scripts/doctest.ts"
import { isInstalled } from "../../scripts/installed.ts"
import { browser } from "../support/chromium.ts"
import { directory } from "../support/directory.ts"
import { build, isSiteInstalled, pages, read, serve } from "./support.ts"

describe("links of the repository", () => {
  const texts = [...filesIn(".", ".md", false), ...filesIn("docs", ".md", true), ...filesIn("benchmark", ".md", false)]
    .filter((file) => !file.startsWith("docs/api/"))

  it("lead to files that are there", () => {
    const dead = texts.flatMap((file) =>
      [...readFileSync(join(root, file), "utf8").replace(/```[^]*?```/g, "").matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
        .map(([, target]) => target)
        // The reference and the figures are written when the site is built.
        .filter((target) => !/(^|\/)(api\/|benchmark\.(md|svg))/.test(target))
        // From the root of the site, as its front page has them.
        .filter((target) =>
          !existsSync(join(root, target.startsWith("/") ? `docs${target}` : join(dirname(file), target)))
        )
        .map((target) => `${file}: ${target}`)
    )
    assert.deepStrictEqual(dead, [])
  })
})

/** What takes all of a processor for a minute or more, of which others leave a tenth at times. */
const patience = 1_200_000

/** The compiler of the templates, which wants an older TypeScript than ours. */
const vueTsc = join(root, "site/node_modules/vue-tsc/bin/vue-tsc.js")

it.skipIf(!existsSync(vueTsc))("what the site is made of is well typed, its components too", async () => {
  const { output, status } = await new Promise<{ output: string; status: unknown }>((resolve) =>
    execFile(
      process.execPath,
      [vueTsc, "--noEmit"],
      { cwd: join(root, "site") },
      (error, stdout, stderr) => resolve({ output: stdout + stderr, status: error?.code ?? 0 })
    )
  )
  assert.deepStrictEqual([output, status], ["", 0])
}, patience)

describe.skipIf(!isSiteInstalled)("the site", () => {
  let said: string
  beforeAll(async () => {
    said = await build()
  }, patience)

  it("says where it is", () => assert.match(said, /^\d+ pages in \.tmp\/site;/m))

  it("has every page of docs", () => {
    const sources = filesIn("docs", ".md", true).map((file) => file.slice("docs/".length).replace(/\.md$/, ".html"))
    assert.deepStrictEqual(sources.filter((page) => !pages().includes(page)), [])
  })

  it("shows every example", () => {
    const page = read("examples.html")
    for (const file of filesIn("examples", ".ts", false)) assert.include(page, `/blob/main/${file}"`)
    assert.strictEqual(
      page.split("<summary>The program</summary>").length - 1,
      filesIn("examples", ".ts", false).length
    )
    assert.include(page, "Four workers want the same lock")
  })

  it("leads to its own page where a file of the repository has one", () => {
    assert.include(read("at-three-in-the-morning.html"), `href="/command-line`)
  })

  it("has no dead link and no dead anchor", () => {
    const ids = new Map(
      pages().map((page) =>
        [page, new Set([...read(page).matchAll(/\sid="([^"]+)"/g)].map(([, id]) => decodeURIComponent(id)))] as const
      )
    )
    const dead = [...ids.keys()].flatMap((page) =>
      [...read(page).matchAll(/<a\b[^>]*?\shref="(?!\w+:)([^"]*)"/g)].flatMap(([, href]) => {
        const [path, hash] = href.split("#")
        const target = path === ""
          ? page
          : posix.join(path.startsWith("/") ? "" : dirname(page), path).replace(/^\//, "")
        const file = target === "" || target.endsWith("/") ? `${target}index.html` : target
        const found = ids.get(file) ?? ids.get(`${file}.html`)
        if (found === undefined) return existsSync(join(root, ".tmp/site", file)) ? [] : [`${page}: ${href}`]
        return hash === undefined || hash === "" || found.has(decodeURIComponent(hash)) ? [] : [`${page}: ${href}`]
      })
    )
    assert.deepStrictEqual([...new Set(dead)], [])
  })

  it("explains every export, with links inside the signatures", () => {
    const page = read("api/Lock.html")
    for (const name of ["withlock", "withpermits", "permitoptions-limit", "forcerelease"]) {
      assert.include(page, `id="${name}"`)
    }
    assert.match(page, /<a class="api" href="\/api\/LockConfig\.html#sectionoptions">/)
  })

  describe.skipIf(!isInstalled("chromium"))("in a browser", () => {
    const scope = Scope.makeUnsafe()
    let origin: string
    let context: BrowserContext
    const complaints: Array<string> = []

    const open = async (path: string): Promise<Page> => {
      const page = await newPage()
      await visit(page, path)
      return page
    }
    const newPage = async (): Promise<Page> => {
      const page = await context.newPage()
      const path = () => page.url().slice(origin.length)
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(`${path()}: ${message.text()}`)
      })
      page.on("pageerror", (error) => complaints.push(`${path()}: ${error.message}`))
      page.on("request", (request) => {
        if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) {
          complaints.push(`${path()} asks for ${request.url()}`)
        }
      })
      return page
    }
    const visit = async (page: Page, path: string): Promise<void> => {
      await page.goto(`${origin}/${path}`)
      await page.waitForFunction("document.querySelector('#app')?.__vue_app__ !== undefined")
    }

    beforeAll(async () => {
      const opening = Effect.gen(function*() {
        return [yield* serve, yield* browser(yield* directory)] as const
      })
      ;[origin, context] = await Effect.runPromise(Scope.provide(opening, scope))
    })
    afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

    it("shows each page on a phone, no wider than it, without a word on the console, and asks nobody else", async () => {
      const page = await newPage()
      await page.setViewportSize({ width: 360, height: 740 })
      // Each is asked for anyway, and not also ahead of time by each that has a link to it.
      await page.addInitScript("Object.defineProperty(navigator, 'connection', { value: { saveData: true } })")
      const wide: Array<string> = []
      for (const path of pages()) {
        await visit(page, path)
        const width = await page.evaluate("document.documentElement.scrollWidth")
        if (width !== 360) wide.push(`${path}: ${width}`)
      }
      await page.close()
      assert.deepStrictEqual(wide, [])
      // But by one.
      const ahead = await open("start.html")
      await ahead.waitForLoadState("networkidle")
      await ahead.close()
      assert.deepStrictEqual(complaints, [])
    })

    it("shows a kill and a take-over, a pause and a late write that is refused", async () => {
      const page = await open("see.html")
      const log = page.getByRole("log")
      await page.getByRole("combobox", { name: "speed" }).selectOption("5")
      await page.getByRole("button", { name: "A crash" }).click()
      await page.getByText("That is all that “expires” means").waitFor()
      const killed = await log.innerText()
      assert.match(killed, /bob holds A, with token 2[^]*ada is killed/)
      assert.isTrue(await page.getByRole("button", { name: "Start ada again" }).isVisible())
      await page.screenshot({ path: join(root, ".tmp/see-crash.png") })

      await page.getByRole("button", { name: "A pause" }).click()
      await page.getByText("it has seen token 2 and refuses 1").waitFor()
      assert.match(await log.innerText(), /LockLost: Expired[^]*token 1 is lower than 2/)
      // Time stops there, so that the refused write stays in the picture.
      await page.getByRole("button", { name: "Let time run" }).waitFor()
      assert.include(await page.getByRole("img", { name: /^Time line/ }).innerHTML(), "1 refused")
      await page.screenshot({ path: join(root, ".tmp/see-pause.png") })
      await page.close()
    })

    it("is worked by the keyboard, and stands still for who wants nothing to move", async () => {
      const page = await open("see.html")
      await page.emulateMedia({ reducedMotion: "reduce" })
      await page.reload()
      const on = page.getByRole("button", { name: "Half a second on" })
      await on.waitFor()
      const picture = page.getByRole("img", { name: /^Time line/ })
      const line = await picture.innerHTML()
      await page.getByRole("button", { name: "Kill ada" }).focus()
      await page.keyboard.press("Enter")
      await page.getByRole("button", { name: "Start ada again" }).waitFor()
      await on.focus()
      for (let i = 0; i < 8; i++) await page.keyboard.press("Space")
      assert.notStrictEqual(await picture.innerHTML(), line)
      assert.match(await page.getByRole("log").innerText(), /holds A[^]*ada is killed/)
      assert.match(await picture.getAttribute("aria-label") ?? "", /ada: killed/)
      await page.close()
    })

    it("has on a phone its picture above the words, and buttons that are large enough for a finger", async () => {
      const page = await open("see.html")
      await page.setViewportSize({ width: 360, height: 740 })
      await page.getByRole("button", { name: "Kill ada" }).waitFor()
      const { height } = await page.getByRole("button", { name: "Kill ada" }).boundingBox() ?? { height: 0 }
      assert.isAtLeast(height, 40)
      await visit(page, "index.html")
      const place = async (selector: string) =>
        await page.locator(selector).boundingBox() ?? { x: NaN, y: NaN, width: NaN, height: NaN }
      const [bar, picture, words] = [
        await place(".VPNav"),
        await place(".VPHero .image-src:visible"),
        await place(".VPHero .name")
      ]
      assert.isAtLeast(picture.y, bar.y + bar.height)
      assert.isAtLeast(words.y, picture.y + picture.height)
      await page.close()
    })

    it("finds withPermits", async () => {
      const page = await open("start.html")
      await page.keyboard.press("Control+k")
      await page.getByRole("searchbox").fill("withPermits")
      const found = page.locator("#localsearch-list a")
      await found.first().waitFor()
      const hrefs = await found.evaluateAll((links) => links.map((link) => link.getAttribute("href")))
      assert.include(hrefs, "/api/Lock.html#withpermits")
      assert.isTrue(hrefs.some((href) => href?.startsWith("/sharing.html")), hrefs.join(" "))
      await page.close()
    })
  })
})
