#!/usr/bin/env bash
# Node 24.21.0 and 26.10.0: `await using` does not wait for a `[Symbol.dispose]` that is async, and its failure ends the process.
#
# `await using lock = ...` is said to await the disposal, and takes both kinds of it: `[Symbol.asyncDispose]` and, if there is none,
# `[Symbol.dispose]`. So one expects `[Symbol.dispose] = () => this.release()`, which returns a promise, to be awaited: it is one `await`
# in either case. But of the second kind the result is thrown away. What comes after the block begins while the lock is still being
# given back, and the next one who asks for it is refused; and if giving it back fails, no `try` around the block sees it: it is an unhandled
# rejection, which ends the process. It is the same for `AsyncDisposableStack.use`; `AsyncDisposableStack.defer` and `adopt` do wait.
#
# Seen (giving back takes 50 ms; then it fails):
#
#     v24.21.0: asyncDispose: given back, after the block; dispose: after the block, given back; stack.use: after the block, given back; stack.defer: given back, after the block
#     v24.21.0: asyncDispose fails: caught, 0; dispose fails: not caught, 1
#     v26.10.0: asyncDispose: given back, after the block; dispose: after the block, given back; stack.use: after the block, given back; stack.defer: given back, after the block
#     v26.10.0: asyncDispose fails: caught, 0; dispose fails: not caught, 1
#
# Succeeds while this is so. What to do instead: `[Symbol.asyncDispose]`, and no `[Symbol.dispose]` that returns a promise.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund node24@npm:node@24.21.0 node26@npm:node@26.10.0
cat > order.mjs << 'JS'
const look = async (name, block) => {
  const seen = []
  const release = async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    seen.push("given back")
  }
  await block(release)
  seen.push("after the block")
  await new Promise((resolve) => setTimeout(resolve, 200))
  return `${name}: ${seen.join(", ")}`
}
const all = [
  await look("asyncDispose", async (release) => {
    await using lock = { [Symbol.asyncDispose]: release }
  }),
  await look("dispose", async (release) => {
    await using lock = { [Symbol.dispose]: release }
  }),
  await look("stack.use", async (release) => {
    await using stack = new AsyncDisposableStack()
    stack.use({ [Symbol.dispose]: release })
  }),
  await look("stack.defer", async (release) => {
    await using stack = new AsyncDisposableStack()
    stack.defer(release)
  })
]
console.log(`${process.version}: ${all.join("; ")}`)
JS
cat > fails.mjs << 'JS'
const release = async () => {
  throw new Error("cannot give back")
}
try {
  await using lock = { [Symbol[process.argv[2]]]: release }
} catch {
  console.log("caught")
}
JS
fails() { # node kind
  local code=0
  local told
  told=$("$1" fails.mjs "$2" 2> /dev/null) || code=$?
  echo "${told:-not caught}, $code"
}
expected=$(for version in v24.21.0 v26.10.0; do
  echo "$version: asyncDispose: given back, after the block; dispose: after the block, given back; stack.use: after the block, given back; stack.defer: given back, after the block"
  echo "$version: asyncDispose fails: caught, 0; dispose fails: not caught, 1"
done)
seen=$(for name in node24 node26; do
  node=node_modules/$name/bin/node
  "$node" order.mjs
  echo "$("$node" --version): asyncDispose fails: $(fails "$node" asyncDispose); dispose fails: $(fails "$node" dispose)"
done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
