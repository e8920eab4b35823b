#!/usr/bin/env bash
# RQ 1.13.0 (Python): a job that goes on after an error has no time limit: `job_timeout` is one exception, thrown once.
#
# `queue.enqueue(job, job_timeout=1)`: a job that takes longer is ended, one expects, as the worker runs it in a process of its own that it
# can kill. But the limit is an alarm in that process, which throws a `JobTimeoutException` wherever the job is at that moment, and that is
# an `Exception` like others. A job that works through a list, and catches what goes wrong with one of the items to go on with the next, as
# good ones do, has one item that failed, and from then on all the time it likes. The worker itself steps in a minute later, and only
# then.
#
# Seen with Python 3.11 and redis-server 7.0.15 (job_timeout=1; eight items of half a second):
#
#     items that failed: JobTimeoutException; items done: 7; status: finished
#     the same without a catch: items done: 1; status: failed
#
# Succeeds while this is so. Needs Debian 12 and redis-server. What to do instead: `except JobTimeoutException: raise` before it.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-rq=1.13.0-1 python3-redis python3-async-timeout python3-deprecated python3-packaging python3-wrapt \
  python3-click python3-dateutil python3-colorama 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PYTHONPATH=$folder/packages/usr/lib/python3/dist-packages:$folder PORT
PORT=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$PORT" --bind 127.0.0.1 --save "" > log &
server=$!
until (echo > "/dev/tcp/127.0.0.1/$PORT") 2> /dev/null; do sleep 0.1; done
cat > jobs.py << 'PY'
import os
import time

from redis import Redis

redis = Redis(port=int(os.environ["PORT"]))


def item():
    time.sleep(0.5)
    redis.incr("done")


def careful():
    for _ in range(8):
        try:
            item()
        except Exception as error:
            redis.rpush("failed", type(error).__name__)


def simple():
    for _ in range(8):
        item()
PY
cat > try.py << 'PY'
import jobs
from rq import Queue, Worker


def go(job):
    jobs.redis.flushall()
    queue = Queue(connection=jobs.redis)
    it = queue.enqueue(job, job_timeout=1)
    Worker([queue], connection=jobs.redis).work(burst=True, logging_level="CRITICAL")
    failed = ", ".join(name.decode() for name in jobs.redis.lrange("failed", 0, -1))
    return failed, f"items done: {int(jobs.redis.get('done'))}; status: {it.get_status(refresh=True)}"


print("items that failed: %s; %s" % go(jobs.careful))
print(f"the same without a catch: {go(jobs.simple)[1]}")
PY
expected="items that failed: JobTimeoutException; items done: 7; status: finished
the same without a catch: items done: 1; status: failed"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
