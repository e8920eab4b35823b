#!/usr/bin/env bash
# @verrou/core 0.5.2, its memory store: who takes an expired lock over does not own it, and who lost it does.
#
# A lock object has an owner of its own, and a lock that has expired may be taken by another. One expects what the Redis
# and database stores do: the new holder extends and releases, the old one gets E_LOCK_NOT_OWNED. But the memory store
# writes the owner down when a key is first seen, and a takeover leaves it. So the new holder can neither extend nor
# release (after `run` this error stands in place of the result, and the key stays taken for its whole time), while a late
# release by the old one frees the key under the new one. Tests that run on the memory store see the opposite of what
# Redis will do.
#
# Seen with Node 20:
#
#     the first takes it: true
#     it expires, the second takes it: true
#     the second extends it: E_LOCK_NOT_OWNED
#     the second releases it: E_LOCK_NOT_OWNED
#     a third takes it: false
#     the first releases it, late: done
#     a third takes it: true
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @verrou/core@0.5.2
cat > try.mjs << 'JS'
import { Verrou } from "@verrou/core"
import { memoryStore } from "@verrou/core/drivers/memory"

const verrou = new Verrou({ default: "memory", stores: { memory: { driver: memoryStore() } } })
const [first, second, third] = [verrou.createLock("key", 50), verrou.createLock("key", 60_000), verrou.createLock("key")]
const said = (promise) => promise.then(() => "done", (error) => error.code)

console.log("the first takes it:", await first.acquireImmediately())
await new Promise((resolve) => setTimeout(resolve, 100))
console.log("it expires, the second takes it:", await second.acquireImmediately())
console.log("the second extends it:", await said(second.extend(60_000)))
console.log("the second releases it:", await said(second.release()))
console.log("a third takes it:", await third.acquireImmediately())
console.log("the first releases it, late:", await said(first.release()))
console.log("a third takes it:", await third.acquireImmediately())
JS
expected="the first takes it: true
it expires, the second takes it: true
the second extends it: E_LOCK_NOT_OWNED
the second releases it: E_LOCK_NOT_OWNED
a third takes it: false
the first releases it, late: done
a third takes it: true"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
