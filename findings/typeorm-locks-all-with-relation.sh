#!/usr/bin/env bash
# typeorm 1.1.1: `findOne` with a lock and a relation locks every row that matches, and not the one that it returns.
#
# `findOne` with `lock: { mode: "pessimistic_write", onLocked: "skip_locked" }` is how workers share a table of jobs: each gets
# the first one that is free, and locks it. Whoever also wants the job's steps adds `relations`, and expects the same job and
# the same lock. But a limit together with a join is done in two queries, and the first one, which is only to choose the id, locks
# within a subquery that has no limit. So the first worker locks all jobs until its transaction ends, and the others are told
# that there is nothing to do (or wait, without `onLocked`). No error tells of it; one only has as many workers as one. On a
# large table each such call also writes a lock to each row. `take` of a query builder with a join does the same.
#
# Seen with PostgreSQL 15.18, pg 8.23.1, Node 20 (1000 jobs; a first worker has one and goes on):
#
#     without relations: the first worker has 1, the second one gets 2; jobs that are free: 998
#     with relations: the first worker has 1, the second one gets null; jobs that are free: 0
#
# Succeeds while this is so. What to do instead: lock the job alone, and load its relations after that.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund typeorm@1.1.1 pg@8.23.1
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
import { DataSource, EntitySchema } from "typeorm"

const id = { type: Number, primary: true }
const steps = { type: "one-to-many", target: "step", inverseSide: "job" }
const job = { type: "many-to-one", target: "job", inverseSide: "steps" }
const entities = [
  new EntitySchema({ name: "job", columns: { id }, relations: { steps } }),
  new EntitySchema({ name: "step", columns: { id }, relations: { job } })
]
const options = { type: "postgres", host: process.cwd(), username: "postgres", database: "postgres" }
const source = await new DataSource({ ...options, entities, synchronize: true }).initialize()
await source.query("insert into job select generate_series(1, 1000)")
await source.query("insert into step select id, id from job")
const lock = { mode: "pessimistic_write", onLocked: "skip_locked", tables: ["job"] }
const next = (manager, relations) => manager.findOne("job", { where: {}, order: { id: "ASC" }, relations, lock })
for (const [words, relations] of [["without relations", {}], ["with relations", { steps: true }]]) {
  await source.transaction((one) =>
    source.transaction(async (other) => {
      const [first, second] = [await next(one, relations), await next(other, relations)]
      const free = await source.query("select id from job for update skip locked")
      const got = `the first worker has ${first.id}, the second one gets ${second?.id ?? null}`
      console.log(`${words}: ${got}; jobs that are free: ${free.length}`)
    })
  )
}
process.exit()
JS
expected="without relations: the first worker has 1, the second one gets 2; jobs that are free: 998
with relations: the first worker has 1, the second one gets null; jobs that are free: 0"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
