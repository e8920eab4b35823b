#!/usr/bin/env bash
# Chromium 153: after `Clear-Site-Data: "storage"`, tabs of one origin no longer exclude each other by Web Locks.
#
# Web Locks are one namespace for all tabs of an origin, and clearing what a site stores is not said to touch them. But
# a tab that used them before the header came keeps one set of locks, and a tab that is opened afterwards (or reloaded) has
# another: both hold the same exclusive lock at one moment, and neither is in the other's `query()`. The storage itself is
# not split: both write into the same new IndexedDB database. So a tab that is
# absent from `query()` is not gone, and one sign-out that clears the storage lets two tabs be "the leader".
#
# What to do instead: reload all tabs after the header, or keep the lock where the data are, in a transaction.
#
# Seen:
#
#     before: the second tab is refused
#     after: the second tab is refused
#     after: a new tab is let in
#     the first tab sees held: lock; the new tab sees held: lock
#     both write into one database: 1,2
#
# Succeeds while this is so. Needs the shared libraries of a browser (`apt-get install chromium` has them).
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

const server = createServer((request, response) => {
  response.setHeader("content-type", "text/html")
  if (request.url === "/sign-out") response.setHeader("clear-site-data", "\"storage\"")
  response.end("<!doctype html><title>x</title>")
}).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
const origin = `http://127.0.0.1:${server.address().port}`

const browser = await browsers.launch({ executablePath: await chromium.executablePath(), args: chromium.args })
const context = await browser.newContext()
const tab = async () => {
  const page = await context.newPage()
  await page.goto(origin)
  return page
}
const hold = (page) =>
  page.evaluate(() =>
    new Promise((resolve) => {
      navigator.locks.request("lock", { ifAvailable: true }, (lock) => {
        resolve(lock === null ? "refused" : "let in")
        return lock === null ? undefined : new Promise(() => {})
      })
    })
  )
const held = (page) => page.evaluate(async () => (await navigator.locks.query()).held.map(({ name }) => name).join())
const write = (page, value) =>
  page.evaluate((value) =>
    new Promise((resolve, reject) => {
      const request = indexedDB.open("database", 1)
      request.onupgradeneeded = () => request.result.createObjectStore("all", { autoIncrement: true })
      request.onerror = () => reject(request.error)
      request.onsuccess = () => {
        const tx = request.result.transaction("all", "readwrite")
        tx.objectStore("all").add(value)
        const all = tx.objectStore("all").getAll()
        tx.oncomplete = () => {
          request.result.close()
          resolve(all.result.join())
        }
      }
    }), value)

const [first, second] = [await tab(), await tab()]
await hold(first)
console.log(`before: the second tab is ${await hold(second)}`)
await second.evaluate(() => fetch("/sign-out").then((response) => response.text()))
console.log(`after: the second tab is ${await hold(second)}`)
const later = await tab()
console.log(`after: a new tab is ${await hold(later)}`)
console.log(`the first tab sees held: ${await held(first)}; the new tab sees held: ${await held(later)}`)
await write(first, 1)
console.log(`both write into one database: ${await write(later, 2)}`)
await browser.close()
server.close()
JS
expected="before: the second tab is refused
after: the second tab is refused
after: a new tab is let in
the first tab sees held: lock; the new tab sees held: lock
both write into one database: 1,2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
