#!/usr/bin/env bash
# p-debounce 5.1.1: of `pDebounce.promise` with `after: true`, the first caller is answered last, and perhaps never.
#
# The function runs at once; calls that come while it runs are put together and run once more after it, which is "for saving
# data". One expects each call to end with the run that it was for: the first one as soon as its own has ended. But the first
# call waits for all runs that follow without a pause. So with an editor that saves while one types, all later saves are
# confirmed and the first one is not, until nobody types for as long as a save takes; and if it failed, nobody hears of it until
# then.
#
# Seen with Node 20 (each of the last three calls comes while the run before is under way):
#
#     runs ended: 1, 2, 3, 4; calls ended: 2, 3, 4, 1
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund p-debounce@5.1.1
cat > try.mjs << 'JS'
import pDebounce from "p-debounce"

const runs = []
const calls = []
const all = []
let save
const call = (n) => all.push(save(n).then(() => calls.push(n)))
save = pDebounce.promise(async (n) => {
  // The next call comes while this one runs.
  if (n < 4) setTimeout(call, 50, n + 1)
  await new Promise((resolve) => setTimeout(resolve, 1000))
  runs.push(n)
}, { after: true })
call(1)
for (let i = 0; i < all.length; i++) await all[i]
console.log(`runs ended: ${runs.join(", ")}; calls ended: ${calls.join(", ")}`)
JS
expected="runs ended: 1, 2, 3, 4; calls ended: 2, 3, 4, 1"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
