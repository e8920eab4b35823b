#!/usr/bin/env bash
# Node 26.10.0 and temporal-polyfill 1.0.8: rounded to the nearest month, a `Temporal` duration of a year is a year and a month.
#
# `halfExpand`, which is what `Duration.round` does when nothing is said, rounds to the nearest: 5 days beyond a whole number of
# months are no month, and nothing is rounded where nothing is left over. So it is with months alone, and with one month or more
# beside the years. Where the unit that is rounded to is zero and a greater one is not, everything is rounded up, in each of the
# `half...` modes: a year to a year and a month, a month and a day to a month and a week. `until` and `since` do the same, so
# that from the 15th of June to the 20th a year later it is a year and a month. `total` of the same duration says 12.17 months.
# Terms of contracts, ages and retention times are such durations. The polyfill of the proposal's champions is right.
#
# Seen (relative to 2021-06-15):
#
#     as one expects, @js-temporal/polyfill 0.5.1
#       P1Y: P1Y, P12M: P1Y, P1Y5D: P1Y, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y, P1Y5D trunc: P1Y
#       P1M1D to weeks: P1M, until 2022-06-20: P1Y, in months: P12M, total: 12.17
#     Node 26.10.0
#       P1Y: P1Y1M, P12M: P1Y1M, P1Y5D: P1Y1M, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y1M, P1Y5D trunc: P1Y
#       P1M1D to weeks: P1M1W, until 2022-06-20: P1Y1M, in months: P12M, total: 12.17
#     temporal-polyfill 1.0.8
#       P1Y: P1Y1M, P12M: P1Y1M, P1Y5D: P1Y1M, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y1M, P1Y5D trunc: P1Y
#       P1M1D to weeks: P1M1W, until 2022-06-20: P1Y1M, in months: P12M, total: 12.17
#
# Succeeds while this is so. What to do instead: round with `largestUnit: "month"`, and divide by twelve.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @js-temporal/polyfill@0.5.1 temporal-polyfill@1.0.8
cat > try.mjs << 'JS'
import { Temporal as champions } from "@js-temporal/polyfill"
import { Temporal as polyfill } from "temporal-polyfill"

const start = "2021-06-15"
const look = (name, { Duration, PlainDate }) => {
  const round = (duration, options) =>
    Duration.from(duration).round({ relativeTo: start, smallestUnit: "month", largestUnit: "year", ...options })
  const until = (largestUnit) =>
    PlainDate.from(start).until("2022-06-20", { largestUnit, smallestUnit: "month", roundingMode: "halfExpand" })
  console.log(name)
  const rounded = [
    ...["P1Y", "P12M", "P1Y5D", "P1Y1M5D"].map((duration) => `${duration}: ${round(duration)}`),
    ...["halfTrunc", "trunc"].map((roundingMode) => `P1Y5D ${roundingMode}: ${round("P1Y5D", { roundingMode })}`)
  ]
  console.log(`  ${rounded.join(", ")}`)
  const weeks = `P1M1D to weeks: ${round("P1M1D", { smallestUnit: "week" })}`
  const total = Duration.from("P1Y5D").total({ relativeTo: start, unit: "month" }).toFixed(2)
  console.log(`  ${weeks}, until 2022-06-20: ${until("year")}, in months: ${until("month")}, total: ${total}`)
}
look("as one expects, @js-temporal/polyfill 0.5.1", champions)
look("Node 26.10.0", Temporal)
look("temporal-polyfill 1.0.8", polyfill)
JS
expected="as one expects, @js-temporal/polyfill 0.5.1
  P1Y: P1Y, P12M: P1Y, P1Y5D: P1Y, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y, P1Y5D trunc: P1Y
  P1M1D to weeks: P1M, until 2022-06-20: P1Y, in months: P12M, total: 12.17
Node 26.10.0
  P1Y: P1Y1M, P12M: P1Y1M, P1Y5D: P1Y1M, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y1M, P1Y5D trunc: P1Y
  P1M1D to weeks: P1M1W, until 2022-06-20: P1Y1M, in months: P12M, total: 12.17
temporal-polyfill 1.0.8
  P1Y: P1Y1M, P12M: P1Y1M, P1Y5D: P1Y1M, P1Y1M5D: P1Y1M, P1Y5D halfTrunc: P1Y1M, P1Y5D trunc: P1Y
  P1M1D to weeks: P1M1W, until 2022-06-20: P1Y1M, in months: P12M, total: 12.17"
seen=$(npx --yes --package node@26.10.0 node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
