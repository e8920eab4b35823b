#!/usr/bin/env bash
# amqp-connection-manager 5.0.0: a job that is done after a reconnect acknowledges another job, which then fails and is lost.
#
# The library connects anew and goes on consuming by itself. A job that was under way when the connection broke is given to somebody
# else by RabbitMQ, and one expects its `ack`, which comes too late, to be ignored or refused, as amqplib does for a channel that
# is closed. But `channelWrapper.ack(message)` goes to whatever channel there is now, and the number of a message is counted
# for each channel from 1. So it acknowledges the first job that came after the reconnect, while that is being done. If it then
# fails, its `nack` meets "unknown delivery tag", which closes the channel, and nobody is ever given that job again.
#
# Seen with amqplib 2.3.1, RabbitMQ 3.10.8, Node 20 (A is given to another worker when the connection is cut; B comes after that):
#
#     amqp-connection-manager: begins A, the connection is cut, begins B, has done A, B fails; B is then: gone
#     amqplib: begins A, the connection is cut, begins B, cannot say that it has done A: Channel closed, B fails, begins B again;
#     B is then: in the queue
#
# Succeeds while this is so. What to do instead: `addSetup((channel) => channel.consume(...))`, and `ack` on that very channel.
set -euo pipefail
rabbitmq=/usr/lib/rabbitmq/bin/rabbitmq-server
[[ -x $rabbitmq ]] || { echo "needs rabbitmq-server (Debian's)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server"; kill "${names:-}"; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund amqp-connection-manager@5.0.0 amqplib@2.3.1
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
import amqp from "amqp-connection-manager"
import amqplib from "amqplib"
import { connect, createServer } from "node:net"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const server = `amqp://127.0.0.1:${process.env.RABBITMQ_NODE_PORT}`

// A way to the server that can be cut.
const sockets = new Set()
const way = createServer((near) => {
  const far = connect(Number(process.env.RABBITMQ_NODE_PORT), "127.0.0.1")
  for (const socket of [near, far]) {
    sockets.add(socket.on("error", () => {}).on("close", () => (near.destroy(), far.destroy())))
  }
  near.pipe(far).pipe(near)
})
await new Promise((resolve) => way.listen(0, "127.0.0.1", resolve))
const throughWay = `amqp://127.0.0.1:${way.address().port}`

const look = async (name, consume) => {
  const log = []
  const admin = await amqplib.connect(server)
  const channel = await admin.createChannel()
  await channel.deleteQueue("jobs")
  await channel.assertQueue("jobs", { durable: true })
  const say = (job) => channel.sendToQueue("jobs", Buffer.from(job), { persistent: true })
  let finishA, failB
  const [finishedA, failedB] = [new Promise((resolve) => finishA = resolve), new Promise((resolve) => failB = resolve)]
  const stop = await consume(async (message, channel) => {
    const job = message.content.toString()
    if (log.includes("B fails")) return void log.push("begins B again")
    log.push(`begins ${job}`)
    await (job === "A" ? finishedA : failedB)
    try {
      if (job === "A") channel.ack(message)
      else channel.nack(message)
      log.push(job === "A" ? "has done A" : "B fails")
    } catch (error) {
      log.push(`cannot say that it has done A: ${error.message}`)
    }
  })
  say("A")
  await sleep(500)
  // Another worker, which is at work on A from the moment at which the connection breaks.
  const other = await admin.createChannel()
  await other.prefetch(1)
  await other.consume("jobs", () => {})
  log.push("the connection is cut")
  for (const socket of sockets) socket.destroy()
  await sleep(1500)
  say("B")
  await sleep(500)
  finishA()
  await sleep(500)
  failB()
  await sleep(500)
  await stop()
  await sleep(500)
  const { messageCount } = await channel.checkQueue("jobs")
  console.log(`${name}: ${log.join(", ")}; B is then: ${messageCount === 1 ? "in the queue" : "gone"}`)
  await admin.close()
}
await look("amqp-connection-manager", async (work) => {
  const connection = amqp.connect([throughWay], { reconnectTimeInSeconds: 0.2 })
  const channel = connection.createChannel({ setup: (channel) => channel.prefetch(1) })
  await channel.consume("jobs", (message) => work(message, channel), { noAck: false })
  return () => connection.close()
})
await look("amqplib", async (work) => {
  let connection
  const consume = async () => {
    connection = await amqplib.connect(throughWay)
    connection.on("error", () => {}).on("close", () => setTimeout(consume, 200))
    const channel = await connection.createChannel()
    await channel.prefetch(1)
    await channel.consume("jobs", (message) => work(message, channel))
  }
  await consume()
  return () => connection.removeAllListeners("close").close()
})
process.exit()
JS
expected="amqp-connection-manager: begins A, the connection is cut, begins B, has done A, B fails; B is then: gone
amqplib: begins A, the connection is cut, begins B, cannot say that it has done A: Channel closed, B fails, begins B again; B is then: in the queue"
seen=$(timeout 60 node try.mjs) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
