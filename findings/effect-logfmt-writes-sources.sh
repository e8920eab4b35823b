#!/usr/bin/env bash
# effect 4.1.0: the logfmt logger writes the source of functions, of all that an object reaches, into the log.
#
# A value that is logged is shown by `Formatter.format`, which shows of an object what is enumerable in it, as other formatters do.
# A function, for which JSON has nothing and `util.inspect` a name, is shown by its whole source. So a client, a lease or a
# configuration that somebody logs for its name puts the program's own code into the log, with what is written out in it, and makes
# lines of a hundred thousand characters of what the JSON logger shows in fifty.
#
# Seen with Node 20 and 22:
#
#     JSON: ["connected",{"name":"shop"}]
#     logfmt: message=connected message="{\"name\":\"shop\",\"retry\":(attempt) => fetch('http://billing.internal/' + attempt)}"
#
# Succeeds while this is so.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund effect@4.1.0
cat > try.mjs << 'JS'
import { Effect, Logger } from "effect"

const client = { name: "shop", retry: (attempt) => fetch('http://billing.internal/' + attempt) }

const lineOf = (logger) => {
  const lines = []
  const kept = Logger.map(logger, (line) => void lines.push(line))
  Effect.runSync(Effect.log("connected", client).pipe(Effect.provide(Logger.layer([kept]))))
  return lines[0]
}

console.log("JSON:", JSON.stringify(JSON.parse(lineOf(Logger.formatJson)).message))
console.log("logfmt:", lineOf(Logger.formatLogFmt).replace(/^.*?(?=message=)/, ""))
JS
expected='JSON: ["connected",{"name":"shop"}]
logfmt: message=connected message="{\"name\":\"shop\",\"retry\":(attempt) => fetch('"'http://billing.internal/'"' + attempt)}"'
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
