#!/usr/bin/env bash
# Bun 1.4.5, `RedisClient` with `idleTimeout`: a client that was idle never connects again, and one that waits counts as idle.
#
# Clients close connections that nobody uses and open one when they are used next; and this one has `autoReconnect`, which is
# on, and does connect again when the server ends the connection. So one expects `idleTimeout` to cost a handshake. But
# the client that closed for being idle is closed for good: each command after that fails with "Connection has failed", until
# somebody calls `connect()`. Nor is "idle" what one takes it for: a command that waits for its answer does not count, so that
# a BLPOP of two seconds ends in an error after half a second, and a slow server looks like one that is gone.
#
# Seen with redis-server 7.0.15 (`idleTimeout: 500`):
#
#     after the server ended the connection: PONG
#     after 1.5 s without use: Connection has failed; Connection has failed
#     after connect(): PONG
#     a BLPOP of 2 s: Idle timeout reached after 500ms
#
# Succeeds while this is so.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts bun@1.4.5
node node_modules/bun/install.js > /dev/null 2>&1
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.ts << 'TS'
import { RedisClient } from "bun"

const url = `redis://127.0.0.1:${process.argv[2]}`
const ping = (client: RedisClient) => client.send("PING", []).catch((error) => error.message)
const admin = new RedisClient(url)

const client = new RedisClient(url, { idleTimeout: 500 })
await ping(client)
await admin.send("CLIENT", ["KILL", "TYPE", "normal", "SKIPME", "yes"])
await Bun.sleep(200)
console.log(`after the server ended the connection: ${await ping(client)}`)

await Bun.sleep(1500)
const first = await ping(client)
await Bun.sleep(1500)
console.log(`after 1.5 s without use: ${first}; ${await ping(client)}`)
await client.connect()
console.log(`after connect(): ${await ping(client)}`)

const waits = new RedisClient(url, { idleTimeout: 500 })
console.log(`a BLPOP of 2 s: ${await waits.send("BLPOP", ["none", "2"]).catch((error) => error.message)}`)
process.exit()
TS
expected="after the server ended the connection: PONG
after 1.5 s without use: Connection has failed; Connection has failed
after connect(): PONG
a BLPOP of 2 s: Idle timeout reached after 500ms"
seen=$(npx bun try.ts "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
