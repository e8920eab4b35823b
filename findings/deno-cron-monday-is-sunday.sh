#!/usr/bin/env bash
# Deno 2.9.6: what `Deno.cron` is to run on Mondays runs on Sundays.
#
# `Deno.cron(name, "0 9 * * 1-5", handler)` takes the five fields of a crontab. There, and for cron libraries (and `Date.getDay`), 1 is
# Monday, and 0 or 7 is Sunday. But here the days are counted from Sunday as 1: working days are Sunday to Thursday, 7 is a Saturday, and 0,
# which would tell, is refused. A job that was taken over from a crontab runs a day early, without a word. Names are right.
#
# Seen (every minute of a day, run for a minute, as days from today):
#
#     the number of today: nothing
#     the number of tomorrow: runs today
#     the name of today: runs today
#     0: Invalid cron schedule
#
# Succeeds while this is so (it takes a minute; not right around midnight UTC). What to do instead: names, or `{ dayOfWeek: ... }` with care.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund deno@2.9.6
cat > try.ts << 'TS'
const names = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
const today = new Date().getUTCDay()
const ran = new Set<string>()
const days = {
  "the number of today": String(today || 7),
  "the number of tomorrow": String(today + 1),
  "the name of today": names[today]
}
for (const [name, day] of Object.entries(days)) Deno.cron(name, `* * * * ${day}`, () => void ran.add(name))
await new Promise((resolve) => setTimeout(resolve, 63_000))
for (const name of Object.keys(days)) console.log(`${name}: ${ran.has(name) ? "runs today" : "nothing"}`)
try {
  Deno.cron("zero", "* * * * 0", () => {})
  console.log("0: taken")
} catch (error) {
  console.log(`0: ${(error as Error).message}`)
}
Deno.exit()
TS
expected="the number of today: nothing
the number of tomorrow: runs today
the name of today: runs today
0: Invalid cron schedule"
seen=$(DENO_NO_UPDATE_CHECK=1 DENO_DIR="$folder/deno" npx deno run --quiet --unstable-cron try.ts)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
