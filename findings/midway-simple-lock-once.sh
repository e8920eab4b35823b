#!/usr/bin/env bash
# @midwayjs/simple-lock 1.2.2: `sureOnce` answers those who come while it runs, even when it fails, and never anybody after that.
#
# "fn execute only once": one connects, or reads the configuration, once for all who ask for it. One expects those who come later
# to be answered at once, with the result or at least with nothing, and a failure to be told to all who waited, or to be
# tried again. But who comes when it is done waits in a queue that nobody looks at any more, so that the second request of a
# server's life hangs. And who waited for a run that failed is told that all is well, without a value.
#
# Seen with Node 20:
#
#     the first: "configuration"; who comes while it runs: nothing; who comes when it is done, after 1 s: no answer
#     the first: down; who comes while it runs: nothing; who comes when it is done, after 1 s: no answer
#
# Succeeds while this is so. What to do instead: keep the promise of the first call.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @midwayjs/simple-lock@1.2.2
cat > try.mjs << 'JS'
import module from "@midwayjs/simple-lock"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const said = (promise) =>
  promise.then((value) => value === undefined ? "nothing" : `"${value}"`, (error) => error.message)
const look = async (load) => {
  const lock = new module.default()
  const once = () => said(lock.sureOnce(load, "key"))
  const [first, second] = await Promise.all([once(), once()])
  const third = await Promise.race([once(), sleep(1000).then(() => "no answer")])
  console.log(`the first: ${first}; who comes while it runs: ${second}; who comes when it is done, after 1 s: ${third}`)
}
await look(async () => {
  await sleep(50)
  return "configuration"
})
await look(async () => {
  await sleep(50)
  throw new Error("down")
})
JS
expected="the first: \"configuration\"; who comes while it runs: nothing; who comes when it is done, after 1 s: no answer
the first: down; who comes while it runs: nothing; who comes when it is done, after 1 s: no answer"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
