#!/usr/bin/env bash
# tarn 3.1.2 (the pool of knex): while connecting is slow, a pool of `max: 1` connects many times at once.
#
# `max` is what a database is to bear of one process. One expects a connection that is being made to count until it is there or
# has failed, as it does in generic-pool 3.9.0. Here `createTimeoutMillis` ends the count, not the connecting, for which there
# is nothing to tell it by: the next one is begun beside it, and the next, for as long as somebody waits. When the database is
# slow because too many connect to it, each process thus asks for more; five at once were seen. Nor does one count that is
# being closed, though of `destroyTimeoutMillis` it is said that "new resources will be created after this timeout".
#
# Seen with Node 20 (`max: 1`; making one takes 20 s, its time is up after 2 s, and one caller waits for 11 s;
# closing one takes 3 s):
#
#     tarn: more than 2 being made at once
#     generic-pool: 1 being made at once
#     tarn: 2 open while the first is being closed
#
# Succeeds while this is so. What to do instead: a time limit in `create` itself, shorter than that of the
# pool, which closes what it has begun.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund tarn@3.1.2 generic-pool@3.9.0
cat > try.mjs << 'JS'
import generic from "generic-pool"
import { Pool } from "tarn"

const counted = () => {
  let making = 0
  const create = async () => {
    result.most = Math.max(result.most, ++making)
    await new Promise((resolve) => setTimeout(resolve, 20_000))
    making--
    return {}
  }
  const result = { most: 0, create, destroy: async () => {} }
  return result
}
const tarn = counted()
const other = counted()
const pools = [
  new Pool({
    create: tarn.create,
    destroy: tarn.destroy,
    min: 0,
    max: 1,
    createTimeoutMillis: 2000,
    acquireTimeoutMillis: 11_000
  }).acquire().promise,
  generic.createPool(other, { min: 0, max: 1, acquireTimeoutMillis: 11_000 }).acquire()
]
await Promise.allSettled(pools)
console.log(`tarn: ${tarn.most > 2 ? "more than 2" : tarn.most} being made at once`)
console.log(`generic-pool: ${other.most} being made at once`)

let open = 0
const pool = new Pool({
  create: async () => (open++, { valid: true }),
  validate: ({ valid }) => valid,
  destroy: async () => {
    await new Promise((resolve) => setTimeout(resolve, 3000))
    open--
  },
  min: 0,
  max: 1
})
const first = await pool.acquire().promise
first.valid = false
pool.release(first)
await pool.acquire().promise
console.log(`tarn: ${open} open while the first is being closed`)
process.exit()
JS
expected="tarn: more than 2 being made at once
generic-pool: 1 being made at once
tarn: 2 open while the first is being closed"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
