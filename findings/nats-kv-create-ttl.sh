#!/usr/bin/env bash
# @nats-io/kv 3.4.0 with nats-server 2.9.10 (Debian 12): a key that is created with a time to live stays for ever, and nobody says so.
#
# `create(key, value, "1s")` makes a key that is not there, for a second: a lock of which a crashed holder is rid by itself.
# Servers have that since 2.11, and one expects an older one, which is what Debian has, to refuse it, or the client, which
# has been told the server's version and checks it for other things. But the time is a header of the message. A server that
# does not know it keeps it like any other, and answers as if all were well. So does the bucket that asks for `markerTTL`. The
# lock works in every test but that of a crash; then it is held until somebody deletes the key by hand. A bucket's own `ttl`, which
# is as old as buckets are, does work.
#
# Seen with nats-server 2.9.10, Node 20 (2.5 s after the key was created for 1 s):
#
#     create with 1s: revision 1; then: held by me; another one's create: wrong last sequence: 1
#     the same in a bucket with markerTTL: revision 1; then: held by me; another one's create: wrong last sequence: 1
#     in a bucket with a ttl of 1 s: revision 1; then: gone; another one's create: revision 2
#
# Succeeds while this is so. What to do instead: a bucket of its own with `ttl` for each length, or a check that
# `nc.info.version` is 2.11 at least.
set -euo pipefail
command -v nats-server > /dev/null || { echo "needs nats-server, older than 2.11"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @nats-io/kv@3.4.0 @nats-io/transport-node@3.4.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
nats-server -a 127.0.0.1 -p "$port" -js -sd "$folder/store" > log 2>&1 &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Kvm } from "@nats-io/kv"
import { connect } from "@nats-io/transport-node"

const connection = await connect({ servers: `127.0.0.1:${process.argv[2]}` })
const kvm = new Kvm(connection)
const said = (promise) => promise.then((revision) => `revision ${revision}`, (error) => error.message)
const look = async (words, bucket, options, ttl) => {
  const kv = await kvm.create(bucket, options)
  const created = await said(kv.create("lock", "me", ttl))
  await new Promise((resolve) => setTimeout(resolve, 2500))
  const entry = await kv.get("lock")
  const then = entry === null ? "gone" : `held by ${entry.string()}`
  console.log(`${words}: ${created}; then: ${then}; another one's create: ${await said(kv.create("lock", "you", ttl))}`)
}
await look("create with 1s", "one", {}, "1s")
await look("the same in a bucket with markerTTL", "two", { markerTTL: 1000 }, "1s")
await look("in a bucket with a ttl of 1 s", "three", { ttl: 1000 })
await connection.close()
JS
expected="create with 1s: revision 1; then: held by me; another one's create: wrong last sequence: 1
the same in a bucket with markerTTL: revision 1; then: held by me; another one's create: wrong last sequence: 1
in a bucket with a ttl of 1 s: revision 1; then: gone; another one's create: revision 2"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
