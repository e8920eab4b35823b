#!/usr/bin/env bash
# enhanced-ms 5.0.0: ".5s" is five seconds, "-1h" an hour ahead, "1h30" an hour, and "100" nothing.
#
# It is "an enhanced version of the popular ms", that understands several units and more languages. So one expects of what ms reads
# that it is read as ms does. A fraction that begins with its point loses the point, and a timeout of half a second becomes one of
# five. The sign is lost, as well when it writes as when it reads: an hour ago is in an hour. A number without a unit is milliseconds
# for ms, and here the whole is `null`, or, after another unit, nothing. None of these is an error, and a timer takes `null` for 0.
#
# Seen with ms 2.1.3, Node 20 (-5400000 is an hour and a half, which ms rounds):
#
#     ".5s": ms 500, enhanced-ms 5000
#     "-1h": ms -3600000, enhanced-ms 3600000
#     "100": ms 100, enhanced-ms null
#     "1h30": ms undefined, enhanced-ms 3600000
#     "1,5h": ms undefined, enhanced-ms NaN
#     -5400000: ms "-1h", enhanced-ms "1 hour 30 minutes"
#
# Succeeds while this is so. What to do instead: ms, or parse-duration, which reads `.5s`, `-1h30m`, `100` and `1h30`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund enhanced-ms@5.0.0 ms@2.1.3
cat > try.mjs << 'JS'
import enhanced from "enhanced-ms"
import ms from "ms"

for (const input of [".5s", "-1h", "100", "1h30", "1,5h"]) {
  console.log(`"${input}": ms ${ms(input)}, enhanced-ms ${enhanced(input)}`)
}
console.log(`-5400000: ms "${ms(-5400000)}", enhanced-ms "${enhanced(-5400000)}"`)
JS
expected="\".5s\": ms 500, enhanced-ms 5000
\"-1h\": ms -3600000, enhanced-ms 3600000
\"100\": ms 100, enhanced-ms null
\"1h30\": ms undefined, enhanced-ms 3600000
\"1,5h\": ms undefined, enhanced-ms NaN
-5400000: ms \"-1h\", enhanced-ms \"1 hour 30 minutes\""
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
