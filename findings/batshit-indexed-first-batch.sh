#!/usr/bin/env bash
# @yornaath/batshit 0.14.0: with `indexed: true`, all that is asked after the first batch is answered from the first batch.
#
# A batcher gathers what is asked within a few milliseconds into one request, and `keyResolver("id", { indexed: true })` finds each one's answer by
# an index instead of by a search, for large batches. One expects it to be the same but faster. But the index is made of the first batch
# that ever came, and kept: the second batch is fetched, and nobody looks into it. Who was in the first is answered as it was then, and who
# was not does not exist. Tests with one batch are content.
#
# Seen with Node 24 (users 1 and 2 are asked for; user 1 is renamed; then 1 and 3 are asked for):
#
#     keyResolver: 1 is Ann, 2 is Bob; then 1 is Anna, 3 is Cid; 2 requests
#     keyResolver, indexed: 1 is Ann, 2 is Bob; then 1 is Ann, 3 is nobody; 2 requests
#     indexedResolver: 1 is Ann, 2 is Bob; then 1 is Anna, 3 is Cid; 2 requests
#
# Succeeds while this is so. What to do instead: `indexedResolver` and a fetcher that answers with a record.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @yornaath/batshit@0.14.0
cat > try.mjs << 'JS'
import { create, indexedResolver, keyResolver, windowScheduler } from "@yornaath/batshit"

const ways = {
  keyResolver: { resolver: keyResolver("id"), answer: (users) => users },
  "keyResolver, indexed": { resolver: keyResolver("id", { indexed: true }), answer: (users) => users },
  indexedResolver: { resolver: indexedResolver(), answer: (users) => Object.fromEntries(users.map((user) => [user.id, user])) }
}
for (const [name, { answer, resolver }] of Object.entries(ways)) {
  const names = { 1: "Ann", 2: "Bob", 3: "Cid" }
  let requests = 0
  const users = create({
    scheduler: windowScheduler(10),
    resolver,
    fetcher: async (ids) => {
      requests++
      return answer(ids.map((id) => ({ id, name: names[id] })))
    }
  })
  const asked = async (...ids) => {
    const found = await Promise.all(ids.map((id) => users.fetch(id)))
    return ids.map((id, index) => `${id} is ${found[index]?.name ?? "nobody"}`).join(", ")
  }
  const first = await asked(1, 2)
  names[1] = "Anna"
  console.log(`${name}: ${first}; then ${await asked(1, 3)}; ${requests} requests`)
}
JS
expected="keyResolver: 1 is Ann, 2 is Bob; then 1 is Anna, 3 is Cid; 2 requests
keyResolver, indexed: 1 is Ann, 2 is Bob; then 1 is Ann, 3 is nobody; 2 requests
indexedResolver: 1 is Ann, 2 is Bob; then 1 is Anna, 3 is Cid; 2 requests"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
