#!/usr/bin/env bash
# mosquitto 2.0.11: for a client that is away, 1000 messages are kept, all later ones are lost, and each publisher is told that all is well.
#
# QoS 1 is "at least once" and QoS 2 "exactly once": the broker answers when it has the message in its care, and a client with a
# session that is kept gets what it missed. One expects a message for which there is no room to be refused (MQTT 5 has "quota
# exceeded" for that), or the oldest to make way, as a receiver of states or prices would want it. Each message is acknowledged with
# "success"; what is kept is the first 1000, one cannot tell that there were more, and what comes next is newer than all that are missing.
# So after a long night the receiver ends up in a state of the evening before. `max_queued_messages` is the setting.
#
# Seen with mqtt 5.16.0, Node 20 (1500 messages while the receiver is away; then one more):
#
#     QoS 1: answered with success: 1500; received: 1000, from 1 to 1000, and then 1501
#     QoS 2: answered with success: 1500; received: 1000, from 1 to 1000, and then 1501
#
# Succeeds while this is so. What to do instead: `max_queued_messages 0` (no limit), or `retain` for what is a state.
set -euo pipefail
mosquitto=$(command -v mosquitto || ls /usr/sbin/mosquitto 2> /dev/null) || { echo "needs mosquitto"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund mqtt@5.16.0
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" > conf
"$mosquitto" -c conf > log 2>&1 &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import mqtt from "mqtt"

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const url = `mqtt://127.0.0.1:${process.argv[2]}`
for (const qos of [1, 2]) {
  const receiver = { protocolVersion: 5, clientId: `receiver ${qos}`, clean: false, properties: { sessionExpiryInterval: 3600 } }
  const before = await mqtt.connectAsync(url, receiver)
  await before.subscribeAsync(`states/${qos}`, { qos })
  await before.endAsync()

  const publisher = await mqtt.connectAsync(url, { protocolVersion: 5 })
  let success = 0
  publisher.on("packetreceive", (packet) => {
    if (packet.cmd === (qos === 1 ? "puback" : "pubcomp") && !packet.reasonCode) success++
  })
  const publish = (n) => publisher.publishAsync(`states/${qos}`, String(n), { qos })
  for (let n = 1; n <= 1500; n++) await publish(n)
  const told = success

  const received = []
  const after = mqtt.connect(url, receiver)
  after.on("message", (_, message) => received.push(Number(message.toString())))
  await sleep(3000)
  const [count, first, last] = [received.length, received[0], received.at(-1)]
  await publish(1501)
  await sleep(1000)
  console.log(
    `QoS ${qos}: answered with success: ${told}; received: ${count}, from ${first} to ${last}, and then ${received.at(-1)}`
  )
}
process.exit()
JS
expected="QoS 1: answered with success: 1500; received: 1000, from 1 to 1000, and then 1501
QoS 2: answered with success: 1500; received: 1000, from 1 to 1000, and then 1501"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
