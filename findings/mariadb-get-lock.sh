#!/usr/bin/env bash
# MariaDB 10.11.19: GET_LOCK tells "Job" from "job", and does not wait at all when told to wait for ever.
#
# MariaDB's manual says that the name "is case insensitive for GET_LOCK() and related functions", and MySQL's that a
# negative timeout waits without end. So one expects "Job" and "job" to exclude each other, and -1 to wait. Here they are
# two locks, both held at once; and -1 gives NULL at once, which is neither 1 (taken) nor 0 (timed out), so that code made
# for MySQL that only asks for 0 goes on without the lock.
#
# Seen with mysql2 3.15.3, Node 20:
#
#     10.11.19-MariaDB: Job: 1, job beside it: 1
#     job once more: 0, and for ever: null
#
# Succeeds while this is so.
set -euo pipefail
command -v mariadbd > /dev/null || { echo "needs mariadbd (Debian's mariadb-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mysql2@3.15.3
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$(id -un)" --auth-root-authentication-method=normal > /dev/null 2>&1
mariadbd --no-defaults --datadir="$folder/data" --socket="$folder/socket" --skip-networking --user="$(id -un)" > log 2>&1 &
server=$!
for _ in {1..100}; do [[ -S socket ]] && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { createConnection } from "mysql2/promise"

const connect = () => createConnection({ socketPath: "socket", user: "root" })
const [first, second] = [await connect(), await connect()]
const ask = async (connection, text) => (await connection.query(`select ${text} as it`))[0][0].it
const version = /^[\d.]+-MariaDB/.exec(await ask(first, "version()"))[0]
console.log(`${version}: Job: ${await ask(first, "get_lock('Job', 0)")}, job beside it: ${await ask(second, "get_lock('job', 0)")}`)
const again = await ask(first, "get_lock('job', 0)")
const waited = new Promise((resolve) => setTimeout(resolve, 3000, "waits"))
console.log(`job once more: ${again}, and for ever: ${await Promise.race([ask(first, "get_lock('job', -1)"), waited])}`)
process.exit()
JS
seen=$(node try.mjs)
echo "$seen"
[[ ${seen#*: } == $'Job: 1, job beside it: 1\njob once more: 0, and for ever: null' ]] || { echo "changed"; exit 1; }
