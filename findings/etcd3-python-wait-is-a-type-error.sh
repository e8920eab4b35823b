#!/usr/bin/env bash
# etcd3 0.12.0 (Python) with tenacity 8.2.1: a lock that somebody has cannot be waited for; `acquire` is a TypeError, and the worker ends.
#
# `client.lock("job").acquire(timeout=10)` takes a lock of etcd, or waits for it and says False after ten seconds. The first one gets it, and who
# only asks (`timeout=0`) is told False, so with one worker, and in a test with a fake, everything works. But between the tries it calls
# `tenacity` with a function of two arguments, which since its version 6 gets one. etcd3 0.12.0, its last release, asks for "6.1.0 or later", so
# that is what is installed today, by Debian as well. The second worker does not wait when both start: it ends with an error about the
# arguments of a function that it has never heard of, on the day on which for the first time two want the lock at the same moment.
#
# Seen with etcd 3.4.23 (the holder leaves after two seconds):
#
#     free: True, after 0 s
#     taken, timeout=0: False, after 0 s
#     taken, timeout=10: TypeError, after 0 s
#     taken, `with`: TypeError, after 0 s
#
# Succeeds while this is so. Needs Debian 12 and etcd. What to do instead: to ask with `timeout=0`, in a loop with a pause of one's own.
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-etcd3=0.12.0-2 python3-tenacity=8.2.1-1 python3-grpcio python3-protobuf python3-six libgrpc29 libabsl20220623 \
  libprotobuf32 libc-ares2 libre2-9 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(port)
peers=http://127.0.0.1:$(port)
etcd --data-dir data --listen-client-urls "http://127.0.0.1:$port" --advertise-client-urls "http://127.0.0.1:$port" \
  --listen-peer-urls "$peers" --initial-advertise-peer-urls "$peers" --initial-cluster "default=$peers" > log 2>&1 &
server=$!
for _ in {1..100}; do ETCDCTL_API=3 etcdctl --endpoints="127.0.0.1:$port" get it > /dev/null 2>&1 && break || sleep 0.1; done
cat > try.py << 'PY'
import sys
import threading
import time

import etcd3

port = int(sys.argv[1])


def seen(name, work):
    begun = time.monotonic()
    try:
        said = work(etcd3.client(port=port).lock("job", ttl=60))
    except TypeError:
        said = "TypeError"
    print(f"{name}: {said}, after {round(time.monotonic() - begun)} s", flush=True)


def enter(lock):
    with lock:
        return "let in"


holder = etcd3.client(port=port).lock("job", ttl=60)
seen("free", lambda _: holder.acquire(timeout=10))
seen("taken, timeout=0", lambda lock: lock.acquire(timeout=0))
threading.Timer(2, holder.release).start()
seen("taken, timeout=10", lambda lock: lock.acquire(timeout=10))
seen("taken, `with`", enter)
PY
expected="free: True, after 0 s
taken, timeout=0: False, after 0 s
taken, timeout=10: TypeError, after 0 s
taken, \`with\`: TypeError, after 0 s"
seen=$(PYTHONPATH=packages/usr/lib/python3/dist-packages LD_LIBRARY_PATH=packages/usr/lib/x86_64-linux-gnu \
  PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python /usr/bin/python3 try.py "$port" 2> errors) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
