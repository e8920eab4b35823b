#!/usr/bin/env bash
# effect-distributed-lock 0.0.11 with effect 3.19.13: `acquireRetryPolicy` may end, and the wait goes on.
#
# The policy is a schedule, and one that ends (three times, or for so long) is how one waits for a limited time in Effect: then
# comes the `LockNotAcquiredError`, as the types say. But with what the Redis layer does by default two attempts race: one asks
# by the policy, the other whenever a release is told of. The race is for the first that *succeeds*, so the failure of the one
# that has ended its policy is put by, and the other waits as long as the holder holds. With `pushBasedAcquireEnabled: false`
# the same policy ends the wait.
#
# Seen with redis-server 7.0.15, ioredis 5.8.2, Node 20 (the policy: three times, 50 ms apart; the lock is held all the time):
#
#     asking only: LockNotAcquiredError
#     as it is by default: still waiting after 3 s
#
# Succeeds while this is so. What to do instead: `Effect.timeout` around it.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect-distributed-lock@0.0.11 effect@3.19.13 ioredis@5.8.2
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no > /dev/null &
server=$!
for _ in $(seq 100); do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break; sleep 0.1; done
cat > try.mjs << 'JS'
import { Effect, Schedule } from "effect"
import { DistributedSemaphore, RedisBacking } from "effect-distributed-lock"
import { Redis } from "ioredis"

const redis = new Redis(Number(process.argv[2]))
const acquireRetryPolicy = Schedule.spaced("50 millis").pipe(Schedule.intersect(Schedule.recurs(3)))
const program = Effect.gen(function*() {
  const holder = yield* DistributedSemaphore.make("report", {})
  const other = yield* DistributedSemaphore.make("report", { acquireRetryPolicy })
  return yield* other.withPermits(1)(Effect.succeed("let in")).pipe(
    Effect.catchAll((error) => Effect.succeed(error._tag)),
    Effect.timeoutTo({ duration: "3 seconds", onSuccess: (end) => end, onTimeout: () => "still waiting after 3 s" }),
    holder.withPermits(1)
  )
})
for (const [name, options] of [["asking only", { pushBasedAcquireEnabled: false }], ["as it is by default", {}]]) {
  console.log(`${name}: ${await Effect.runPromise(Effect.provide(program, RedisBacking.layer(redis, options)))}`)
}
process.exit()
JS
expected="asking only: LockNotAcquiredError
as it is by default: still waiting after 3 s"
seen=$(node try.mjs "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
