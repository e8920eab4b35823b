#!/usr/bin/env bash
# Bun 1.4.5, `Bun.SQL` on SQLite: what anybody writes while a transaction goes on is in it, and is undone with it.
#
# `sql.begin(async (tx) => ...)` is a transaction of what is asked of `tx`, and what is asked of `sql` meanwhile is by itself: with a
# pool, a transaction has a connection to itself, and it is the same interface. With SQLite there is one connection for
# all, and nothing keeps others from it while a transaction waits for something. A write of another request goes into the
# transaction, and is answered as done; if the transaction fails after that, it is gone, and nobody is told. What others read is what has not been
# committed. Only a second `begin` waits for the first one.
#
# Seen (a transfer that fails after 100 ms; an order that is written after 50 ms of it, and awaited):
#
#     the order: written
#     another request reads a balance of 0 during the transfer
#     the transfer: failed; the balance is 100; orders: 0
#     with the order in a transaction of its own: orders: 1
#
# Succeeds while this is so. What to do instead: write by `sql.begin` alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts bun@1.4.5
node node_modules/bun/install.js > /dev/null 2>&1
cat > try.mjs << 'JS'
import { SQL } from "bun"

const sql = new SQL("sqlite://shop.db")
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
await sql`create table account (balance integer)`
await sql`create table orders (id integer)`
await sql`insert into account values (100)`
const transfer = () =>
  sql.begin(async (tx) => {
    await tx`update account set balance = 0`
    await sleep(100)
    throw new Error("the other bank does not answer")
  }).then(() => "done", () => "failed")
const balance = async () => (await sql`select balance from account`)[0].balance
const orders = async () => (await sql`select count(*) as count from orders`)[0].count

const transferred = transfer()
await sleep(50)
console.log(`the order: ${await sql`insert into orders values (1)`.then(() => "written", (error) => error.message)}`)
console.log(`another request reads a balance of ${await balance()} during the transfer`)
console.log(`the transfer: ${await transferred}; the balance is ${await balance()}; orders: ${await orders()}`)
const again = transfer()
await sleep(50)
await sql.begin((tx) => tx`insert into orders values (2)`)
await again
console.log(`with the order in a transaction of its own: orders: ${await orders()}`)
process.exit()
JS
expected="the order: written
another request reads a balance of 0 during the transfer
the transfer: failed; the balance is 100; orders: 0
with the order in a transaction of its own: orders: 1"
seen=$(node_modules/.bin/bun try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
