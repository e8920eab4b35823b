/**
 * One tab of several leads, and when it is closed, crashes or goes elsewhere, the
 * next one does at once. No server is asked: tabs of one origin share IndexedDB.
 *
 * `support/leader.page.ts` is the program of the tabs. This one opens them, in a
 * Chromium without a window at CHROMIUM, by default /usr/bin/chromium.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Config, Console, Data, Effect, Queue } from "effect"
import { build } from "esbuild"
import { existsSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { fileURLToPath } from "node:url"
import { type BrowserContext, chromium } from "playwright-core"

class Missing extends Data.TaggedError("Missing")<{ readonly message: string }> {}

/** A page with the program of the tabs, on a free port of this machine. */
const site = Effect.gen(function*() {
  const { outputFiles } = yield* Effect.promise(() =>
    build({
      entryPoints: [fileURLToPath(new URL("support/leader.page.ts", import.meta.url))],
      bundle: true,
      format: "esm",
      write: false
    })
  )
  const page = `<!doctype html><title>A tab</title><script type="module">${outputFiles[0].text}</script>`
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((_, response) => {
        response.writeHead(200, { "content-type": "text/html" })
        response.end(page)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : address}`
})

/** Nothing here needs the network, nor a browser that guards against its pages. */
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

const browser = Effect.gen(function*() {
  const executablePath = yield* Config.String("CHROMIUM").pipe(Config.withDefault("/usr/bin/chromium"))
  if (!existsSync(executablePath)) {
    return yield* new Missing({ message: `No Chromium at ${executablePath}: install one, or set CHROMIUM to its path` })
  }
  return yield* Effect.acquireRelease(
    // An empty path is a new profile, gone when the browser is
    Effect.promise(() => chromium.launchPersistentContext("", { executablePath, headless: true, args })),
    (context) => Effect.promise(() => context.close())
  )
})

const program = Effect.gen(function*() {
  const context = yield* browser
  const origin = yield* site
  const said = yield* Queue.make<string>()

  const open = (context: BrowserContext, name: string) =>
    Effect.promise(async () => {
      const page = await context.newPage()
      page.on("console", (message) => {
        console.log(`  ${name} ${message.text()}`)
        Queue.offerUnsafe(said, `${name} ${message.text()}`)
      })
      await page.goto(origin)
      return { name, page }
    })
  /** Waits for a tab to say that it leads. */
  const leader = Effect.gen(function*() {
    while (true) {
      const words = yield* Queue.take(said)
      if (words.endsWith(" leads")) return words.slice(0, -" leads".length)
    }
  })

  yield* Console.log("Three tabs of one origin:")
  const tabs = new Map<string, Effect.Success<ReturnType<typeof open>>>()
  for (const name of ["ada", "bob", "cleo"]) tabs.set(name, yield* open(context, name))

  const leaders: Array<string> = []
  for (let left = tabs.size; left > 0; left--) {
    const name = yield* leader
    leaders.push(name)
    const tab = tabs.get(name)
    yield* Console.log(`Closing ${name}`)
    yield* Effect.promise(async () => tab?.page.close())
  }
  yield* Console.log(`Led, one after the other: ${leaders.join(", ")}`)
}).pipe(Effect.scoped)

program.pipe(NodeRuntime.runMain)
