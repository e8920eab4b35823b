#!/usr/bin/env bash
# pymemcache 3.5.2 (Python): `client.add("lock", me, 60)`, the lock of memcached, says True to everybody, as long as nothing is configured.
#
# `add` stores a value if there is none, and says whether it did: that is the lock in memcached's own manual, and in the clients of all languages
# `if client.add(...)` lets one in. Here the default of a client is `default_noreply=True`: what writes does not wait for the
# server, and says True. That may be guessed of a `set`, but `add`, `replace`, `append`, `prepend`, `touch` and `delete` are asked for
# their answer, and have it in their documentation, behind "if noreply is True". So everybody is let in, "was it there?" is always answered by yes, and a
# value that is too large was stored. Only `incr`, `decr` and `cas` wait for the server.
#
# Seen (a server on this host; "first" has the lock):
#
#     Client: add by the second: True, and it is held by first
#     PooledClient: add by the second: True, and it is held by first
#     HashClient: add by the second: True, and it is held by first
#     delete, replace, touch of a key that is not there: True, True, True
#     set of 2 MB: True, and what is there then: None
#     Client with default_noreply=False: add by the second: False, and it is held by first
#
# Succeeds while this is so. Needs Debian 12 and memcached. What to do instead: `default_noreply=False`, or `noreply=False` for each call.
set -euo pipefail
command -v memcached > /dev/null || { echo "needs memcached (Debian's)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-pymemcache=3.5.2-1 python3-six 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
memcached --listen=127.0.0.1 --port="$port" --user="$(id -un)" &
server=$!
until (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.05; done
cat > try.py << 'PY'
import sys

from pymemcache.client.base import Client, PooledClient
from pymemcache.client.hash import HashClient

place = ("127.0.0.1", int(sys.argv[1]))


def seen(name, make):
    first, second = make(), make()
    key = name.replace(" ", "-")
    first.add(key, "first", 60)
    assert first.get(key) == b"first"
    said = second.add(key, "second", 60)
    print(f"{name}: add by the second: {said}, and it is held by {second.get(key).decode()}")


seen("Client", lambda: Client(place))
seen("PooledClient", lambda: PooledClient(place))
seen("HashClient", lambda: HashClient([place]))
client = Client(place)
said = client.delete("nothing"), client.replace("nothing", "it"), client.touch("nothing")
print(f"delete, replace, touch of a key that is not there: {', '.join(map(str, said))}")
said = client.set("large", "x" * 2_000_000)
client.close()
print(f"set of 2 MB: {said}, and what is there then: {client.get('large')}")
seen("Client with default_noreply=False", lambda: Client(place, default_noreply=False))
PY
expected="Client: add by the second: True, and it is held by first
PooledClient: add by the second: True, and it is held by first
HashClient: add by the second: True, and it is held by first
delete, replace, touch of a key that is not there: True, True, True
set of 2 MB: True, and what is there then: None
Client with default_noreply=False: add by the second: False, and it is held by first"
seen=$(PYTHONPATH=packages/usr/lib/python3/dist-packages /usr/bin/python3 try.py "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
