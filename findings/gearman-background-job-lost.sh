#!/usr/bin/env bash
# gearmand 1.1.20: a background job that waits in the queue is dropped when somebody who waits for a job of that id goes away.
#
# A job with a unique id is done once, however many ask for it: whoever comes later joins the one that waits. A foreground job is one whose
# client waits for the answer, and it is dropped, if it has not begun, when that client goes; a background job is to be done in any case, its
# client has its "job created" and leaves. One expects a job that both have asked for to be done in any case. But when the last
# client that waits for it has gone, the job goes with it, whichever came first: a page that is closed, or a client with
# a time limit, takes a job from the queue that others were told to have been accepted.
#
# Seen (asked as one of `update user 1`; a worker comes half a second after all that):
#
#     background: the worker gets the job
#     background, and another one in the background: the worker gets the job
#     background, then foreground, whose client stays: the worker gets the job
#     background, then foreground, whose client goes: the worker gets nothing
#     foreground, then background, and the client of the foreground goes: the worker gets nothing
#
# Succeeds while this is so. Needs Debian 12. What to do instead: ids for the foreground that no background job has.
set -euo pipefail

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq gearman-job-server=1.1.20+ds-1 libgearman8 libevent-2.1-7 libevent-pthreads-2.1-7 libhashkit2 libmemcached11 \
  libmemcachedutil2 libtokyocabinet9 libhiredis0.14 libboost-program-options1.74.0 libmariadb3 libpq5 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu packages/usr/sbin/gearmand --listen=127.0.0.1 --port="$port" \
  --log-file="$folder/log" &
server=$!
until (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.05; done
cat > try.py << 'PY'
import socket
import struct
import sys
import time

CAN_DO, FOREGROUND, JOB_CREATED, GRAB_JOB, NO_JOB, JOB_ASSIGN, BACKGROUND = 1, 7, 8, 9, 10, 11, 18


class Connection:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5)

    def ask(self, kind, *arguments, answer=True):
        data = b"\0".join(it.encode() for it in arguments)
        self.socket.sendall(b"\0REQ" + struct.pack(">II", kind, len(data)) + data)
        if answer:
            kind, length = struct.unpack(">4xII", self.socket.recv(12, socket.MSG_WAITALL))
            return kind, self.socket.recv(length, socket.MSG_WAITALL) if length else b""

    def submit(self, kind, function):
        assert self.ask(kind, function, "update user 1", "data")[0] == JOB_CREATED


def seen(name, function, *asked):
    stay = []
    for kind, leave in asked:
        client = Connection()
        client.submit(kind, function)
        stay.append((client, leave))
    for client, leave in stay:
        if leave:
            client.socket.close()
    time.sleep(0.5)
    worker = Connection()
    worker.ask(CAN_DO, function, answer=False)
    kind, _ = worker.ask(GRAB_JOB)
    print(f"{name}: the worker gets {'the job' if kind == JOB_ASSIGN else 'nothing'}")


background, stays, goes = (BACKGROUND, True), (FOREGROUND, False), (FOREGROUND, True)
seen("background", "a", background)
seen("background, and another one in the background", "b", background, background)
seen("background, then foreground, whose client stays", "c", background, stays)
seen("background, then foreground, whose client goes", "d", background, goes)
seen("foreground, then background, and the client of the foreground goes", "e", goes, background)
PY
expected="background: the worker gets the job
background, and another one in the background: the worker gets the job
background, then foreground, whose client stays: the worker gets the job
background, then foreground, whose client goes: the worker gets nothing
foreground, then background, and the client of the foreground goes: the worker gets nothing"
seen=$(/usr/bin/python3 try.py "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
