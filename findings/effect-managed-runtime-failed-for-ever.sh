#!/usr/bin/env bash
# effect 4.1.0: a `ManagedRuntime` whose layer could not be built once fails for ever, with the error of that time.
#
# A `ManagedRuntime` builds its layer when it is first used, and keeps it: it is how a program that is not Effect's (a handler of Next.js,
# a function in the cloud, a test) has its services for as long as it lives. One expects a layer that could not be built, as the database
# was starting, to be built at the next use: there is nothing to keep. But the failure is kept as well (its documentation says so): every
# later run fails with it, at once, without asking anybody, hours after the database is up, until the process is started again.
# `Effect.provide` of the same layer is tried anew each time; so is a run whose caller gave up while the layer was being built.
#
# Seen (a layer that fails the first time, run three times):
#
#     ManagedRuntime: the database is starting, the database is starting, the database is starting; tried once
#     Effect.provide: the database is starting, found, found; tried again
#
# Succeeds while this is so. What to do instead: `Effect.retry` in the layer, and a process that ends when that fails.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Context, Effect, Layer, ManagedRuntime } from "effect"

class Database extends Context.Service("Database") {}
const look = async (words, run) => {
  let built = 0
  const layer = Layer.effect(
    Database,
    Effect.suspend(() => ++built === 1 ? Effect.fail("the database is starting") : Effect.succeed({ answer: "found" }))
  )
  const use = run(layer)
  const told = []
  for (let n = 0; n < 3; n++) {
    told.push(await use(Effect.map(Database, ({ answer }) => answer)).catch((error) => String(error)))
  }
  console.log(`${words}: ${told.join(", ")}; tried ${built === 1 ? "once" : "again"}`)
}
const managed = (layer) => ManagedRuntime.make(layer).runPromise
await look("ManagedRuntime", managed)
await look("Effect.provide", (layer) => (effect) => Effect.runPromise(Effect.provide(effect, layer)))
JS
expected="ManagedRuntime: the database is starting, the database is starting, the database is starting; tried once
Effect.provide: the database is starting, found, found; tried again"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
