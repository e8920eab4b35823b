#!/usr/bin/env bash
# etcd3 1.1.2: a candidate that lost its lease while it waited, and was told so, is "elected" when its turn would have come.
#
# `error` of a campaign means that it has failed: the README says to stop all work of a leader then, and to begin a new campaign.
# One expects no more of the old one. But only `resign()` ends it; a lease that is lost does not. It goes on waiting for the
# candidate before it, and when that one goes, it finds nobody before it, does not look for its own key, which the server has
# removed with the lease, and says `elected`. By then others have come, one of whom the server has elected. So a process that was
# stopped for longer than its time to live, once, while it waited (a laptop that sleeps, a machine that is moved), leads beside the
# leader, perhaps days later, and nothing ends that, as it has no lease that could be lost.
#
# Seen with etcd 3.4.23, Node 20 (leases of 2 s; "second" is a process that is stopped for 6 s while it waits):
#
#     first: elected
#     second: error, EtcdLeaseInvalidError
#     third begins to wait
#     first resigns
#     second: elected
#     third: elected
#     the leader, says etcd: third; candidates: third
#
# Succeeds while this is so. What to do instead: `campaign.resign()` in the handler of `error`.
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
cat > candidate.mjs << 'JS'
import { Etcd3 } from "etcd3"

const campaign = new Etcd3({ hosts: process.argv[2] }).election("work", 2).campaign("second")
campaign.on("elected", () => process.send("elected"))
campaign.on("error", (error) => process.send(`error, ${error.constructor.name}`))
process.on("disconnect", () => process.exit())
JS
cat > try.mjs << 'JS'
import { fork } from "node:child_process"
import { Etcd3 } from "etcd3"

const hosts = process.argv[2]
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const client = new Etcd3({ hosts })
const election = client.election("work", 2)
const candidates = () => client.getAll().prefix("election/work/").strings().then(Object.values)
const until = async (condition) => {
  while (!condition(await candidates())) await sleep(50)
}

const first = election.campaign("first")
await first.wait()
console.log("first: elected")
const second = fork("candidate.mjs", [hosts])
await until((names) => names.includes("second"))
// The process stands still for longer than its lease.
await sleep(1000)
second.kill("SIGSTOP")
await until((names) => !names.includes("second"))
await sleep(3000)
const said = []
second.on("message", (words) => said.push(words))
second.kill("SIGCONT")
while (said.length === 0) await sleep(50)
console.log(`second: ${said[0]}`)
// Whatever else it has to say about the lease that it lost.
await sleep(3000)

const third = election.campaign("third")
await until((names) => names.includes("third"))
console.log("third begins to wait")
console.log("first resigns")
const elected = third.wait()
await first.resign()
await elected
while (!said.includes("elected")) await sleep(50)
console.log("second: elected")
console.log("third: elected")
console.log(`the leader, says etcd: ${await election.leader()}; candidates: ${await candidates()}`)
second.kill("SIGKILL")
process.exit()
JS
expected="first: elected
second: error, EtcdLeaseInvalidError
third begins to wait
first resigns
second: elected
third: elected
the leader, says etcd: third; candidates: third"
for _ in {1..50}; do (exec 3<> "/dev/tcp/127.0.0.1/${client##*:}") 2> /dev/null && break || sleep 0.1; done
seen=$(timeout 60 node try.mjs "$client") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
