#!/usr/bin/env bash
# RQ 1.13.0 (Python): a job that is cancelled while it runs goes on, has finished in the end, and starts those that depend on it; one id is done twice.
#
# `job.cancel()` of a job that is being done makes its status `canceled`, and what depends on it is not to be done, one expects,
# even if what has begun can't be stopped. But the worker knows nothing of it: it does the job to its end, writes `finished`, and
# puts the next one into the queue. And a job that is enqueued with the `job_id` of one that waits, so that there be one of it, is
# that one, twice in the queue, and is done twice.
#
# Seen with Python 3.11 and redis-server 7.0.15 (a job of a second, and another one that depends on it):
#
#     cancelled at work: canceled; at the end: finished; the next one: finished
#     enqueued twice with one job_id: in the queue: 2, done: 2 times
#
# Succeeds while this is so. Needs Debian 12 and redis-server. What to do instead: `send_stop_job_command`, and a look at the status
# before `enqueue`.
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


def slow():
    redis.set("begun", 1)
    time.sleep(1)


def count():
    redis.incr("count")
PY
cat > try.py << 'PY'
import threading
import time

import jobs
from rq import Queue, SimpleWorker, Worker

queue = Queue(connection=jobs.redis)
slow = queue.enqueue(jobs.slow)
after = queue.enqueue(jobs.count, depends_on=slow)
statuses = []


def cancel():
    while not jobs.redis.get("begun"):
        time.sleep(0.01)
    slow.cancel()
    statuses.append(slow.get_status(refresh=True))


canceller = threading.Thread(target=cancel)
canceller.start()
Worker([queue], connection=jobs.redis).work(burst=True, logging_level="CRITICAL")
canceller.join()
print(
    f"cancelled at work: {statuses[0]}; at the end: {slow.get_status(refresh=True)};"
    f" the next one: {after.get_status(refresh=True)}"
)
jobs.redis.delete("count")
for _ in range(2):
    queue.enqueue(jobs.count, job_id="report")
waiting = queue.count
SimpleWorker([queue], connection=jobs.redis).work(burst=True, logging_level="CRITICAL")
print(f"enqueued twice with one job_id: in the queue: {waiting}, done: {int(jobs.redis.get('count'))} times")
PY
expected="cancelled at work: canceled; at the end: finished; the next one: finished
enqueued twice with one job_id: in the queue: 2, done: 2 times"
seen=$(/usr/bin/python3 try.py 2> /dev/null)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
