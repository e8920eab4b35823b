#!/usr/bin/env bash
# effect 4.1.0: `TxReentrantLock` is not reentrant through `Effect.timeout`.
#
# A fiber that has the write lock may take it again. One expects that of the whole body of `withWriteLock`, as a time limit
# is not known to change where an effect runs. But what has a limit runs on a fiber of its own, and the lock goes by the
# fiber: the inner call waits for the outer one, which waits for it, until the limit ends it.
#
# Seen with Node 20:
#
#     taken again: done
#     taken again, with a limit of 300 ms: timed out
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Option, TxReentrantLock } from "effect"

const program = Effect.gen(function*() {
  const lock = yield* TxReentrantLock.make()
  const again = TxReentrantLock.withWriteLock(lock, Effect.succeed("done"))
  console.log("taken again:", yield* TxReentrantLock.withWriteLock(lock, again))
  const limited = yield* TxReentrantLock.withWriteLock(lock, Effect.timeoutOption(again, 300))
  console.log("taken again, with a limit of 300 ms:", Option.getOrElse(limited, () => "timed out"))
})
await Effect.runPromise(program)
JS
expected="taken again: done
taken again, with a limit of 300 ms: timed out"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
