#!/usr/bin/env bash
# sequelize 6.37.8: a transaction that was committed is rejected, if something that is to be done after the commit fails.
#
# `transaction.afterCommit(work)` is for what must not be done before all is saved, such as telling another service. One expects a
# failure of that to be its own matter, and a rejected `sequelize.transaction(...)` to have saved nothing: "if the promise is
# rejected, the transaction is rolled back", and whoever tries it again relies on it. But the callbacks are awaited by the same promise, and
# their failure is its failure. So a service that is down for a moment makes an order be saved once for each try, and the last
# error tells that none was. The callbacks that come after the failed one are not called.
#
# Seen with pg 8.23.1, PostgreSQL 15.18, Node 20 (tried up to three times; the call after the commit fails, another would come after it):
#
#     it ended with: the service is down; orders: 3, called after the commit: 3 times the first, 0 times the second
#
# Succeeds while this is so. What to do instead: `afterCommit(() => work().catch(...))`, or the call after the transaction.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund sequelize@6.37.8 pg@8.23.1
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
cat > try.mjs << 'JS'
import { DataTypes, Sequelize } from "sequelize"

const options = { dialect: "postgres", host: process.cwd(), username: "postgres", database: "postgres", logging: false }
const sequelize = new Sequelize(options)
const Order = sequelize.define("order", {})
await sequelize.sync()

const called = [0, 0]
const order = () =>
  sequelize.transaction(async (transaction) => {
    await Order.create({}, { transaction })
    transaction.afterCommit(async () => {
      called[0]++
      throw new Error("the service is down")
    })
    transaction.afterCommit(() => void called[1]++)
  })
let ended
for (let tries = 0; tries < 3 && ended !== "well"; tries++) {
  ended = await order().then(() => "well", (error) => error.message)
}
const calls = `${called[0]} times the first, ${called[1]} times the second`
console.log(`it ended with: ${ended}; orders: ${await Order.count()}, called after the commit: ${calls}`)
process.exit()
JS
expected="it ended with: the service is down; orders: 3, called after the commit: 3 times the first, 0 times the second"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
