#!/usr/bin/env bash
# @sesamecare-oss/redlock 1.4.0 with ioredis 5.11.1: locks are in database 0, whichever database the client was connected to.
#
# A client that is given `db: 3` works in database 3, whatever library is put on top of it, and that is how staging and
# production, or tenants, that share a server are kept apart. But the scripts of this lock select a database themselves, by an
# option `db` of their own, which is 0 where it is not set. So those who have a database each keep each other out, and who
# looks for a lock in his own database finds none. `redlock`, of which this is a fork with the same interface, uses the
# client's, so while a program moves from the one to the other, old and new processes hold a lock at once.
#
# Seen with redis-server 7.0.15, Node 20 (a client with `db: 3` holds the lock):
#
#     redlock 5.0.0-beta.2: keys in database 0: 0, in 3: 1; a client with db: 4 has it as well: true
#     @sesamecare-oss/redlock: keys in database 0: 1, in 3: 0; a client with db: 4 has it as well: false
#     redlock has it in db: 3, and so has @sesamecare-oss/redlock: true
#
# Succeeds while this is so. What to do instead: give the number to both, to the client and to the lock.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @sesamecare-oss/redlock@1.4.0 redlock@5.0.0-beta.2 ioredis@5.11.1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.cjs << 'JS'
const { Redis } = require("ioredis")
const Original = require("redlock").default
const Fork = require("@sesamecare-oss/redlock").Redlock

const port = Number(process.argv[2])
const client = (db) => new Redis({ port, db })
const take = (Redlock, db) =>
  new Redlock([client(db)], { retryCount: 0 }).acquire(["report"], 20_000).then(() => true, () => false)

const main = async () => {
  for (const [name, Redlock] of [["redlock 5.0.0-beta.2", Original], ["@sesamecare-oss/redlock", Fork]]) {
    await client(0).flushall()
    await take(Redlock, 3)
    const found = [await client(0).dbsize(), await client(3).dbsize()]
    const another = await take(Redlock, 4)
    console.log(`${name}: keys in database 0: ${found[0]}, in 3: ${found[1]}; a client with db: 4 has it as well: ${another}`)
  }
  await client(0).flushall()
  await take(Original, 3)
  console.log(`redlock has it in db: 3, and so has @sesamecare-oss/redlock: ${await take(Fork, 3)}`)
  process.exit()
}
main()
JS
expected="redlock 5.0.0-beta.2: keys in database 0: 0, in 3: 1; a client with db: 4 has it as well: true
@sesamecare-oss/redlock: keys in database 0: 1, in 3: 0; a client with db: 4 has it as well: false
redlock has it in db: 3, and so has @sesamecare-oss/redlock: true"
seen=$(node try.cjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
