#!/usr/bin/env bash
# effect 4.1.0: a cluster's message with `DeliverAt` is delivered at once, if it is not persisted, and up to ten seconds late, if it is.
#
# `DeliverAt` is how a payload says when its entity is to get it. A message that is kept in memory only could wait there as well, or be
# refused. But it is delivered as if it said nothing: only the storage looks at the time, and the types do not know that. With `Persisted`
# it waits; but what waits is found by the next look into the storage, which is every ten seconds (`entityMessagePollInterval`), also when
# sender, storage and entity are one process and nothing else is to be done. `ClusterCron` is made of this: "every two seconds" is every
# ten.
#
# Seen (reminders that are due in one second):
#
#     kept in memory: before it is due
#     persisted: seconds after it was due
#     ClusterCron each two seconds: runs are about ten seconds apart
#
# Succeeds while this is so. What to do instead: `Persisted` on each such message, and a shorter `entityMessagePollInterval`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Cron, DateTime, Deferred, Effect, Layer, PrimaryKey, Result, Schema } from "effect"
import { ClusterCron, ClusterSchema, DeliverAt, Entity, TestRunner } from "effect/cluster"
import { Rpc } from "effect/rpc"

class Reminder extends Schema.Class("Reminder")({ id: Schema.String, at: Schema.DateTimeUtc }) {
  [PrimaryKey.symbol]() {
    return this.id
  }
  [DeliverAt.symbol]() {
    return this.at
  }
}
const Mail = Entity.make("Mail", [
  Rpc.make("kept in memory", { payload: Reminder }),
  Rpc.make("persisted", { payload: Reminder }).annotate(ClusterSchema.Persisted, true)
])
const delivered = Deferred.makeUnsafe()
const tell = (words) => ({ payload }) => {
  const late = Date.now() - DateTime.toEpochMillis(payload.at)
  console.log(`${words}: ${late < 0 ? "before it is due" : late < 2000 ? "when it is due" : "seconds after it was due"}`)
  return words === "persisted" ? Deferred.succeed(delivered, undefined) : Effect.void
}
const MailLive = Mail.toLayer({ "kept in memory": tell("kept in memory"), persisted: tell("persisted") })
const runs = []
const EveryTwoSeconds = ClusterCron.make({
  name: "every two seconds",
  cron: Result.getOrThrow(Cron.parse("*/2 * * * * *")),
  execute: Effect.sync(() => runs.push(Date.now()))
})
await Effect.runPromise(Effect.gen(function*() {
  const mail = (yield* Mail.client)("alice")
  const at = DateTime.add(yield* DateTime.now, { seconds: 1 })
  yield* mail["kept in memory"](new Reminder({ id: "1", at }), { discard: true })
  yield* mail.persisted(new Reminder({ id: "2", at }), { discard: true })
  yield* Deferred.await(delivered)
  while (runs.length < 3) yield* Effect.sleep("100 millis")
  const apart = runs[2] - runs[1]
  console.log(`ClusterCron each two seconds: runs are ${apart < 4000 ? "two seconds" : "about ten seconds"} apart`)
}).pipe(Effect.provide(Layer.mergeAll(MailLive, EveryTwoSeconds).pipe(Layer.provideMerge(TestRunner.layer)))))
process.exit()
JS
expected="kept in memory: before it is due
persisted: seconds after it was due
ClusterCron each two seconds: runs are about ten seconds apart"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
