#!/usr/bin/env bash
# @platformatic/job-queue 0.5.0: a job whose handler returns nothing is done three times, and has failed.
#
# A handler that sends a mail has nothing to return, and one expects such a job to be done once it has ended without an error. But
# the result is written as JSON, of which there is none for `undefined`: that is an error, of the job as it seems, so the
# job is tried again, as often as it may be, and is then told to have failed. Three mails go out, and who waits for it
# (`enqueueAndWait`) is refused. With a handler that returns `null` it is done once.
#
# Seen with Node 24 (the storage in memory; with Redis it is the same):
#
#     a handler that returns nothing: done 3 times, failed
#     a handler that returns null: done 1 times, completed
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @platformatic/job-queue@0.5.0 node@24.10.0
cat > try.mjs << 'JS'
import { MemoryStorage, Queue } from "@platformatic/job-queue"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, result) => {
  const queue = new Queue({ storage: new MemoryStorage() })
  let mails = 0
  queue.execute(async () => {
    mails++
    return result
  })
  await queue.start()
  await queue.enqueue("mail-1", { to: "somebody" })
  await sleep(1000)
  const { state } = await queue.getStatus("mail-1")
  console.log(`a handler that returns ${words}: done ${mails} times, ${state}`)
  await queue.stop()
}
await look("nothing", undefined)
await look("null", null)
process.exit()
JS
expected="a handler that returns nothing: done 3 times, failed
a handler that returns null: done 1 times, completed"
seen=$(node_modules/.bin/node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
