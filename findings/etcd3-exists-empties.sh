#!/usr/bin/env bash
# etcd3 1.1.2: in a transaction, a value whose `exists()` was asked for reads as empty, and so a counter begins again at 1.
#
# `client.stm().transact` is for "read, think, write": what is read is looked at again at the commit, and all is done anew if it has
# changed. A read of a key that was read before is answered from memory, so that one transaction sees one state. But `exists()`
# asks the server for the key without its value, and that answer is what every later read of the key is given: `string()` is "",
# `number()` is 0, and `json()` throws. Nothing fails: the revision is right, so the commit goes through, and what was there
# is written over. Outside of a transaction the same lines read the value.
#
# Seen with etcd 3.4.23, Node 20 (41 is counted up):
#
#     without exists(): 42
#     with exists() before: 1
#     the same outside of a transaction: 42
#
# Succeeds while this is so. What to do instead: read the value, which is null where there is none.
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund etcd3@1.1.2
free() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }
client=http://127.0.0.1:$(free)
peer=http://127.0.0.1:$(free)
etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
  --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" > etcd.log 2>&1 &
server=$!
cat > try.mjs << 'JS'
import { Etcd3 } from "etcd3"

const client = new Etcd3({ hosts: process.argv[2] })
const plain = async (store) => {
  const before = await store.get("count").number()
  await store.put("count").value((before ?? 0) + 1)
}
const careful = async (store) => {
  const before = await store.get("count").exists() ? await store.get("count").number() : 0
  await store.put("count").value(before + 1)
}
const look = async (words, work) => {
  await client.put("count").value(41)
  await work()
  console.log(`${words}: ${await client.get("count").string()}`)
}
await look("without exists()", () => client.stm().transact(plain))
await look("with exists() before", () => client.stm().transact(careful))
await look("the same outside of a transaction", () => careful(client))
process.exit()
JS
expected="without exists(): 42
with exists() before: 1
the same outside of a transaction: 42"
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/${client##*:}") 2> /dev/null && break || sleep 0.1; done
seen=$(timeout 60 node try.mjs "$client") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
