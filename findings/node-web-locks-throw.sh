#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0: a Web Lock whose callback throws stays taken until its thread ends.
#
# `navigator.locks.request(name, callback)` mirrors the browsers' Web Locks, where a lock is free as soon as its callback
# has ended, however it did. So one relies on it as on `try … finally`. In Node that is true of a callback that returns or
# rejects, but not of one that throws before it has given a promise: the request rejects with the error, and the lock is
# never given back.
#
# What to do instead: `async` callbacks only; their errors are rejections.
#
# Seen on each of them:
#
#     returned: free
#     rejected: free
#     thrown: taken
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cat > try.mjs << 'JS'
const bodies = {
  returned: () => "value",
  rejected: () => Promise.reject(new Error("no")),
  thrown: () => {
    throw new Error("no")
  }
}
for (const [name, body] of Object.entries(bodies)) {
  await navigator.locks.request(name, body).catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 100))
  console.log(await navigator.locks.request(name, { ifAvailable: true }, (lock) => `${name}: ${lock ? "free" : "taken"}`))
}
JS
expected=$'returned: free\nrejected: free\nthrown: taken'
for version in 24.21.0 26.10.0; do
  echo "node $version"
  seen=$(npx --yes --package "node@$version" node try.mjs)
  echo "$seen"
  [[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
done
