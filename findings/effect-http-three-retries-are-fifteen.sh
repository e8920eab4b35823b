#!/usr/bin/env bash
# effect 4.1.0: an HTTP client that is to try again three times (`retryTransient({ times: 3 })`) may ask 16 times.
#
# `HttpClient.retryTransient` tries again after what will pass: a lost connection, a 503. With `times: 3` one expects at most four
# requests, and so it is where a service fails in one way only. But it is two loops, one in the other: the inner one tries answers again,
# the outer one errors, each has its own count and its own schedule, and whenever the outer one goes round, the inner one begins anew. A
# service in trouble fails in both ways: a proxy says 503, and drops a connection now and then. Then each dropped connection buys
# three more retries, and the delay of an exponential schedule begins at its smallest again, just when it was to grow.
#
# Seen with Node 20 (with `times: 3` and an exponential schedule from one second; the seconds at which it asked):
#
#     always 503: 0 1 3 7
#     always a lost connection: 0 1 3 7
#     each fourth time a lost connection, else 503: 0 1 3 7 8 9 11 15 17 18 20 24 28 29 31 35
#
# Succeeds while this is so. What to do instead: `retryOn: "errors-only"`, after `HttpClient.filterStatusOk`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Clock, Effect, Schedule } from "effect"
import { HttpClient, HttpClientError, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"

const look = (words, lost, change = (client) => client) =>
  Effect.gen(function*() {
    const at = []
    const client = HttpClient.make((request) =>
      Effect.gen(function*() {
        at.push(((yield* Clock.currentTimeMillis) / 1000).toFixed())
        return lost(at.length)
          ? yield* new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request }) })
          : HttpClientResponse.fromWeb(request, new Response("", { status: 503 }))
      })
    )
    yield* Effect.forkChild(Effect.exit(change(client).get("http://service/")), { startImmediately: true })
    for (let i = 0; i < 600; i++) yield* TestClock.adjust("100 millis")
    console.log(`${words}: ${at.join(" ")}`)
  }).pipe(Effect.provide(TestClock.layer()), Effect.runPromise)

const options = { times: 3, schedule: Schedule.exponential("1 second") }
const transient = HttpClient.retryTransient(options)
await look("always 503", () => false, transient)
await look("always a lost connection", () => true, transient)
const fourth = (n) => n % 4 === 0
await look("each fourth time a lost connection, else 503", fourth, transient)
const one = (client) => HttpClient.retryTransient(HttpClient.filterStatusOk(client), { ...options, retryOn: "errors-only" })
await look("the same, by errors only", fourth, one)
JS
expected="always 503: 0 1 3 7
always a lost connection: 0 1 3 7
each fourth time a lost connection, else 503: 0 1 3 7 8 9 11 15 17 18 20 24 28 29 31 35
the same, by errors only: 0 1 3 7"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
