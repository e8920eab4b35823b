#!/usr/bin/env bash
# effect 4.1.0: a `HashRing` of three nodes gives 99 % of the keys "1" to "9999" to one of them, and none to another.
#
# Consistent hashing spreads keys over nodes, evenly but for some percent when each node has its 128 points on the ring, and
# whether keys are long or short does not matter: that is what the hash is for. Here it is the hash of Effect's own `HashMap`,
# which multiplies by 33: what is short has a small hash, near to that of its neighbours. All numbers of up to four digits lie
# between two points of the ring, or nearly so. Numbers from a database are the most common of keys, so that the first ten
# thousand users, tenants or orders of a service are at work on one node, however many there are. With six digits it is as one
# expects. The names of the nodes have the same effect, whatever the keys: those of one letter share them 78 to 2.
#
# Seen with Node 20 (how many of the keys each node has, in percent):
#
#     10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys 1 to 9999: 0, 1, 99
#     10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys 100000 to 199999: 40, 24, 36
#     10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys user-1 to user-9999: 38, 29, 33
#     a, b, c; keys user-1 to user-9999: 20, 78, 2
#
# Succeeds while this is so. What to do instead: give the ring the keys and the nodes' names after a hash of one's own
# (a SHA-256 in hex, for example).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { HashRing, PrimaryKey } from "effect"

const look = (names, prefix, from, to) => {
  const nodes = names.map((name) => ({ name, [PrimaryKey.symbol]: () => name }))
  const ring = HashRing.addMany(HashRing.make(), nodes)
  const counts = new Map(nodes.map((node) => [node, 0]))
  for (let i = from; i <= to; i++) {
    const node = HashRing.get(ring, `${prefix}${i}`)
    counts.set(node, counts.get(node) + 1)
  }
  const percent = [...counts.values()].map((count) => Math.round(100 * count / (to - from + 1)))
  console.log(`${names.join(", ")}; keys ${prefix}${from} to ${prefix}${to}: ${percent.join(", ")}`)
}
const servers = ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"]
look(servers, "", 1, 9999)
look(servers, "", 100000, 199999)
look(servers, "user-", 1, 9999)
look(["a", "b", "c"], "user-", 1, 9999)
JS
expected="10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys 1 to 9999: 0, 1, 99
10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys 100000 to 199999: 40, 24, 36
10.0.0.1:8080, 10.0.0.2:8080, 10.0.0.3:8080; keys user-1 to user-9999: 38, 29, 33
a, b, c; keys user-1 to user-9999: 20, 78, 2"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
