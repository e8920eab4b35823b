#!/usr/bin/env bash
# memcached that is full and may not evict (-M): ADD of a key that exists says "out of memory", not "exists".
#
# A lock is taken by ADD, and one expects a held lock to answer as ever ("NOT_STORED", or 0x02 in the binary
# protocol) whatever the memory. But the server makes room for the new item before it looks for the old one, so on
# a full server who asks for a held lock cannot tell it from a free one that there is no room for. A GET can.
#
# Needs: memcached (Debian's package) and bash. Seen with memcached 1.6.18:
#   full: SERVER_ERROR out of memory storing object
#   add of a key that exists: SERVER_ERROR out of memory storing object
#   get of it: VALUE held 0 20
set -euo pipefail

echo "$(memcached --version)"
port=$((20000 + RANDOM % 20000))
user=()
[[ $(id -u) == 0 ]] && user=(-u root)
memcached "${user[@]}" -l 127.0.0.1 -p "$port" -U 0 -M -m 2 &
server=$!
trap 'kill $server' EXIT
for _ in {1..100}; do (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.05; done

exec 3<> "/dev/tcp/127.0.0.1/$port"
value=xxxxxxxxxxxxxxxxxxxx
say() {
  printf '%s\r\n' "$@" >&3
  read -r -u 3 reply
  reply=${reply%$'\r'}
}

say "add held 0 0 20" "$value"
[[ $reply == STORED ]]
say "add held 0 0 20" "$value"
echo "while there is room: $reply"
[[ $reply == NOT_STORED ]]

seq 40000 | sed "s/.*/add f& 0 0 20 noreply\r\n$value\r/" >&3
say "add last 0 0 20" "$value"
echo "full: $reply"
[[ $reply == "SERVER_ERROR out of memory storing object" ]]

say "add held 0 0 20" "$value"
echo "add of a key that exists: $reply"
[[ $reply == "SERVER_ERROR out of memory storing object" ]]

say "get held"
echo "get of it: $reply"
[[ $reply == "VALUE held 0 20" ]]
