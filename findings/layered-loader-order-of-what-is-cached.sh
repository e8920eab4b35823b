#!/usr/bin/env bash
# layered-loader 16.1.0: `getMany(["a", "b", "c"])` gives them in that order, or another, by what happened to be cached.
#
# Whoever knows dataloader, MGET or `Promise.all` takes the first value for the first key's, and the documentation says nothing
# else. While nothing is cached, or all, it is so, so that tests pass. In between the values come as they were found: first those from
# memory, then those from the database, and whoever pairs them with the keys gives one user what is another's.
#
# Seen with Node 24:
#
#     nothing is cached: a b c
#     all is cached: a b c
#     a was invalidated: b c a
#
# Succeeds while this is so. What to do instead: a map by what `cacheKeyFromValueResolver` gives.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund layered-loader@16.1.0 node@24.21.0
cat > try.mjs << 'JS'
import { Loader } from "layered-loader"

const loader = new Loader({
  inMemoryCache: { ttlInMsecs: 600_000 },
  cacheKeyFromValueResolver: (user) => user.id,
  dataSources: [{ name: "database", get: async (id) => ({ id }), getMany: async (ids) => ids.map((id) => ({ id })) }]
})
const look = async (words) => {
  const users = await loader.getMany(["a", "b", "c"])
  console.log(`${words}: ${users.map((user) => user.id).join(" ")}`)
}
await look("nothing is cached")
await look("all is cached")
await loader.invalidateCacheFor("a")
await look("a was invalidated")
JS
expected="nothing is cached: a b c
all is cached: a b c
a was invalidated: b c a"
seen=$(npx node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
