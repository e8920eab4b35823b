#!/usr/bin/env bash
# Node 20.20.2: a limit that is made by `AbortSignal.any([AbortSignal.timeout(ms), ...])` is no limit, once memory was collected.
#
# A wait for a lock is given up by whichever comes first, the caller's own signal or a time limit, and `AbortSignal.any` is
# there to say that. One expects it to abort when one of its signals does, however long that takes. But it refers weakly to
# what it was made of, and nothing else refers to a signal of `AbortSignal.timeout`. When memory is collected before the time
# is over, that signal is gone, and the wait lasts for ever: in a test never, in a server under load each time that the limit is
# longer than it takes until the next collection. A listener changes nothing. In Node 22.19.0 and 24.21.0 it is kept.
#
# Seen (memory is collected after 100 ms, the limit is 500 ms; looked at after one second):
#
#     v20.20.2: a timeout: aborted; any of a timeout: not aborted; any of a timeout, with a listener: not aborted
#     v22.19.0: a timeout: aborted; any of a timeout: aborted; any of a timeout, with a listener: aborted
#     v24.21.0: a timeout: aborted; any of a timeout: aborted; any of a timeout, with a listener: aborted
#
# Succeeds while this is so. What to do instead on Node 20: keep the signal of the timeout for as long as one waits.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node20@npm:node@20.20.2 node22@npm:node@22.19.0 node24@npm:node@24.21.0
cat > try.mjs << 'JS'
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const look = async (words, make) => {
  const signal = make()
  await sleep(100)
  globalThis.gc()
  await sleep(900)
  return `${words}: ${signal.aborted ? "aborted" : "not aborted"}`
}
const seen = await Promise.all([
  look("a timeout", () => AbortSignal.timeout(500)),
  look("any of a timeout", () => AbortSignal.any([AbortSignal.timeout(500), new AbortController().signal])),
  look("any of a timeout, with a listener", () => {
    const signal = AbortSignal.any([AbortSignal.timeout(500)])
    signal.addEventListener("abort", () => {})
    return signal
  })
])
console.log(`${process.version}: ${seen.join("; ")}`)
JS
expected="v20.20.2: a timeout: aborted; any of a timeout: not aborted; any of a timeout, with a listener: not aborted
v22.19.0: a timeout: aborted; any of a timeout: aborted; any of a timeout, with a listener: aborted
v24.21.0: a timeout: aborted; any of a timeout: aborted; any of a timeout, with a listener: aborted"
seen=$(for name in node20 node22 node24; do "node_modules/$name/bin/node" --expose-gc try.mjs; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
