#!/usr/bin/env bash
# broadcast-channel 7.4.0: with Node 24 every process is the leader, with Node 20 one is.
#
# The channel joins tabs, or processes of Node, and its leader election is to make one of them the leader. On Node 20 that is
# so. Where there is a `navigator.locks`, the election takes that instead of asking the others, which is right in a browser,
# where all tabs share the locks. Node 24 has one too, but there it is the process's own: each process gets the lock, though the
# channel still reaches the others. So what is to run once runs in each of them, after nothing but an update of Node;
# `onduplicate`, which tells of a second leader, does nothing in this way of electing, and `hasLeader` is true everywhere.
#
# Seen with Node 20.20.2 and 24.21.0 (three processes, which are told 1 message each by the two others):
#
#     v20.20.2: 3 processes, heard 2 each, leaders: 1
#     v24.21.0: 3 processes, heard 2 each, leaders: 3
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund broadcast-channel@7.4.0
cat > try.mjs << 'JS'
import { BroadcastChannel, createLeaderElection } from "broadcast-channel"
import { fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

if (process.send === undefined) {
  const children = [0, 1, 2].map(() => fork(fileURLToPath(import.meta.url), ["child"]))
  // All are there before anybody stands for election, and one after another does.
  const next = (child) => once(child, "message").then(([message]) => message)
  await Promise.all(children.map(next))
  for (const child of children) {
    const stood = next(child)
    child.send("stand")
    await stood
  }
  const ends = children.map(next)
  for (const child of children) child.send("end")
  const seen = await Promise.all(ends)
  const heard = new Set(seen.map((it) => it.heard))
  console.log(
    `${process.version}: 3 processes, heard ${[...heard].join(" or ")} each, leaders: ${seen.filter((it) => it.leads).length}`
  )
  for (const child of children) child.kill()
} else {
  const channel = new BroadcastChannel("jobs")
  let heard = 0
  channel.addEventListener("message", () => heard++)
  const elector = createLeaderElection(channel)
  process.on("message", async (message) => {
    if (message === "stand") {
      elector.awaitLeadership()
      await new Promise((resolve) => setTimeout(resolve, 8000))
      await channel.postMessage("hello")
      process.send("stood")
    } else {
      await new Promise((resolve) => setTimeout(resolve, 3000))
      process.send({ heard, leads: elector.isLeader })
    }
  })
  await new Promise((resolve) => setTimeout(resolve, 2000))
  process.send("ready")
}
JS
expected="v20.20.2: 3 processes, heard 2 each, leaders: 1
v24.21.0: 3 processes, heard 2 each, leaders: 3"
seen=$(for version in 20.20.2 24.21.0; do npx --yes --package node@$version node try.mjs; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
