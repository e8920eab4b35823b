#!/usr/bin/env bash
# @david.uhlir/mutex 1.2.10: who asks for a key is overtaken by all who ask for a key below it, and by readers, for as long as they come.
#
# `shop` and `shop/orders` exclude each other, `shop/orders` and `shop/mails` do not. "Internally all locks are sorted into queue, in
# order how it's arrived", and who is next is "driven by order in queue", readers going in together when they stand "in a row".
# So one expects who asks for `shop` to keep those out who come later, until it has had its turn. But each that comes is looked at
# by itself: if nothing that is at work is in its way, it goes in, past those who wait. Two tasks below that take turns, or
# two readers, keep out whoever wants the whole (a backup, a migration, a writer) as long as they are at work.
#
# Seen with Node 20 (the order in which they were let in; the second one was to wait for the first):
#
#     shop/orders, then shop, then shop/mails: shop/orders, shop/mails, shop
#     a reader, then a writer, then a reader: reader 1, reader 2, writer
#     shop, beside two tasks below it that take turns for two seconds: not let in
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @david.uhlir/mutex@1.2.10
cat > try.mjs << 'JS'
import module from "@david.uhlir/mutex"

const { SharedMutex } = module
SharedMutex.initialize()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const single = (key, work) => SharedMutex.lockSingleAccess(key, work)
const multi = (key, work) => SharedMutex.lockMultiAccess(key, work)

const look = async (words, calls) => {
  const order = []
  const all = []
  for (const [name, lock, key] of calls) {
    all.push(lock(key, async () => {
      order.push(name)
      await sleep(200)
    }))
    await sleep(50)
  }
  await Promise.all(all)
  console.log(`${words}: ${order.join(", ")}`)
}
await look("shop/orders, then shop, then shop/mails", [
  ["shop/orders", single, "shop/orders"],
  ["shop", single, "shop"],
  ["shop/mails", single, "shop/mails"]
])
await look("a reader, then a writer, then a reader", [
  ["reader 1", multi, "file"],
  ["writer", single, "file"],
  ["reader 2", multi, "file"]
])

let stopped = false
const turns = async (key) => {
  while (!stopped) await single(key, () => sleep(100))
}
const tasks = [turns("shop/orders")]
await sleep(50)
tasks.push(turns("shop/mails"))
let seen = "not let in"
const whole = single("shop", async () => {
  seen = "let in"
})
await sleep(2000)
console.log(`shop, beside two tasks below it that take turns for two seconds: ${seen}`)
stopped = true
await Promise.all([...tasks, whole])
process.exit()
JS
expected="shop/orders, then shop, then shop/mails: shop/orders, shop/mails, shop
a reader, then a writer, then a reader: reader 1, reader 2, writer
shop, beside two tasks below it that take turns for two seconds: not let in"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
