#!/usr/bin/env bash
# umzug 3.8.3: `FileLocker` lets in all who start at the same time, so each migration runs once for each of them.
#
# "Only one lock can be held per file. An error will be thrown if the lock file already exists": a lock file is known to be
# made by a call that fails where there is one already, so one expects the second of two to be refused however close they
# are. But this one reads the file, and writes it when it could not be read, by which time another may have done the same. That
# is not a rare race: processes that a deployment starts together are together, and two calls of one process always are.
# The first that ends then takes the file away from the others, which fail for having nothing to unlock.
#
# Seen with Node 20 (two instances, one lock file, a migration that takes 300 ms):
#
#     started together: the migration began 2 times; done, nothing to unlock
#     started one after the other: the migration began 1 time; done, refused
#
# Succeeds while this is so. What to do instead: a lock of the database that is migrated.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund umzug@3.8.3
cat > try.cjs << 'JS'
const { FileLocker, memoryStorage, Umzug } = require("umzug")

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const run = async (path, pause) => {
  let began = 0
  const storage = memoryStorage()
  const start = () => {
    const umzug = new Umzug({
      migrations: [{ name: "add-column", up: async () => (began++, sleep(300)) }],
      storage,
      context: {},
      logger: undefined
    })
    FileLocker.attach(umzug, { path })
    return umzug.up().then(() => "done", ({ message }) =>
      message.includes("Can't acquire lock") ? "refused" : /Nothing to unlock|ENOENT/.test(message) ? "nothing to unlock" : message)
  }
  const first = start()
  await sleep(pause)
  const ends = (await Promise.all([first, start()])).sort()
  return `the migration began ${began} time${began > 1 ? "s" : ""}; ${ends.join(", ")}`
}

const main = async () => {
  console.log(`started together: ${await run("a.lock", 0)}`)
  console.log(`started one after the other: ${await run("b.lock", 150)}`)
}
main()
JS
expected="started together: the migration began 2 times; done, nothing to unlock
started one after the other: the migration began 1 time; done, refused"
seen=$(node try.cjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
