/** The built site, and a server for it. */
import type { Effect, Scope } from "effect"
import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { extname, join } from "node:path"
import { promisify } from "node:util"
import { filesIn, root } from "../../scripts/doctest.ts"
import { serving } from "../support/http.ts"

/** What the pages are built with is a package of its own. */
export const isSiteInstalled: boolean = (() => {
  if (process.env.CI !== undefined) return true
  try {
    return createRequire(join(root, "site/package.json")).resolve("vitepress/package.json") !== ""
  } catch {
    console.warn("the packages of site are not installed: its tests do not run (npm ci --prefix site)")
    return false
  }
})()

/** Builds the site as `npm run docs` does, and gives what it says. */
export const build = async (): Promise<string> => {
  const tsx = createRequire(import.meta.url).resolve("tsx/cli")
  const { stdout } = await promisify(execFile)(process.execPath, [tsx, "scripts/docs.ts"], { cwd: root })
  return stdout
}

/** The pages that were built, as paths from the root of the site. */
export const pages = (): ReadonlyArray<string> =>
  filesIn(".tmp/site", ".html", true).map((file) => file.slice(".tmp/site/".length))

export const read = (page: string): string => readFileSync(join(root, ".tmp/site", page), "utf8")

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".woff2": "font/woff2"
}

/** Serves the site as any server of files would; gives the origin. */
export const serve: Effect.Effect<string, never, Scope.Scope> = serving((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://localhost")
  const file = pathname.endsWith("/") ? `${pathname}index.html` : pathname
  try {
    const content = readFileSync(join(root, ".tmp/site", decodeURIComponent(file)))
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(content)
  } catch {
    response.writeHead(404).end()
  }
})
