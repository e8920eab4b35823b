#!/usr/bin/env bash
# @tanstack/pacer 0.22.0: a batcher with `wait: 100` does nothing for as long as an item comes every 50 ms.
#
# `wait` is the "maximum time in milliseconds to wait before processing a batch": whatever comes, an item that was added is done
# within that time, which is what tells a batcher from a debouncer. Here each item begins the wait anew. Under a steady load, when
# batches matter most, none is made until there is a pause, with or without `async`, and everything that was added is kept
# meanwhile. And who awaits `addItem` of the `AsyncBatcher` is told after `wait` that the batch is done, which has not begun.
#
# Seen with Node 20 (an item every 50 ms for ten seconds; the clock is mocked; the batches by the time and the number of items):
#
#     Batcher: 200 at 10050
#     AsyncBatcher: 200 at 10050; the first item's promise was settled at 100
#
# Succeeds while this is so. What to do instead: `maxSize` with it, which bounds the batch, though not the time; or `flush` at
# an interval.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @tanstack/pacer@0.22.0 @sinonjs/fake-timers@15.5.0
cat > try.mjs << 'JS'
import FakeTimers from "@sinonjs/fake-timers"
import { AsyncBatcher, Batcher } from "@tanstack/pacer"

for (const Class of [Batcher, AsyncBatcher]) {
  const clock = FakeTimers.install({ now: 0 })
  const batches = []
  const batcher = new Class((items) => batches.push(`${items.length} at ${Date.now()}`), { wait: 100 })
  let settled = ""
  for (let i = 0; i < 200; i++) {
    const added = batcher.addItem(i)
    if (i === 0) added?.then(() => settled = `; the first item's promise was settled at ${Date.now()}`)
    await clock.tickAsync(50)
  }
  await clock.tickAsync(1000)
  clock.uninstall()
  console.log(`${Class.name}: ${batches.join(", ")}${settled}`)
}
JS
expected="Batcher: 200 at 10050
AsyncBatcher: 200 at 10050; the first item's promise was settled at 100"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
