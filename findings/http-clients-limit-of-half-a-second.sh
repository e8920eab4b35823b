#!/usr/bin/env bash
# got 16.1.0, axios 1.21.1, ofetch 1.5.1, ky 2.1.0 and undici 8.13.1: `timeout: 500` is four seconds, or as long as the server likes.
#
# A limit of 500 ms on a call that is made under a lease of some seconds is there to be sure of when it is over. But got makes a GET whose
# `timeout.request` is over twice more, with a pause between: the server is asked three times, and the caller told after four seconds.
# The limits of axios (as it is in Node), and `bodyTimeout` of undici, are of silence: a response that comes in drops lasts as long as
# it drips, and that of ofetch is over with the first byte. ky has a limit for each attempt, and waits as long as the server says
# (`Retry-After`) between them. And an abort signal that ofetch was given, too, is told after all the pauses between its attempts,
# though it asks no more after it.
#
# Seen with Node 24.21.0 ("hangs" never answers, "drips" answers for 2.4 s, "503" asks to
# come back in a second; whole seconds):
#
#     got, hangs: TimeoutError after 4 s, asked 3 times
#     axios, drips: answered after 2 s, asked 1 times
#     axios, adapter: "fetch", drips: AxiosError after 0 s, asked 1 times
#     ofetch, drips: answered after 2 s, asked 1 times
#     ofetch, three retries and a signal of 0.5 s, 503: FetchError after 3 s, asked 1 times
#     ky, 503: HTTPError after 2 s, asked 3 times
#     undici, drips: answered after 2 s, asked 1 times
#     fetch, a signal, drips: TimeoutError after 0 s, asked 1 times
#
# Succeeds while this is so. What to do instead: `retry: { limit: 0 }` for got and `totalTimeout` for ky, or `fetch` with `AbortSignal.timeout`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node24@npm:node@24.21.0 got@16.1.0 axios@1.21.1 ofetch@1.5.1 ky@2.1.0 undici@8.13.1
cat > try.mjs << 'JS'
import axios from "axios"
import got from "got"
import ky from "ky"
import { once } from "node:events"
import { createServer } from "node:http"
import { ofetch } from "ofetch"
import { Agent, request } from "undici"

let asked = 0
const server = createServer((incoming, response) => {
  asked++
  if (incoming.url === "/drips") {
    const drip = setInterval(() => response.write("x"), 50)
    setTimeout(() => response.end(), 2400)
    response.on("close", () => clearInterval(drip))
  } else if (incoming.url === "/503") {
    response.writeHead(503, { "retry-after": "1" }).end()
  }
}).listen(0, "127.0.0.1")
await once(server, "listening")
const of = (path) => `http://127.0.0.1:${server.address().port}/${path}`
const timeout = 500

const seen = async (name, call) => {
  asked = 0
  const began = Date.now()
  const told = await call().then(() => "answered", (error) => error.name)
  // whole seconds, for machines that are busy
  const after = Math.floor((Date.now() - began) / 1000)
  console.log(`${name}: ${told} after ${after} s, asked ${asked} times`)
}
await seen("got, hangs", () => got(of("hangs"), { timeout: { request: timeout } }))
await seen("axios, drips", () => axios.get(of("drips"), { timeout }))
await seen("axios, adapter: \"fetch\", drips", () => axios.get(of("drips"), { timeout, adapter: "fetch" }))
await seen("ofetch, drips", () => ofetch(of("drips"), { timeout, responseType: "text" }))
await seen("ofetch, three retries and a signal of 0.5 s, 503", () =>
  ofetch(of("503"), { retry: 3, retryDelay: 1000, signal: AbortSignal.timeout(timeout) }))
await seen("ky, 503", () => ky(of("503"), { timeout }))
const dispatcher = new Agent({ headersTimeout: timeout, bodyTimeout: timeout })
await seen("undici, drips", async () => (await request(of("drips"), { dispatcher })).body.text())
await seen("fetch, a signal, drips", async () => (await fetch(of("drips"), { signal: AbortSignal.timeout(timeout) })).text())
process.exit()
JS
expected='got, hangs: TimeoutError after 4 s, asked 3 times
axios, drips: answered after 2 s, asked 1 times
axios, adapter: "fetch", drips: AxiosError after 0 s, asked 1 times
ofetch, drips: answered after 2 s, asked 1 times
ofetch, three retries and a signal of 0.5 s, 503: FetchError after 3 s, asked 1 times
ky, 503: HTTPError after 2 s, asked 3 times
undici, drips: answered after 2 s, asked 1 times
fetch, a signal, drips: TimeoutError after 0 s, asked 1 times'
seen=$(node_modules/node24/bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
