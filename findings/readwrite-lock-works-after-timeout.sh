#!/usr/bin/env bash
# readwrite-lock 1.0.5: work whose wait timed out is done all the same, when its turn comes.
#
# With `timeout`, its manual says, the "critical section will never be entered if timeout occurs", and the caller is told so by an
# error. So the caller tries again, or undoes what it had begun. But the timer only rejects: the work stays in the queue, and
# is done when those before it have ended. What was tried again is then done twice. And those who gave up are in the way of
# those who did not, so that under load each wait is as long as if nobody ever gave up.
#
# Seen with Node 20 (somebody writes for 300 ms; a payment with a limit of 100 ms, tried again when it was refused):
#
#     the first try: readwrite-lock timed out
#     the second try: paid
#     payments made: 2
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund readwrite-lock@1.0.5
cat > try.mjs << 'JS'
import ReadwriteLock from "readwrite-lock"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const lock = new ReadwriteLock({ timeout: 100 })
let payments = 0
const pay = () =>
  lock.acquireWrite("account", async () => {
    payments++
    return "paid"
  }).catch((error) => error.message)
const before = lock.acquireWrite("account", () => sleep(300))
console.log(`the first try: ${await pay()}`)
await before
console.log(`the second try: ${await pay()}`)
console.log(`payments made: ${payments}`)
JS
expected="the first try: readwrite-lock timed out
the second try: paid
payments made: 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
