#!/usr/bin/env bash
# etcd3 1.1.2: a Lock object that two tasks share keeps its key for as long as the process lives.
#
# `client.lock("key")` looks like a mutex that is made once and used by all: whoever finds it taken gets
# EtcdLockFailedError, whoever has it releases it. But each `acquire` puts a new lease in the object's place, also one that
# is then refused. From then on `release` revokes the lease of the one who was refused, and resolves; the holder's lease is
# out of reach, is renewed in the background, and the key never becomes free.
#
# What to do instead: one Lock object for each acquisition.
#
# Seen with etcd 3.4.23, Node 20:
#
#     the first acquires: done
#     the second acquires: EtcdLockFailedError
#     the first releases: done
#     three times its 2 s later, it is held: true
#
# Succeeds while this is so.
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
const said = (promise) => promise.then(() => "done", (error) => error.constructor.name)
const lock = client.lock("key").ttl(2)

console.log("the first acquires:", await said(lock.acquire()))
console.log("the second acquires:", await said(lock.acquire()))
console.log("the first releases:", await said(lock.release()))
await new Promise((resolve) => setTimeout(resolve, 6000))
console.log("three times its 2 s later, it is held:", await client.get("key").exists())
process.exit()
JS
expected="the first acquires: done
the second acquires: EtcdLockFailedError
the first releases: done
three times its 2 s later, it is held: true"
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/${client##*:}") 2> /dev/null && break || sleep 0.1; done
seen=$(node try.mjs "$client")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
