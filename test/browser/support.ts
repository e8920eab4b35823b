/** Tabs and workers of a real browser, by what the tests do in them. */
import { Effect, Exit, Scope } from "effect"
import { build } from "esbuild"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"
import type { BrowserContext, Page, Worker } from "playwright-core"
import { afterAll, afterEach, assert, beforeAll } from "vitest"
import { browser, type BrowserOptions, serve } from "../support/chromium.ts"
import { directory } from "../support/directory.ts"
import type { Actions, Section, Trouble } from "./page.ts"

const root = fileURLToPath(new URL("../../", import.meta.url))

/** The script of {@link file:./page.ts}, from the sources of the package. */
export const script: Effect.Effect<string> = Effect.promise(async () => {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["test/browser/page.ts"],
    bundle: true,
    format: "esm",
    platform: "browser",
    // Each tab reads it anew.
    minify: true,
    write: false
  })
  return outputFiles[0].text
})

/** A tab, or a worker. */
export interface Realm {
  readonly call: <N extends keyof Actions>(name: N, ...args: Parameters<Actions[N]>) => ReturnType<Actions[N]>
}

export interface Tab extends Realm {
  readonly page: Page
  /** Starts a worker of this tab. */
  readonly worker: () => Promise<Realm & { readonly worker: Worker }>
}

export interface Browser {
  readonly origin: string
  readonly context: BrowserContext
  readonly tab: (url?: string) => Promise<Tab>
}

/** Waits until so many wait for the key. */
export const waiters = async ({ call }: Realm, key: string, count: number): Promise<void> => {
  while ((await call("inspect", key))?.waiters !== count) await new Promise((resolve) => setTimeout(resolve, 5))
}

// Far beyond what any test takes: who has the lock sooner did not wait for it.
export const long = { expires: "10 minutes", timeout: "5 minutes" } as const

export const isSection = (result: Section | Trouble): result is Section => "fence" in result

export const assertSection = (result: Section | Trouble): Section =>
  isSection(result) ? result : assert.fail(`${result.reason}: ${result.message}`)

/** What `told` says of a key that is held. */
export const holds = async ({ call }: Realm, key: string): Promise<void> => {
  while (!(await call("told")).includes(key)) await new Promise((resolve) => setTimeout(resolve, 5))
}

const realm = (target: Page | Worker): Realm => ({
  call: (name, ...args) =>
    (target as Worker).evaluate(
      ([name, args]) =>
        (globalThis as unknown as { actions: Record<string, (...args: ReadonlyArray<unknown>) => unknown> })
          .actions[name](...args),
      [name, args] as const
    ) as ReturnType<Actions[typeof name]>
})

/** Serves pages with the script; gives their origin. */
export const site: Effect.Effect<string, never, Scope.Scope> = Effect.flatMap(
  script,
  (code) => serve({ "index.js": code })
)

/** A browser and its tabs at an origin. */
export const open = (
  origin: string,
  profile: string,
  options?: BrowserOptions
): Effect.Effect<Browser, never, Scope.Scope> =>
  Effect.map(browser(profile, options), (context) => ({
    origin,
    context,
    tab: async (url = origin) => {
      const page = await context.newPage()
      await page.goto(url)
      await page.waitForFunction("globalThis.actions !== undefined")
      return {
        page,
        ...realm(page),
        worker: async () => {
          const started = page.waitForEvent("worker")
          await page.evaluate("globalThis.started = new Worker('/index.js', { type: 'module' })")
          const worker = await started
          while (!(await worker.evaluate("globalThis.actions !== undefined"))) await page.waitForTimeout(5)
          return { worker, ...realm(worker) }
        }
      }
    }
  }))

/**
 * Tabs that a test has left quiet are there for the next one, since to open one takes longer than most tests do. One at a page
 * that is asked for is always new.
 */
const pool = (open: Browser["tab"]) => {
  const idle: Array<Tab> = []
  let used: Array<Tab> = []
  return {
    tab: async (url?: string): Promise<Tab> => {
      if (url !== undefined) return open(url)
      const tab = idle.pop() ?? await open()
      used.push(tab)
      return tab
    },
    /** After each test. */
    sort: async (): Promise<void> => {
      const tabs = used
      used = []
      await Promise.all(tabs.map(async (tab) => {
        if (tab.page.isClosed()) return
        // One that has crashed, or hangs, or is elsewhere by now has no answer.
        const isQuiet = await Promise.race([tab.call("isQuiet").catch(() => false), sleep(2_000, false)])
        if (isQuiet) idle.push(tab)
        else await tab.page.close()
      }))
    }
  }
}

/** One for all tests of a suite, with a profile of its own. */
export const openForAll = (options: BrowserOptions & { readonly reusesTabs?: boolean } = {}): Browser => {
  const scope = Scope.makeUnsafe()
  let opened: Browser
  const tabs = pool((url) => opened.tab(url))
  if (options.reusesTabs === true) afterEach(tabs.sort)
  beforeAll(async () => {
    const opening = Effect.gen(function*() {
      return yield* open(yield* site, yield* directory, options)
    })
    opened = await Effect.runPromise(Scope.provide(opening, scope))
  })
  afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return {
    get origin() {
      return opened.origin
    },
    get context() {
      return opened.context
    },
    tab: (url) => options.reusesTabs === true ? tabs.tab(url) : opened.tab(url)
  }
}
