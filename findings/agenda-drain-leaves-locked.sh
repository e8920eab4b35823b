#!/usr/bin/env bash
# agenda 6.2.6: `drain` starts jobs that had not begun, or leaves them locked, so that nobody runs them for ten minutes.
#
# `drain` is for a shutdown in which "in-progress jobs finish their work", and is said to accept no new ones. A process locks
# more jobs than it runs, and one expects those that have not begun to be given back, as `stop` does. But they are forgotten:
# with one at a time, `drain` ends after the job that runs, and the others stay locked by a process that is gone, until
# `lockLifetime` is over (10 minutes unless set). With two at a time they are not refused either: whenever one of the two ends,
# the next one is begun, so that a shutdown takes as long as all that was locked.
#
# Seen with redis-server 7.0.15, @agendajs/redis-backend 3.0.7, Node 20 (six jobs; another process comes later, for 7 s):
#
#     stop, 1 at a time: 1 begun here, 5 by the other
#     drain, 1 at a time: 1 begun here, 0 by the other
#     stop, 2 at a time: 2 begun here, 4 by the other
#     drain, 2 at a time: more than 2 begun here, 0 by the other
#
# Succeeds while this is so. What to do instead: a `lockLimit` as high as `concurrency`.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund agenda@6.2.6 @agendajs/redis-backend@3.0.7
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { RedisBackend } from "@agendajs/redis-backend"
import { Agenda } from "agenda"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const connectionString = `redis://127.0.0.1:${process.argv[2]}`

for (const concurrency of [1, 2]) {
  for (const end of ["stop", "drain"]) {
    const begun = { here: 0, there: 0 }
    const start = async (where) => {
      const backend = new RedisBackend({ connectionString, keyPrefix: `${end}-${concurrency}:` })
      const agenda = new Agenda({ backend, processEvery: 200 })
      // Of the two that run, one takes longer.
      agenda.define("mail", (job) => (begun[where]++, sleep(job.attrs.data.i % 2 ? 1000 : 600)), { concurrency })
      await agenda.start()
      return agenda
    }
    const here = await start("here")
    for (let i = 0; i < 6; i++) await here.now("mail", { i })
    while (begun.here < concurrency) await sleep(20)
    await sleep(400)
    await here[end]()
    // What runs may end.
    await sleep(1500)
    const there = await start("there")
    await sleep(7000)
    const more = begun.here > concurrency ? `more than ${concurrency}` : begun.here
    console.log(`${end}, ${concurrency} at a time: ${more} begun here, ${begun.there} by the other`)
    await there.stop()
  }
}
process.exit()
JS
expected="stop, 1 at a time: 1 begun here, 5 by the other
drain, 1 at a time: 1 begun here, 0 by the other
stop, 2 at a time: 2 begun here, 4 by the other
drain, 2 at a time: more than 2 begun here, 0 by the other"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
