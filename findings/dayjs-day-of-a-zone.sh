#!/usr/bin/env bash
# dayjs 1.11.23: with a time zone, "a day later" is at another hour once the clocks were changed, and says an offset that is not the zone's.
#
# `dayjs.tz("2026-10-31 09:00", "America/New_York").add(1, "day")` is said to be in that zone, so one expects 9 o'clock there, which is how
# a daily job is planned. But `add` keeps the offset from UTC that the date began with: after the clocks have changed it
# is another hour of that zone (8 o'clock), while `format()` goes on saying "09:00", with the old offset. So whoever looks at the plan
# sees nothing wrong, and the job runs an hour off until it is planned from a new date. luxon, and Temporal, give 9 o'clock; and
# so does dayjs itself without `tz`, in the zone of the process.
#
# Seen (9 o'clock on the eve of the change, and a day later, told by `Intl` in that zone):
#
#     New York, October 31st: dayjs says 2026-11-01T09:00:00-04:00, it is Sun 08:00; luxon Sun 09:00
#     New York, March 7th: dayjs says 2026-03-08T09:00:00-05:00, it is Sun 10:00; luxon Sun 09:00
#     the same without tz, TZ=America/New_York: it is Sun 09:00
#
# Succeeds while this is so. What to do instead: `dayjs.tz(date.add(1, "day").format("YYYY-MM-DDTHH:mm:ss"), zone)`, or another library.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund dayjs@1.11.23 luxon@3.7.2
cat > try.mjs << 'JS'
import dayjs from "dayjs"
import timezone from "dayjs/plugin/timezone.js"
import utc from "dayjs/plugin/utc.js"
import { DateTime } from "luxon"

dayjs.extend(utc)
dayjs.extend(timezone)
const zone = "America/New_York"
const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit" })
const there = (date) => clock.format(date.valueOf()).replace(",", "")

for (const [name, day] of [["October 31st", "2026-10-31"], ["March 7th", "2026-03-07"]]) {
  const next = dayjs.tz(`${day} 09:00`, zone).add(1, "day")
  const right = DateTime.fromISO(`${day}T09:00`, { zone }).plus({ days: 1 })
  console.log(`New York, ${name}: dayjs says ${next.format()}, it is ${there(next)}; luxon ${there(right)}`)
}
process.env.TZ = zone
console.log(`the same without tz, TZ=${zone}: it is ${there(dayjs("2026-10-31T09:00").add(1, "day"))}`)
JS
expected="New York, October 31st: dayjs says 2026-11-01T09:00:00-04:00, it is Sun 08:00; luxon Sun 09:00
New York, March 7th: dayjs says 2026-03-08T09:00:00-05:00, it is Sun 10:00; luxon Sun 09:00
the same without tz, TZ=America/New_York: it is Sun 09:00"
seen=$(TZ=UTC node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
