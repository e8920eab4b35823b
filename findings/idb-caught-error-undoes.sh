#!/usr/bin/env bash
# idb 8.0.4: an error that the program has caught undoes the whole transaction, with what had been done and awaited before it.
#
# "The IndexedDB API, but with promises": a request is a promise, and an `add` of a key that exists rejects it. One catches that and
# goes on ("somebody else has it"), as with any other promise, and as it is with Dexie, the other package of this kind. But what ends
# a transaction in IndexedDB is an `error` event on which nobody has called `preventDefault()`; a caught promise is none of that. So
# the transaction is aborted behind the `catch`: what was put before it, and was awaited without an error, is gone, and what comes after it
# fails. Who takes a lock by `add` in the transaction that also writes something else loses the other thing each time it is refused.
#
# Seen (key 1 is there; in one transaction: put 2, add 1 with its error caught, put 3):
#
#     idb: put 2, caught ConstraintError, AbortError; there is: 1
#     dexie: put 2, caught ConstraintError, put 3; there is: 1,2,3
#
# Succeeds while this is so. What to do instead: `get` before `add`, in the same transaction, or Dexie.
# Needs the shared libraries of a browser (`apt-get install chromium` has them).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module" }' > package.json
npm install --silent --no-fund --no-audit @sparticuz/chromium@153.0.0 playwright-core@1.65.1 esbuild@0.25.12 idb@8.0.4 dexie@4.4.7
cat > page.js << 'JS'
import Dexie from "dexie"
import { openDB } from "idb"

const keep = async (log, name, request) => {
  await request
  log.push(name)
}
const caught = (log) => (error) => log.push(`caught ${error.name}`)
window.idb = async () => {
  const db = await openDB("idb", 1, { upgrade: (db) => db.createObjectStore("all", { keyPath: "id" }) })
  await db.put("all", { id: 1 })
  const log = []
  const tx = db.transaction("all", "readwrite")
  tx.done.catch(() => {})
  try {
    await keep(log, "put 2", tx.store.put({ id: 2 }))
    await tx.store.add({ id: 1 }).catch(caught(log))
    await keep(log, "put 3", tx.store.put({ id: 3 }))
  } catch (error) {
    log.push(error.name)
  }
  return `idb: ${log.join(", ")}; there is: ${await db.getAllKeys("all")}`
}
window.dexie = async () => {
  const db = new Dexie("dexie")
  db.version(1).stores({ all: "id" })
  await db.all.put({ id: 1 })
  const log = []
  await db.transaction("rw", db.all, async () => {
    await keep(log, "put 2", db.all.put({ id: 2 }))
    await db.all.add({ id: 1 }).catch(caught(log))
    await keep(log, "put 3", db.all.put({ id: 3 }))
  })
  return `dexie: ${log.join(", ")}; there is: ${await db.all.toCollection().primaryKeys()}`
}
JS
npx esbuild page.js --bundle --log-level=error --outfile=bundle.js
cat > try.mjs << 'JS'
import chromium from "@sparticuz/chromium"
import { readFileSync } from "node:fs"
import { createServer } from "node:http"
import { chromium as browsers } from "playwright-core"

const script = readFileSync("bundle.js", "utf8")
const server = createServer((request, response) => {
  response.setHeader("content-type", request.url === "/bundle.js" ? "text/javascript" : "text/html")
  response.end(request.url === "/bundle.js" ? script : `<!doctype html><title>x</title><script src="/bundle.js"></script>`)
}).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
const browser = await browsers.launch({ executablePath: await chromium.executablePath(), args: chromium.args })
const page = await browser.newPage()
await page.goto(`http://127.0.0.1:${server.address().port}/`)
console.log(await page.evaluate(() => window.idb()))
console.log(await page.evaluate(() => window.dexie()))
await browser.close()
server.close()
JS
expected="idb: put 2, caught ConstraintError, AbortError; there is: 1
dexie: put 2, caught ConstraintError, put 3; there is: 1,2,3"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
