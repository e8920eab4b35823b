#!/usr/bin/env bash
# etcd 3.4.23: a lock "jobs" waits for whoever holds a lock "jobs/eu", and the leader of "jobs/eu" is the leader of "jobs".
#
# The name of a lock is a name, and one expects two locks of different names to have nothing to do with each other. But a lock is a
# queue of keys below "NAME/", and whoever has the oldest key there is the holder; a key of the lock "NAME/MORE" is below "NAME/" as
# well. So names with slashes, which are how keys of etcd are mostly named, make a lock wait for all that are below it. It is no
# lock of a tree, as it goes one way only: whoever holds "jobs" keeps nobody from "jobs/eu", beside it. Elections are made alike:
# asked who leads "jobs", the server names a candidate of "jobs/eu". `etcdctl lock`, `etcdctl elect` and the official client
# in Go do the same.
#
# Seen with etcd 3.4.23, Node 20 (its own services for locks and elections):
#
#     jobs/eu is free: taken
#     jobs, while jobs/eu is held: waits
#     when jobs/eu was released: taken
#     jobs/eu, while jobs is held: taken
#     one campaigns for jobs/eu: elected
#     the leader of jobs: the one of eu
#     another campaigns for jobs: waits
#
# Succeeds while this is so. What to do instead: names without slashes, or none that is another one's beginning.
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
free() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }
client=http://127.0.0.1:$(free)
peer=http://127.0.0.1:$(free)
etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
  --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" > etcd.log 2>&1 &
server=$!
cat > try.mjs << 'JS'
// The server's interface for JSON, in which names and values are in base 64.
const as64 = (text) => Buffer.from(text).toString("base64")
const call = async (path, body) => {
  const response = await fetch(`${process.argv[2]}/v3/${path}`, { method: "POST", body: JSON.stringify(body) })
  return response.json()
}
const lease = async () => (await call("lease/grant", { TTL: 60 })).ID
const soon = (promise, words) =>
  Promise.race([promise.then(() => words), new Promise((resolve) => setTimeout(resolve, 2000, "waits"))])

const lock = async (name) => call("lock/lock", { name: as64(name), lease: await lease() })
const eu = lock("jobs/eu")
console.log("jobs/eu is free:", await soon(eu, "taken"))
const jobs = lock("jobs")
console.log("jobs, while jobs/eu is held:", await soon(jobs, "taken"))
await call("lock/unlock", { key: (await eu).key })
console.log("when jobs/eu was released:", await soon(jobs, "taken"))
console.log("jobs/eu, while jobs is held:", await soon(lock("jobs/eu"), "taken"))
const before = await call("kv/range", { key: as64("jobs/"), range_end: as64("jobs0") })
for (const { lease } of before.kvs) await call("lease/revoke", { ID: lease })

const campaign = async (name, value) =>
  call("election/campaign", { name: as64(name), value: as64(value), lease: await lease() })
console.log("one campaigns for jobs/eu:", await soon(campaign("jobs/eu", "the one of eu"), "elected"))
const leader = await call("election/leader", { name: as64("jobs") })
console.log("the leader of jobs:", Buffer.from(leader.kv.value, "base64").toString())
console.log("another campaigns for jobs:", await soon(campaign("jobs", "another"), "elected"))
process.exit()
JS
expected="jobs/eu is free: taken
jobs, while jobs/eu is held: waits
when jobs/eu was released: taken
jobs/eu, while jobs is held: taken
one campaigns for jobs/eu: elected
the leader of jobs: the one of eu
another campaigns for jobs: waits"
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/${client##*:}") 2> /dev/null && break || sleep 0.1; done
seen=$(timeout 60 node try.mjs "$client") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
