#!/usr/bin/env bash
# Chromium 153: a tab that a page opens has the page's `sessionStorage`, so an id that is kept there stands for two tabs.
#
# `sessionStorage` is "of one tab", and it survives a reload, so it is where one keeps the id by which a tab knows that a lease (a record in
# `localStorage` or IndexedDB, "the leader is ...") is its own. One expects a new tab to have none and to make itself one. But a tab that is
# opened by `window.open`, or by a link with `rel="opener"`, starts with a copy of what the opener had, as does one that the user
# duplicates: it finds the lease to be its own, and both lead, renew and release for each other. A link with
# `target="_blank"` alone opens one without, so it is not seen where one tries it that way. A Web Lock tells them apart.
#
# Seen (the first tab takes the lease; each new one asks whether the lease is its own, and tries for a Web Lock that the first one has):
#
#     reloaded: the lease is its own
#     window.open: the lease is its own; the Web Lock: refused
#     a link, rel="opener": the lease is its own; the Web Lock: refused
#     a link: the lease is another's; the Web Lock: refused
#
# Succeeds while this is so. Needs the shared libraries of a browser (`apt-get install chromium` has them). What to do instead: a Web Lock, or an
# id in a variable; or a Web Lock of the id's name, taken before the id is believed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module" }' > package.json
npm install --silent --no-fund --no-audit @sparticuz/chromium@153.0.0 playwright-core@1.65.1
cat > try.mjs << 'JS'
import chromium from "@sparticuz/chromium"
import { createServer } from "node:http"
import { chromium as browsers } from "playwright-core"

const page = `<!doctype html><title>x</title><script>
  let id = sessionStorage.getItem("id")
  if (id === null) sessionStorage.setItem("id", id = crypto.randomUUID())
  if (localStorage.getItem("leader") === null) localStorage.setItem("leader", id)
  const lease = () => "the lease is " + (localStorage.getItem("leader") === id ? "its own" : "another's")
  const lock = () => new Promise((resolve) => {
    navigator.locks.request("leader", { ifAvailable: true }, (lock) => {
      resolve(lock === null ? "refused" : "let in")
      return lock === null ? undefined : new Promise(() => {})
    })
  })
</script>
<a id="opener" href="/" target="_blank" rel="opener">opener</a> <a id="blank" href="/" target="_blank">blank</a>`
const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(page)).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
const browser = await browsers.launch({ executablePath: await chromium.executablePath(), args: chromium.args })
const context = await browser.newContext()
const first = await context.newPage()
await first.goto(`http://127.0.0.1:${server.address().port}`)
await first.reload()
console.log(`reloaded: ${await first.evaluate(() => lease())}`)
await first.evaluate(() => lock())
const look = async (name, open) => {
  const [tab] = await Promise.all([context.waitForEvent("page"), open()])
  await tab.waitForLoadState()
  console.log(`${name}: ${await tab.evaluate(() => lease())}; the Web Lock: ${await tab.evaluate(() => lock())}`)
  await tab.close()
}
await look("window.open", () => first.evaluate(() => void window.open("/")))
await look("a link, rel=\"opener\"", () => first.click("#opener"))
await look("a link", () => first.click("#blank"))
await browser.close()
server.close()
JS
expected='reloaded: the lease is its own
window.open: the lease is its own; the Web Lock: refused
a link, rel="opener": the lease is its own; the Web Lock: refused
a link: the lease is another'"'"'s; the Web Lock: refused'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
