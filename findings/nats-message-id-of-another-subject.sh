#!/usr/bin/env bash
# nats-server 2.9.10 and @nats-io/jetstream 3.4.0: a message on one subject is a duplicate of another subject's, and of what was purged.
#
# A message with an id (`Nats-Msg-Id`, `msgID` of the client) is stored once, for two minutes or the `duplicate_window` of the stream, so
# that a publisher who lost the reply may send it again. With the number of the order as the id, "created" and "paid" are published
# on two subjects, which makes them two messages, as a subject is what a message is told from others by. But ids are of the stream,
# whatever the subject: the second one is not stored. The publisher is told that all is well; that it was taken for a duplicate is a
# field of the answer, beside the number of the other message. So it is with another text, too. And the ids outlive the messages: what
# was purged from the stream cannot be published again; the stream stays empty.
#
# Seen with nats-server 2.9.10, Node 20:
#
#     order.created, id 42: stored as 1
#     order.paid, id 42: taken for 1
#     in the stream: order.created
#     after a purge, order.created, id 42: taken for 1
#     in the stream: nothing
#
# Succeeds while this is so. What to do instead: the subject in the id, and a look at `duplicate` of the answer.
set -euo pipefail
command -v nats-server > /dev/null || { echo "needs nats-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @nats-io/jetstream@3.4.0 @nats-io/transport-node@3.4.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
nats-server -a 127.0.0.1 -p "$port" -js -sd "$folder/store" > log 2>&1 &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { jetstream, jetstreamManager } from "@nats-io/jetstream"
import { connect } from "@nats-io/transport-node"

const connection = await connect({ servers: `127.0.0.1:${process.argv[2]}` })
const manager = await jetstreamManager(connection)
await manager.streams.add({ name: "orders", subjects: ["order.*"] })
const publish = async (words, subject) => {
  const answer = await jetstream(connection).publish(subject, "", { msgID: "42" })
  console.log(`${words}: ${answer.duplicate ? "taken for" : "stored as"} ${answer.seq}`)
}
const look = async () => {
  const { state } = await manager.streams.info("orders", { subjects_filter: ">" })
  console.log("in the stream:", Object.keys(state.subjects ?? {}).join(", ") || "nothing")
}
await publish("order.created, id 42", "order.created")
await publish("order.paid, id 42", "order.paid")
await look()
await manager.streams.purge("orders")
await publish("after a purge, order.created, id 42", "order.created")
await look()
await connection.close()
JS
expected="order.created, id 42: stored as 1
order.paid, id 42: taken for 1
in the stream: order.created
after a purge, order.created, id 42: taken for 1
in the stream: nothing"
seen=$(timeout 60 node try.mjs "$port") || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
