#!/usr/bin/env bash
# josk 5.0.0 with Redis: as long as one instance does not know a task, a task of each second runs once in a quarter of an hour, or not at all.
#
# JoSk is "for horizontally scaled" servers: the instances share their tasks by Redis or MongoDB, and one of them runs each when it is
# due. While a new version is rolled out, or where servers differ in what they do, one has a task that another one does not have. One
# expects those who have it to run it. But whoever finds it due first takes it, and puts it off by `zombieTime` (15 minutes, if
# nothing is set) before it looks whether it has it. If not, it is not run, nor given back; and so on each time. By default nothing
# is said of it either.
#
# Seen with redis-server 7.0.15, Node 24 (a task of each 100 ms, `zombieTime` is a minute; the other instance looks more often; 3 s):
#
#     alone: it ran, more than twice
#     with an instance that has the task: it ran, more than twice
#     with an instance that does not: it ran 0 times, and is due in more than 50 s
#
# Succeeds while this is so. What to do instead: another `prefix` of the adapter for each set of tasks, or a short `zombieTime`.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund josk@5.0.0 redis@4.7.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { JoSk, RedisAdapter } from "josk"
import { createClient } from "redis"

const client = await createClient({ socket: { host: "127.0.0.1", port: Number(process.argv[2]) } }).connect()
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const often = { minRevolvingDelay: 5, maxRevolvingDelay: 10 }
let rounds = 0
const seen = async (name, other) => {
  const prefix = `round${++rounds}`
  const make = (more) => new JoSk({ adapter: new RedisAdapter({ client, prefix }), zombieTime: 60_000, ...more })
  let runs = 0
  const task = async () => void runs++
  const instances = [make()]
  if (other !== "none") instances.push(make(often))
  if (other === "has it") await instances[1].setInterval(task, 100, "report")
  await instances[0].setInterval(task, 100, "report")
  await sleep(3000)
  for (const instance of instances) instance.destroy()
  let due = 0
  for await (const key of client.scanIterator({ MATCH: `*${prefix}*` })) {
    if (await client.type(key) === "hash") due = Number(await client.hGet(key, "executeAt")) - Date.now()
  }
  if (runs > 2) console.log(`${name}: it ran, more than twice`)
  else console.log(`${name}: it ran ${runs} times, and is due in ${due > 50_000 ? "more than 50 s" : `${due} ms`}`)
}
await seen("alone", "none")
await seen("with an instance that has the task", "has it")
await seen("with an instance that does not", "does not")
process.exit()
JS
expected="alone: it ran, more than twice
with an instance that has the task: it ran, more than twice
with an instance that does not: it ran 0 times, and is due in more than 50 s"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
