#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0, `node:test`: `mock.timers.tick(100)` runs a timer that was due at 10 at 100, and none that it sets.
#
# A test of a lease, a retry or a debounce moves a mocked clock on, and what would have happened in that time happens: each timer
# at its time, and those that are set by timers too. So it is with Sinon's fake timers (and with Vitest and Jest, which use them).
# `mock.timers.tick(ms)` "advances time for all mock timers". It puts the clock to the end first. Each run of an interval finds that
# `Date.now()` says the same, so that a renewal which came in time believes that the lease is over; a timer that is set by a timer
# counts from the end, so that of a retry with backoff one attempt is made, and the test that expects three of them to fail within
# the time passes with a program that would have gone on. `runAll()`, which "triggers all pending mocked timers", runs one, too.
#
# Seen (the times at which they run; a timer that sets the next one twice, 10 ms apart):
#
#     @sinonjs/fake-timers 15.5.0: interval of 10, moved by 35: 10 20 30; chain of 3, moved by 100: 10 20 30; all of it: 10 20 30
#     node:test: interval of 10, moved by 35: 35 35 35; chain of 3, moved by 100: 100; all of it: 10
#     node:test, by one each: interval of 10, moved by 35: 10 20 30; chain of 3, moved by 100: 10 20 30
#
# Succeeds while this is so on each of them. What to do instead: `tick(1)` in a loop, as the last line does.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { mock } from "node:test"

const interval = (tick) => {
  const start = Date.now()
  const times = []
  const timer = setInterval(() => times.push(Date.now() - start), 10)
  tick(35)
  clearInterval(timer)
  return times.join(" ")
}
const chain = (move) => {
  const start = Date.now()
  const times = []
  const run = () => {
    times.push(Date.now() - start)
    if (times.length < 3) setTimeout(run, 10)
  }
  setTimeout(run, 10)
  move()
  return times.join(" ")
}
const show = (name, tick, all) => {
  const parts = [`interval of 10, moved by 35: ${interval(tick)}`, `chain of 3, moved by 100: ${chain(() => tick(100))}`]
  if (all) parts.push(`all of it: ${all()}`)
  console.log(`${name}: ${parts.join("; ")}`)
}

const clock = FakeTimers.install({ now: 0 })
show("@sinonjs/fake-timers 15.5.0", (ms) => clock.tick(ms), () => chain(() => clock.runAll()))
clock.uninstall()
const afresh = () => {
  mock.timers.reset()
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: 0 })
}
afresh()
show("node:test", (ms) => mock.timers.tick(ms), () => {
  afresh()
  return chain(() => mock.timers.runAll())
})
afresh()
show("node:test, by one each", (ms) => {
  for (let i = 0; i < ms; i++) mock.timers.tick(1)
})
JS
expected="@sinonjs/fake-timers 15.5.0: interval of 10, moved by 35: 10 20 30; chain of 3, moved by 100: 10 20 30; all of it: 10 20 30
node:test: interval of 10, moved by 35: 35 35 35; chain of 3, moved by 100: 100; all of it: 10
node:test, by one each: interval of 10, moved by 35: 10 20 30; chain of 3, moved by 100: 10 20 30"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @sinonjs/fake-timers@15.5.0
for version in 24.21.0 26.10.0; do
  echo "node $version"
  seen=$(npx --yes --package "node@$version" node --no-warnings try.mjs)
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
