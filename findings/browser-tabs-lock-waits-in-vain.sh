#!/usr/bin/env bash
# browser-tabs-lock 1.3.0: who waits for the lock of a tab that was closed waits in vain, however long, and the next one as well.
#
# A lock of this package (Auth0's library for pages has it) is renewed each second, and counts as left when it was not renewed for five;
# that "locks are released when the tab that holds it is closed abruptly" is said to be tested. So one expects `acquireLock(key, 12000)`
# to have it after some five seconds. But that a lock was left is looked at only when somebody has been woken, and what wakes those who
# wait is a change of the storage, which a dead tab makes no more: they sleep until their own time is over, and are told `false`. The
# next one who asks clears the lock away, and then waits for a change that has been, so it is told `false` too.
#
# Seen (a tab has the lock and is closed; another one asks at once and waits up to 12 s, then up to 3 s, and up to 3 s):
#
#     waits up to 12 s: false
#     again, up to 3 s: false
#     again, up to 3 s: true
#
# Succeeds while this is so. What to do instead: many tries of a second each instead of a long wait, or the browser's Web Locks.
# Needs the shared libraries of a browser (`apt-get install chromium` has them).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "type": "module" }' > package.json
npm install --silent --no-fund --no-audit @sparticuz/chromium@153.0.0 playwright-core@1.65.1 esbuild@0.25.12 browser-tabs-lock@1.3.0
cat > page.js << 'JS'
import Lock from "browser-tabs-lock"

const lock = new Lock.default()
window.acquire = (time) => lock.acquireLock("key", time)
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
const context = await browser.newContext()
const tab = async () => {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
  return page
}
const [first, second] = [await tab(), await tab()]
if (!await first.evaluate(() => window.acquire(3000))) throw new Error("the first tab has no lock")
await first.close()
const acquire = (seconds) => second.evaluate((time) => window.acquire(time), seconds * 1000)
console.log(`waits up to 12 s: ${await acquire(12)}`)
console.log(`again, up to 3 s: ${await acquire(3)}`)
console.log(`again, up to 3 s: ${await acquire(3)}`)
await browser.close()
server.close()
JS
expected="waits up to 12 s: false
again, up to 3 s: false
again, up to 3 s: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
