#!/usr/bin/env bash
# PgBouncer 1.18.0 in transaction mode: what was notified goes to a client that never listened, and not to the one that did.
#
# In transaction mode LISTEN is known not to work: it is answered, and one expects nothing to come of it, so that a program which falls
# back to asking now and then is safe, if slow. But the server's session does listen from there on, for whoever is connected to
# it when a notification comes: it is sent to a client that has another query under way. A client that reacts to what it hears
# without looking at the channel (wake all who wait, read the configuration anew, log an error of a channel it does not know) does
# so for others; one that wakes by it hears nothing, ever. And `processID`, which one takes for the session's, belongs to
# no session, so that `pg_terminate_backend` of it does nothing: the keys that the protocol gives for cancelling are PgBouncer's own.
#
# Seen with PostgreSQL 15.18, pg 8.23.1, Node 20 (a pool of one; the first client listens, the second one asks for something else):
#
#     notified while nobody is at work: the first heard nothing, the second heard nothing
#     notified while the second is at work: the first heard nothing, the second heard "jobs: 2"
#     the first's processID is that of its session: false; a session ended by it: false
#
# Succeeds while this is so. What to do instead: a connection past PgBouncer, or of a pool in session mode, for LISTEN.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }
bouncer=$(PATH=$PATH:/usr/sbin command -v pgbouncer) || { echo "needs pgbouncer"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${pooler:-}" "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund pg@8.23.1
# Neither runs as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
cat > pgbouncer.ini << INI
[databases]
postgres = host=$folder dbname=postgres user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
INI
chmod a+r pgbouncer.ini
"${as[@]}" "$bouncer" "$folder/pgbouncer.ini" > pooler.log 2>&1 &
pooler=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import pg from "pg"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const connect = async (host, port) => {
  const client = new pg.Client({ host, port, user: "postgres", database: "postgres" })
  await client.connect()
  return client
}
const direct = await connect(process.cwd(), 5432)
const first = await connect("127.0.0.1", Number(process.argv[2]))
const second = await connect("127.0.0.1", Number(process.argv[2]))
const heard = new Map([[first, "nothing"], [second, "nothing"]])
for (const client of heard.keys()) {
  client.on("notification", ({ channel, payload }) => heard.set(client, `"${channel}: ${payload}"`))
}
const say = (when) =>
  console.log(`notified ${when}: the first heard ${heard.get(first)}, the second heard ${heard.get(second)}`)

await first.query("LISTEN jobs")
await direct.query("NOTIFY jobs, '1'")
await sleep(500)
say("while nobody is at work")
const query = second.query("SELECT pg_sleep(1)")
await sleep(300)
await direct.query("NOTIFY jobs, '2'")
await query
await first.query("SELECT 1")
await sleep(300)
say("while the second is at work")
const { rows: [{ pid }] } = await first.query("SELECT pg_backend_pid() AS pid")
const { rows: [{ ended }] } = await direct.query("SELECT pg_terminate_backend($1) AS ended", [first.processID])
console.log(`the first's processID is that of its session: ${pid === first.processID}; a session ended by it: ${ended}`)
process.exit()
JS
expected="notified while nobody is at work: the first heard nothing, the second heard nothing
notified while the second is at work: the first heard nothing, the second heard \"jobs: 2\"
the first's processID is that of its session: false; a session ended by it: false"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
