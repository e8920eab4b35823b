#!/usr/bin/env bash
# etcd3gw 2.0.0 (Python): `with client.lock("job"):` lets everybody in at once, the holder and those to whom the lock was refused.
#
# The lock is a context manager, and one expects of it what `with` means for every lock of Python: to wait until one has it, or to fail.
# But `acquire()` never waits. It asks once, and says `True` or `False`; and `with` calls it and does not look at what it says.
# So whoever comes while another is inside is inside as well, and what is in `as lock` knows better: `lock.is_acquired()`
# is `False`. To leave is harmless, as only the owner's key is deleted. Nothing fails, and with one at a time it is a lock.
#
# Seen with Python 3.11 and etcd 3.4.23 (three threads, each with a client of its own):
#
#     inside at the same time: 3, of whom 1 has the lock
#     acquire() of a lock that is held: False
#
# Succeeds while this is so. Needs Debian 12 and etcd. What to do instead: `if lock.acquire():`, in a loop with a pause, without `with`.
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-etcd3gw=2.0.0-2 python3-futurist python3-pbr python3-requests python3-urllib3 python3-certifi python3-chardet \
  python3-charset-normalizer python3-idna python3-six 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages
# Two at once, so that they differ.
read -r port peers < <(/usr/bin/python3 -c 'import socket
all = [socket.socket() for _ in range(2)]
for it in all: it.bind(("127.0.0.1", 0))
print(*(it.getsockname()[1] for it in all))')
etcd --data-dir "$folder/data" --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "http://127.0.0.1:$peers" > log 2>&1 &
server=$!
for _ in {1..100}; do (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null && break || sleep 0.1; done
cat > try.py << 'PY'
import sys
import threading

from etcd3gw.client import Etcd3Client

everybody = threading.Barrier(3, timeout=5)
acquired = []


def client():
    return Etcd3Client(port=int(sys.argv[1]), api_path="/v3/")


def work():
    with client().lock("job", ttl=30) as lock:
        everybody.wait()
        acquired.append(lock.is_acquired())
        everybody.wait()


# Until the server has a leader.
client().put("ready", "yes")
threads = [threading.Thread(target=work) for _ in range(3)]
for it in threads:
    it.start()
for it in threads:
    it.join()
print(f"inside at the same time: {len(acquired)}, of whom {sum(acquired)} has the lock")
client().lock("job").acquire()
print(f"acquire() of a lock that is held: {client().lock('job').acquire()}")
PY
expected="inside at the same time: 3, of whom 1 has the lock
acquire() of a lock that is held: False"
seen=$(/usr/bin/python3 try.py "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
