/** A real browser for tests: Debian's Chromium, without a window, with a new profile. */
import { Effect } from "effect"
import type { Scope } from "effect"
import { spawn } from "node:child_process"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout } from "node:timers/promises"
import { type BrowserContext, chromium } from "playwright-core"
import { serving } from "./http.ts"

const executablePath = "/usr/bin/chromium"

const shell = "/usr/bin/chromium-headless-shell"

/** The same browser without support for windows, if it is installed: its tabs take two thirds of the time. */
export const lightPath = existsSync(shell) ? shell : executablePath

export const untrustedHost = "shop.test"

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name of this machine other than "localhost", which browsers do not trust.
  `--host-resolver-rules=MAP ${untrustedHost} 127.0.0.1`
]

export interface BrowserOptions {
  /** Keeps pages that were left, frozen, for a return to them (bfcache). */
  readonly keepsPages?: boolean
  /** Hides tabs behind another one, as browsers do: only hidden tabs can be frozen. */
  readonly hidesTabs?: boolean
}

/** A browser whose tabs share a profile, so that pages of one origin see the same storage. */
export const browser = (
  profile: string,
  { hidesTabs = false, keepsPages = false }: BrowserOptions = {}
): Effect.Effect<BrowserContext, never, Scope.Scope> =>
  (hidesTabs ? attached(profile) : Effect.acquireRelease(
    Effect.promise(() =>
      chromium.launchPersistentContext(profile, {
        // Only a browser with windows keeps pages that were left.
        executablePath: keepsPages ? executablePath : lightPath,
        headless: true,
        args,
        ignoreDefaultArgs: keepsPages ? ["--disable-back-forward-cache"] : [],
        timeout: 0
      })
    ),
    // One that was killed is closed already, and reports that.
    (context) => Effect.promise(() => context.close().catch(() => {}))
  )).pipe(
    // The test's own timeout is the limit.
    Effect.tap((context) => Effect.sync(() => context.setDefaultTimeout(0)))
  )

/** A browser that we start ourselves, so that not all of its tabs count as visible. */
const attached = (profile: string): Effect.Effect<BrowserContext, never, Scope.Scope> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(executablePath, [
          "--headless",
          ...args,
          `--user-data-dir=${profile}`,
          "--remote-debugging-port=0",
          "about:blank"
        ], { stdio: ["ignore", "ignore", "pipe"] })
      ),
      // Its child processes still write to its profile for a moment.
      () => killBrowser(profile)
    )
    const attached = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        for await (const line of createInterface({ input: child.stderr })) {
          const url = /^DevTools listening on (\S+)/.exec(line)?.[1]
          if (url !== undefined) return chromium.connectOverCDP(url, { noDefaults: true, timeout: 0 })
        }
        throw new Error("Chromium has not started")
      }),
      (attached) => Effect.promise(() => attached.close())
    )
    return attached.contexts()[0]
  })

/** The processes of the browser with this profile. */
const processesOf = (profile: string): ReadonlyArray<number> =>
  readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`--user-data-dir=${profile}`)
    } catch {
      // It has ended in the meantime.
      return false
    }
  })

/** Kills all processes of the browser with this profile, which we have started, and waits until they are gone. */
export const killBrowser = (profile: string): Effect.Effect<void> =>
  Effect.promise(async () => {
    for (let pids = processesOf(profile); pids.length > 0; pids = processesOf(profile)) {
      for (const pid of pids) {
        try {
          process.kill(pid, "SIGKILL")
        } catch {
          // It has ended in the meantime.
        }
      }
      await setTimeout(20)
    }
  })

/** The headers of a page that is isolated from other origins. */
const isolating = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp"
}

/**
 * Serves these scripts by name, an empty answer after so many `millis` at `hang`, and at any other path a page that runs the
 * script `index.js`, which at `isolated` is isolated from other origins. Returns the origin.
 */
export const serve = (scripts: Record<string, string>): Effect.Effect<string, never, Scope.Scope> =>
  serving(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost")
    const script = scripts[pathname.slice(1)]
    if (pathname === "/hang") {
      await setTimeout(Number(searchParams.get("millis")))
      response.end()
    } else if (script === undefined) {
      response.writeHead(200, { "content-type": "text/html", ...(pathname === "/isolated" && isolating) })
      response.end(`<!doctype html><title>locks</title><script type="module" src="/index.js"></script>`)
    } else {
      response.writeHead(200, {
        "content-type": "text/javascript",
        // For frames without an origin.
        "access-control-allow-origin": "*"
      })
      response.end(script)
    }
  })
