#!/usr/bin/env bash
# Chromium 153: a tab that is told by a message that `localStorage` was changed reads what was there before.
#
# `localStorage` is synchronous: what a tab has set is set. So one expects that a tab that sets a value, and says so to the others by a
# `BroadcastChannel` after that, is understood by them: they read the new value. But each process has its own copy of the storage and is
# told of a change by another way than that of the message, which is faster: whoever reads as the message comes reads the old value, the
# more often the larger it is, and whoever writes it back, changed, undoes the change. The `storage` event comes with the change, by the
# same way.
#
# Seen (a tab sets a value of 100 KB and posts a message, 100 times; what the other tab reads as it gets it):
#
#     by a message: 100 messages; the old value: more than ten times
#     by the storage event: 100 events; the old value: 0 times
#     in the end both have version 199 and 199
#
# Succeeds while this is so. Needs the shared libraries of a browser (`apt-get install chromium` has them). What to do instead: the value
# in the message, the `storage` event, or IndexedDB.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module" }' > package.json
npm install --silent --no-audit --no-fund @sparticuz/chromium@153.0.0 playwright-core@1.65.1
cat > try.mjs << 'JS'
import chromium from "@sparticuz/chromium"
import { createServer } from "node:http"
import { chromium as browsers } from "playwright-core"

const server = createServer((_, response) => {
  response.setHeader("content-type", "text/html")
  response.end("<!doctype html><title>x</title>")
}).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
// As a browser has it: a process for each tab (@sparticuz/chromium's own arguments are for one process).
const args = ["--headless=shell", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--site-per-process"]
const browser = await browsers.launch({ executablePath: await chromium.executablePath(), args })
const context = await browser.newContext()
const tab = async () => {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}`)
  return page
}
const [first, second] = [await tab(), await tab()]
const version = (page) => page.evaluate(() => localStorage.getItem("document").slice(0, 3))

await second.evaluate(() => {
  self.counts = { message: 0, old: 0, event: 0, oldAtEvent: 0 }
  const current = () => localStorage.getItem("document")?.slice(0, 3)
  self.channel = new BroadcastChannel("changes")
  self.channel.onmessage = ({ data }) => {
    self.counts.message++
    if (current() !== data) self.counts.old++
  }
  self.addEventListener("storage", ({ newValue }) => {
    self.counts.event++
    if (current() !== newValue.slice(0, 3)) self.counts.oldAtEvent++
  })
})
await first.evaluate(async () => {
  const channel = new BroadcastChannel("changes")
  for (let version = 100; version < 200; version++) {
    localStorage.setItem("document", version + "x".repeat(100_000))
    channel.postMessage(String(version))
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
})
await new Promise((resolve) => setTimeout(resolve, 2000))
const counts = await second.evaluate(() => self.counts)
console.log(`by a message: ${counts.message} messages; the old value: ${counts.old > 10 ? "more than ten times" : `${counts.old} times`}`)
console.log(`by the storage event: ${counts.event} events; the old value: ${counts.oldAtEvent} times`)
console.log(`in the end both have version ${await version(first)} and ${await version(second)}`)
await browser.close()
server.close()
JS
expected="by a message: 100 messages; the old value: more than ten times
by the storage event: 100 events; the old value: 0 times
in the end both have version 199 and 199"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
