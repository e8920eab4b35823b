#!/usr/bin/env bash
# effect 4.1.0: a shared stream (`Stream.share`) with `idleTimeToLive` that has failed once is never begun again, however often one retries.
#
# `Stream.share` begins the source with the first who listens and ends it after the last one; with `idleTimeToLive` it "is kept alive for
# that duration", for who comes soon after. A source that has failed, or is over, cannot be kept alive, so one expects the next one who
# listens to begin a new one, as it is without that option. But what is kept is the end of it: whoever comes within that time gets the same
# failure again, at once (or an empty stream, if the source was over), and the source is not asked. As each one who comes makes the
# time begin anew, a retry in less than that time never gets to the source: a connection that was lost for a moment is lost for good.
#
# Seen (a source that fails at its first start only; eight retries, one each 200 ms, which is 1.6 s):
#
#     no idleTimeToLive: started 2 times; in the end: hello
#     idleTimeToLive of 500 ms: started 1 times; in the end: connection lost
#     the same, the source retried: started 2 times; in the end: hello
#
# Succeeds while this is so. What to do instead: `Stream.retry` on the source, before it is shared.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Schedule, Stream } from "effect"

const look = (words, options, retry, shareable) =>
  Effect.scoped(Effect.gen(function*() {
    let starts = 0
    const source = Stream.suspend(() => ++starts === 1 ? Stream.fail("connection lost") : Stream.make("hello"))
    const shared = yield* Stream.share(shareable(source), { capacity: 16, ...options })
    const told = yield* retry(Stream.runCollect(shared)).pipe(
      Effect.match({ onFailure: (error) => error, onSuccess: ([first]) => first })
    )
    console.log(`${words}: started ${starts} times; in the end: ${told}`)
  }))
const again = Effect.retry(Schedule.spaced("200 millis").pipe(Schedule.upTo({ times: 8 })))
const plain = (source) => source
await Effect.runPromise(look("no idleTimeToLive", {}, again, plain))
await Effect.runPromise(look("idleTimeToLive of 500 ms", { idleTimeToLive: "500 millis" }, again, plain))
await Effect.runPromise(look("the same, the source retried", { idleTimeToLive: "500 millis" }, plain, Stream.retry(Schedule.spaced("200 millis"))))
JS
expected="no idleTimeToLive: started 2 times; in the end: hello
idleTimeToLive of 500 ms: started 1 times; in the end: connection lost
the same, the source retried: started 2 times; in the end: hello"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
