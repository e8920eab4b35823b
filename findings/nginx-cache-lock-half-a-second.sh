#!/usr/bin/env bash
# nginx 1.22.1, `proxy_cache_lock`: who waits for an answer that takes 50 ms waits for half a second, and behind a slow one longer than without.
#
# With `proxy_cache_lock on` one request at a time fills a new entry of the cache, and others wait "for a response to appear in the cache". One
# expects them to be answered when it is there. They are not told: each looks again every half second. So those who come at
# the same moment as the first, who has its answer after 50 ms, have theirs after 500, which is slower than if each had asked for itself, and
# with an answer that takes 510 ms, after a whole second. And when `proxy_cache_lock_timeout` (5 s by default) is over, all who
# wait ask at the same moment, each for itself, and what they get is not cached: they wait for both times, and it was no protection.
#
# Seen (four requests at the same time, `proxy_cache_lock_timeout` of 2 s here, rounded down to half seconds):
#
#     an answer takes 50 ms: the first after 0 s, the others after 0.5 0.5 0.5 s, asked for 1 times
#     an answer takes 800 ms: the first after 0.5 s, the others after 1 1 1 s, asked for 1 times
#     an answer takes 3000 ms: the first after 3 s, the others after 5 5 5 s, asked for 4 times
#
# Succeeds while this is so. Needs Debian 12 (its nginx is not installed) and Node. What to do instead: `proxy_cache_use_stale updating` and
# `proxy_cache_background_update on`, so that nobody waits but for what was never there.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq nginx=1.22.1-9+deb12u11 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > nginx.conf << CONF
daemon off;
user $(id -un) $(id -gn);
pid $folder/pid;
error_log $folder/log;
events {}
http {
  access_log off;
  client_body_temp_path $folder/body;
  proxy_temp_path $folder/proxy;
  fastcgi_temp_path $folder/fastcgi;
  uwsgi_temp_path $folder/uwsgi;
  scgi_temp_path $folder/scgi;
  proxy_cache_path $folder/cache keys_zone=cache:1m;
  server {
    listen unix:$folder/socket;
    location / {
      proxy_pass http://unix:$folder/origin:;
      proxy_cache cache;
      proxy_cache_valid 200 1m;
      proxy_cache_lock on;
      proxy_cache_lock_timeout 2s;
    }
  }
}
CONF
packages/usr/sbin/nginx -e "$folder/log" -c "$folder/nginx.conf" 2> out &
server=$!
until [[ -S socket ]]; do sleep 0.05; done
cat > try.mjs << 'JS'
import { createServer, get } from "node:http"

let asked = 0
const origin = createServer((request, response) => {
  asked++
  setTimeout(() => response.end("it"), Number(request.url.slice(1)))
})
await new Promise((resolve) => origin.listen("origin", resolve))
const call = (path) =>
  new Promise((resolve) => {
    const begun = performance.now()
    get({ socketPath: "socket", path, agent: false }, (response) => {
      response.resume()
      response.on("end", () => resolve(Math.floor((performance.now() - begun) / 500) / 2))
    })
  })
await call("/1")
for (const ms of [50, 800, 3000]) {
  asked = 0
  const [first, ...others] = (await Promise.all([1, 2, 3, 4].map(() => call(`/${ms}`)))).sort()
  console.log(`an answer takes ${ms} ms: the first after ${first} s, the others after ${others.join(" ")} s, asked for ${asked} times`)
}
process.exit()
JS
expected="an answer takes 50 ms: the first after 0 s, the others after 0.5 0.5 0.5 s, asked for 1 times
an answer takes 800 ms: the first after 0.5 s, the others after 1 1 1 s, asked for 1 times
an answer takes 3000 ms: the first after 3 s, the others after 5 5 5 s, asked for 4 times"
seen=$(node try.mjs)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
