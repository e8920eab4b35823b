#!/usr/bin/env bash
# RabbitMQ 3.10.8: a message that goes round between two queues by their times to live is dropped after one round, and nobody is told.
#
# A queue with `messageTtl` and `deadLetterExchange` is the way to delay a message without a plugin: it waits there and comes out
# at the other end. One expects to be able to build what comes again and again from two of them, or a retry in which a job that is not
# fetched in time makes way for others and comes back: round it goes, persistent, acknowledged to the publisher, in durable
# queues. RabbitMQ drops a message that comes to a queue where it has been before, unless a consumer has rejected it on the way:
# that is its guard against cycles, and neither the publisher's confirmation nor a return nor the log tells. So what goes
# round well while workers reject it vanishes on the day on which they are down.
#
# Seen with amqplib 2.3.1, Node 20 (half a second in `waiting`, half a second in `ready`, and so on):
#
#     a worker is there and rejects it: seen in ready after 2.2 s: yes, after 5.2 s: yes
#     no worker is there: in a queue after 0.2 s: 1, after 2.2 s: 0
#
# Succeeds while this is so. What to do instead: a consumer that publishes anew what comes out, and no time to live for what is ready.
set -euo pipefail
rabbitmq=/usr/lib/rabbitmq/bin/rabbitmq-server
[[ -x $rabbitmq ]] || { echo "needs rabbitmq-server (Debian's)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server"; kill "${names:-}"; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund amqplib@2.3.1
# Three at once, so that they differ.
ports=$(node -e 'const servers = [1, 2, 3].map(() => require("net").createServer().listen(0, "127.0.0.1"))
setTimeout(() => { console.log(...servers.map((server) => server.address().port)); process.exit() }, 100)')
export HOME=$folder ERL_EPMD_PORT ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_NODENAME=finding@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 \
  RABBITMQ_NODE_PORT RABBITMQ_DIST_PORT RABBITMQ_MNESIA_BASE=$folder/data RABBITMQ_LOG_BASE=$folder/log \
  RABBITMQ_ENABLED_PLUGINS_FILE=$folder/plugins RABBITMQ_CONFIG_FILE=$folder/none
read -r ERL_EPMD_PORT RABBITMQ_NODE_PORT RABBITMQ_DIST_PORT <<< "$ports"
epmd -port "$ERL_EPMD_PORT" -address 127.0.0.1 &
names=$!
"$rabbitmq" > out 2>&1 &
server=$!
for _ in $(seq 300); do (echo > "/dev/tcp/127.0.0.1/$RABBITMQ_NODE_PORT") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import amqplib from "amqplib"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const connection = await amqplib.connect(`amqp://127.0.0.1:${process.env.RABBITMQ_NODE_PORT}`)
const channel = await connection.createConfirmChannel()
const start = async (waiting, ready) => {
  for (const [queue, other] of [[waiting, ready], [ready, waiting]]) {
    await channel.assertQueue(queue, { durable: true, messageTtl: 500, deadLetterExchange: "", deadLetterRoutingKey: other })
  }
  channel.sendToQueue(waiting, Buffer.from("tick"), { persistent: true })
  await channel.waitForConfirms()
}
const count = async (queue) => (await channel.checkQueue(queue)).messageCount

await start("waiting", "ready")
let last = 0
const { consumerTag } = await channel.consume("ready", (message) => {
  last = Date.now()
  channel.nack(message, false, false)
})
const seen = () => Date.now() - last < 1500 ? "yes" : "no"
await sleep(2200)
const early = seen()
await sleep(3000)
console.log(`a worker is there and rejects it: seen in ready after 2.2 s: ${early}, after 5.2 s: ${seen()}`)
await channel.cancel(consumerTag)

await start("waiting 2", "ready 2")
const all = async () => await count("waiting 2") + await count("ready 2")
await sleep(200)
const before = await all()
await sleep(2000)
console.log(`no worker is there: in a queue after 0.2 s: ${before}, after 2.2 s: ${await all()}`)
await connection.close()
JS
expected="a worker is there and rejects it: seen in ready after 2.2 s: yes, after 5.2 s: yes
no worker is there: in a queue after 0.2 s: 1, after 2.2 s: 0"
seen=$(timeout 60 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
