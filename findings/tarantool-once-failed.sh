#!/usr/bin/env bash
# tarantool 2.6.0: what `box.once` failed to do counts as done, and is never done again, also after a restart.
#
# `box.once(key, function)` is how a Tarantool application makes its spaces and migrates: "executes the function, provided it has not been
# executed before". One expects a migration that failed to be tried again at the next start, as anywhere else where it is written down
# that one was done. But it is written down first, and then the function is called, without a transaction around the two: a
# function that fails, or a process that is killed in the middle, leaves the key behind. The next start goes past it
# without a word, and the application runs without its space.
#
# Seen (the function makes a space, and fails before it makes its index, once):
#
#     first start: disk is full
#     second start: ok; the function was called: no; the space has its index: no
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `if_not_exists = true` in each step, and no `box.once`; or within
# the function, `box.space._schema:delete("once" .. key)` when it fails.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq tarantool=2.6.0-1.2+b1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.lua << 'LUA'
local first = arg[1] == "first"
box.cfg { memtx_memory = 64 * 1024 * 1024, log = "log" }
local called = false
local ok, failure = pcall(box.once, "users", function()
  called = true
  local users = box.schema.space.create("users")
  if first then error("disk is full", 0) end
  users:create_index("primary")
end)
if first then
  print("first start: " .. tostring(failure))
else
  local yes = function(it) return it and "yes" or "no" end
  print("second start: " .. (ok and "ok" or tostring(failure)) .. "; the function was called: " .. yes(called)
    .. "; the space has its index: " .. yes(box.space.users.index[0]))
end
os.exit()
LUA
expected="first start: disk is full
second start: ok; the function was called: no; the space has its index: no"
seen=$(for it in first second; do packages/usr/bin/tarantool try.lua "$it" 2> out; done)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
