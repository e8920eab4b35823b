#!/usr/bin/env bash
# @midwayjs/simple-lock 1.2.2: who comes while the second one has the lock is let in beside it.
#
# `acquire(key, work)` runs one after the other. One expects who comes to wait for whoever is at work, whichever that is. When the
# first one ends, the next is begun, and only then is it noted that the lock is free, over the head of the one that has just begun.
# The queue is empty then, and "free", so that the next caller goes in. With two callers it looks right, as it does when all come
# at once; it takes a third one that comes later, which is what a server has all day.
#
# Seen with Node 20 (the second one waits for the first; the third comes when the second is at work):
#
#     the first: 1 at work
#     the second: 1 at work
#     the third: 2 at work
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @midwayjs/simple-lock@1.2.2
cat > try.mjs << 'JS'
import module from "@midwayjs/simple-lock"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = new module.default()
let working = 0
const work = (name, ms) =>
  lock.acquire("key", async () => {
    console.log(`the ${name}: ${++working} at work`)
    await sleep(ms)
    working--
  })
const first = work("first", 100)
const second = work("second", 500)
await sleep(300)
await Promise.all([first, second, work("third", 100)])
JS
expected="the first: 1 at work
the second: 1 at work
the third: 2 at work"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
