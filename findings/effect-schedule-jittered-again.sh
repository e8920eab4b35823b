#!/usr/bin/env bash
# effect 4.1.0: a daily `Schedule.cron` that is `jittered` runs about three times a day, and hours before its time.
#
# Jitter keeps many instances from doing the same at the same moment: each comes a bit earlier or later. So one expects of
# `Schedule.cron("0 0 * * *").pipe(Schedule.jittered)` one run a day, and of a `Schedule.fixed("1 hour")` 240 in ten days. But
# jitter scales the delay by 0.8 to 1.2, and these two measure the next delay to the same mark again: a run that came early is
# followed by one for what was left, that is scaled too, and so on, until one is late. A fifth of a day is five hours, so a
# report of midnight is made at 19:38, again at 23:13, and at eight minutes past midnight. The docs of `jittered` say that it
# scales "each recurrence delay", and nothing of more recurrences. `spaced`, `exponential` and others that measure from the last
# run are as one expects.
#
# Seen with Node 20 (the clock is Effect's `TestClock`, moved by a minute at a time; the seed is fixed):
#
#     cron, days 1 to 7: 24 runs
#     day 1: 23:39
#     day 2: 00:03 21:08
#     day 3: 00:06 22:27 23:57 23:59
#     day 4: 00:00 23:53 23:59 23:59 23:59
#     day 5: 00:00 19:38 23:13
#     day 6: 00:08 19:14 23:25 23:58
#     day 7: 00:00 23:23 23:52 23:59 23:59
#     cron with `addDelay`, days 1 to 7: 6 runs
#     fixed, 240 hours: 482 runs
#     spaced, 240 hours: 240 runs
#
# Succeeds while this is so. What to do instead: `Schedule.cron` as it is, and a sleep of a random length before the work; or
# `Schedule.addDelay`, which is late and never early (in the
# last line but two: the seventh run is that of the eighth day).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Fiber, Random, Schedule } from "effect"
import { TestClock } from "effect/testing"

const runs = (schedule, hours) =>
  Effect.gen(function*() {
    const seen = []
    const work = Effect.clockWith((clock) => Effect.sync(() => seen.push(new Date(clock.currentTimeMillisUnsafe()))))
    yield* TestClock.setTime(Date.UTC(2027, 0, 1))
    const fiber = yield* Effect.forkChild(Effect.schedule(work, schedule))
    for (let minute = 0; minute < hours * 60; minute++) yield* TestClock.adjust("1 minute")
    yield* Fiber.interrupt(fiber)
    return seen
  }).pipe(Random.withSeed("x"), Effect.provide(TestClock.layer()), Effect.scoped, Effect.runPromise)

const cron = Schedule.cron("0 0 * * *", "UTC")
const late = Schedule.addDelay(cron, () => Effect.map(Random.nextBetween(0, 3_600_000), Math.floor))
const daily = await runs(Schedule.jittered(cron), 7 * 24)
console.log(`cron, days 1 to 7: ${daily.length} runs`)
for (let day = 1; day <= 7; day++) {
  const times = daily.filter((time) => time.getUTCDate() === day).map((time) => time.toISOString().slice(11, 16))
  console.log(`day ${day}: ${times.join(" ")}`)
}
console.log(`cron with \`addDelay\`, days 1 to 7: ${(await runs(late, 7 * 24)).length} runs`)
console.log(`fixed, 240 hours: ${(await runs(Schedule.jittered(Schedule.fixed("1 hour")), 240)).length} runs`)
console.log(`spaced, 240 hours: ${(await runs(Schedule.jittered(Schedule.spaced("1 hour")), 240)).length} runs`)
JS
expected="cron, days 1 to 7: 24 runs
day 1: 23:39
day 2: 00:03 21:08
day 3: 00:06 22:27 23:57 23:59
day 4: 00:00 23:53 23:59 23:59 23:59
day 5: 00:00 19:38 23:13
day 6: 00:08 19:14 23:25 23:58
day 7: 00:00 23:23 23:52 23:59 23:59
cron with \`addDelay\`, days 1 to 7: 6 runs
fixed, 240 hours: 482 runs
spaced, 240 hours: 240 runs"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
