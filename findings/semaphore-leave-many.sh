#!/usr/bin/env bash
# semaphore 1.1.0: whoever gives several permits back at once wakes one waiter, though there is room for more.
#
# `take(n, task)` takes n permits, `leave(n)` gives them back. One expects the same of `leave(3)` as of three times `leave()`.
# But a call of `leave` lets in one waiter at most, whatever it gave back, so the others wait beside free permits until
# somebody else leaves. If the one who was let in goes on for long, so do they, with two of three permits unused.
#
# Seen with Node 20 (3 permits, held by one; three others want one each and keep it):
#
#     leave(3): 1 of 3 let in, available: true
#     leave() three times: 3 of 3 let in, available: false
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund semaphore@1.1.0
cat > try.mjs << 'JS'
import semaphore from "semaphore"

const letIn = async (leave) => {
  const permits = semaphore(3)
  let count = 0
  permits.take(3, () => {})
  for (let i = 0; i < 3; i++) permits.take(() => count++)
  leave(permits)
  await new Promise((resolve) => setTimeout(resolve, 300))
  return `${count} of 3 let in, available: ${permits.available()}`
}
console.log(`leave(3): ${await letIn((permits) => permits.leave(3))}`)
console.log(`leave() three times: ${await letIn((permits) => [1, 2, 3].forEach(() => permits.leave()))}`)
JS
expected="leave(3): 1 of 3 let in, available: true
leave() three times: 3 of 3 let in, available: false"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
