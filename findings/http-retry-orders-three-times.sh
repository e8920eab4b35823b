#!/usr/bin/env bash
# effect 4.1.0, axios-retry 4.5.0 and fetch-retry 6.0.0: a POST whose answer was lost is sent again, and what it asks for is done three times.
#
# A request whose connection ends before the answer may have been done or not. So clients that try again by themselves do so for what may be
# done twice (GET, PUT, DELETE), and leave a POST to the program: got, ky, ofetch, undici and others here. One expects the
# same of the rest, the more of axios-retry, which is about "idempotent" requests. But that asks of the method only where there was an
# answer; a lost one is "a network error", and is tried again, whatever the method. Effect's `HttpClient.retryTransient` and fetch-retry do
# not ask for the method at all: "rate limiting, timeouts or network issues" are tried again, an order among them.
#
# Seen with Node 24 (a POST to a server that takes the order, and then loses the connection, or says 503; two retries):
#
#     effect: lost: 3 orders; 503: 3 orders
#     axios-retry: lost: 3 orders; 503: 1 order
#     fetch-retry: lost: 3 orders; 503: 1 order
#     got: lost: 1 order; 503: 1 order
#     ky: lost: 1 order; 503: 1 order
#     make-fetch-happen: lost: 1 order; 503: 1 order
#     ofetch: lost: 1 order; 503: 1 order
#     retry-axios: lost: 1 order; 503: 1 order
#     undici: lost: 1 order; 503: 1 order
#
# Succeeds while this is so. What to do instead: a key of the order in a header, by which the server knows it, or two clients.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0 axios@1.21.1 axios-retry@4.5.0 fetch-retry@6.0.0 got@16.1.0 ky@2.1.0 \
  make-fetch-happen@16.0.1 ofetch@1.5.1 retry-axios@4.0.3 undici@8.13.1 node@24.21.0
cat > try.mjs << 'JS'
import axios from "axios"
import axiosRetry from "axios-retry"
import { Effect } from "effect"
import { FetchHttpClient, HttpClient, HttpClientRequest } from "effect/http"
import fetchRetry from "fetch-retry"
import got from "got"
import ky from "ky"
import makeFetchHappen from "make-fetch-happen"
import { createServer } from "node:http"
import { ofetch } from "ofetch"
import { attach } from "retry-axios"
import { Agent, fetch as undiciFetch, interceptors } from "undici"

let orders = 0
let way = ""
const server = createServer((request, response) => {
  request.resume().on("end", () => {
    orders++
    if (way === "lost") request.socket.resetAndDestroy()
    else response.writeHead(503).end()
  })
}).listen(0, "127.0.0.1")
await new Promise((resolve) => server.once("listening", resolve))
const url = `http://127.0.0.1:${server.address().port}/orders`
const withAxiosRetry = axios.create()
axiosRetry(withAxiosRetry, { retries: 2 })
const withRetryAxios = axios.create()
withRetryAxios.defaults.raxConfig = { retry: 2, noResponseRetries: 2, retryDelay: 10 }
attach(withRetryAxios)
const dispatcher = new Agent().compose(interceptors.retry({ maxRetries: 2, minTimeout: 10 }))
const post = { method: "POST" }
const clients = {
  effect: () =>
    HttpClient.HttpClient.pipe(
      Effect.map(HttpClient.retryTransient({ times: 2 })),
      Effect.flatMap((client) => client.execute(HttpClientRequest.post(url))),
      Effect.provide(FetchHttpClient.layer),
      Effect.runPromise
    ),
  "axios-retry": () => withAxiosRetry.post(url),
  "fetch-retry": () => fetchRetry(fetch, { retries: 2, retryDelay: 10 })(url, post),
  got: () => got.post(url, { retry: { limit: 2, calculateDelay: ({ computedValue }) => computedValue && 10 } }),
  ky: () => ky.post(url, { retry: { limit: 2, delay: () => 10 } }),
  "make-fetch-happen": () => makeFetchHappen(url, { ...post, retry: { retries: 2, minTimeout: 10 } }),
  ofetch: () => ofetch(url, { ...post, retryDelay: 10 }),
  "retry-axios": () => withRetryAxios.post(url),
  undici: () => undiciFetch(url, { ...post, dispatcher })
}
for (const [name, order] of Object.entries(clients)) {
  const seen = []
  for (way of ["lost", "503"]) {
    orders = 0
    await order().catch(() => {})
    seen.push(`${way}: ${orders} order${orders === 1 ? "" : "s"}`)
  }
  console.log(`${name}: ${seen.join("; ")}`)
}
process.exit()
JS
expected="effect: lost: 3 orders; 503: 3 orders
axios-retry: lost: 3 orders; 503: 1 order
fetch-retry: lost: 3 orders; 503: 1 order
got: lost: 1 order; 503: 1 order
ky: lost: 1 order; 503: 1 order
make-fetch-happen: lost: 1 order; 503: 1 order
ofetch: lost: 1 order; 503: 1 order
retry-axios: lost: 1 order; 503: 1 order
undici: lost: 1 order; 503: 1 order"
seen=$(node_modules/.bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
