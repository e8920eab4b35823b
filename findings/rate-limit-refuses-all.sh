#!/usr/bin/env bash
# express-rate-limit 8.7.5 and hono-rate-limiter 0.5.4: of eight requests that come in at the same time, with `limit: 5`, none is served.
#
# A limit of five a minute lets the first five of eight through, and so it does where they come one after the other. But the
# counter in memory, the default store, gives its callers the record that it counts in, and each of them looks at it a moment later, after
# an `await`. If all requests get there together, all have been counted by then, and each one reads eight: too many. That takes no
# more than something before it that all wait for: a configuration or a connection that is being opened when a service starts, a batch
# of look-ups for their keys. All are refused then, for the whole window, and `remaining` is 0 for who asked once.
#
# Seen with Node 20 (eight requests, by HTTP for Express, `app.request` for Hono):
#
#     express, as they come: 200 200 200 200 200 429 429 429
#     express, held up by the start: 429 429 429 429 429 429 429 429
#     hono, one after the other: 200 200 200 200 200 429 429 429
#     hono, at the same time: 429 429 429 429 429 429 429 429
#
# Succeeds while this is so. What to do instead: a store that gives a copy, as those for Redis do.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund express@5.3.0 express-rate-limit@8.7.5 hono@4.13.19 hono-rate-limiter@0.5.4
cat > try.mjs << 'JS'
import express from "express"
import { rateLimit } from "express-rate-limit"
import { Hono } from "hono"
import { rateLimiter } from "hono-rate-limiter"
import { once } from "node:events"

const limits = { windowMs: 60_000, limit: 5 }
const eight = Array.from({ length: 8 })
const show = (words, seen) => console.log(`${words}: ${seen.sort().join(" ")}`)

const expressed = async (words, heldUp) => {
  let come = 0
  let goOn
  const started = new Promise((done) => goOn = done)
  const app = express()
  if (heldUp) {
    app.use(async (request, response, next) => {
      if (++come === 8) goOn()
      await started
      next()
    })
  }
  app.use(rateLimit(limits))
  app.get("/", (request, response) => response.send("hello"))
  const server = app.listen(0, "127.0.0.1")
  await once(server, "listening")
  const url = `http://127.0.0.1:${server.address().port}/`
  show(words, await Promise.all(eight.map(async () => (await fetch(url)).status)))
  server.close()
}
await expressed("express, as they come", false)
await expressed("express, held up by the start", true)

const honoed = async (words, together) => {
  const app = new Hono()
  app.use(rateLimiter({ ...limits, keyGenerator: () => "somebody" }))
  app.get("/", (c) => c.text("hello"))
  const ask = async () => (await app.request("/")).status
  const seen = together ? await Promise.all(eight.map(ask)) : []
  if (!together) for (const _ of eight) seen.push(await ask())
  show(words, seen)
}
await honoed("hono, one after the other", false)
await honoed("hono, at the same time", true)
process.exit()
JS
expected="express, as they come: 200 200 200 200 200 429 429 429
express, held up by the start: 429 429 429 429 429 429 429 429
hono, one after the other: 200 200 200 200 200 429 429 429
hono, at the same time: 429 429 429 429 429 429 429 429"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
