#!/usr/bin/env bash
# Chromium 153, files of an origin (OPFS): of two tabs that append to one file, the one who closes last takes back what the other wrote.
#
# `createWritable({ keepExistingData: true })` opens a file for writing "at a place"; each tab seeks to the end and writes its line, as one does
# with a log. The interface says that it takes a lock on the file, so one expects the second to be refused or the lines to be both there. But
# the lock is shared, by default (`mode: "siloed"`): each writable has a copy of the whole file, from when it was opened, and `close()` puts
# that in the file's place. All that others wrote between is gone, without an error, also where they wrote elsewhere in the file.
#
# Seen:
#
#     default: the second tab is let in; the file then: second
#     mode "exclusive": the second tab is refused (NoModificationAllowedError); the file then: first
#
# Succeeds while this is so. Needs the shared libraries of a browser (`apt-get install chromium` has them). What to do instead:
# `mode: "exclusive"`, where there is that, or a Web Lock from the opening to the close.
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

const server = createServer((_, response) => {
  response.setHeader("content-type", "text/html")
  response.end("<!doctype html><title>x</title>")
}).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
const browser = await browsers.launch({ executablePath: await chromium.executablePath(), args: chromium.args })
const context = await browser.newContext()
const tab = async () => {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}`)
  return page
}
const write = (page, name, text, options) =>
  page.evaluate(async ({ name, text, options }) => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true })
    try {
      self.writable = await file.createWritable({ keepExistingData: true, ...options })
    } catch (error) {
      return `refused (${error.name})`
    }
    await self.writable.seek((await file.getFile()).size)
    await self.writable.write(text)
    return "let in"
  }, { name, text, options })
const close = (page) => page.evaluate(() => self.writable.close())
const read = (page, name) =>
  page.evaluate(async (name) => {
    const file = await (await navigator.storage.getDirectory()).getFileHandle(name)
    return (await file.getFile()).text()
  }, name)

const [first, second] = [await tab(), await tab()]
for (const [words, name, options] of [["default", "one", {}], ["mode \"exclusive\"", "two", { mode: "exclusive" }]]) {
  await write(first, name, "first", options)
  const told = await write(second, name, "second", options)
  await close(first)
  if (told === "let in") await close(second)
  console.log(`${words}: the second tab is ${told}; the file then: ${await read(first, name)}`)
}
await browser.close()
server.close()
JS
expected='default: the second tab is let in; the file then: second
mode "exclusive": the second tab is refused (NoModificationAllowedError); the file then: first'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
