#!/usr/bin/env bash
# distributed 2022.12.1 (Dask, Python): a task whose worker died is run again, and waits for ever for the `Lock` that it had itself.
#
# Dask runs a task again on another worker when its worker has died, and `Lock("job")` is its lock among all workers, kept by the scheduler.
# The scheduler knows who died, and its `Semaphore` gives a lease back after thirty seconds in which it was not renewed. One expects the
# same of the `Lock`, or less, as the scheduler has seen the connection end. But a lock is kept under a number that no worker stands for. It stays
# taken until the scheduler ends, by a holder that is no more: the task that is run again waits for itself, with it all others that want the
# lock, a worker each, and nothing is said of it. The documentation names no difference but the number of those who are let in.
#
# Seen (a task that takes it, and whose worker dies while it has it the first time; two workers):
#
#     Semaphore(max_leases=1): run again, done
#     Lock: run again, waits after twice that time
#
# Succeeds while this is so; takes about two minutes. Needs Debian 12. What to do instead: `Semaphore(max_leases=1)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-distributed=2022.12.1+ds.1-3 python3-dask python3-cloudpickle python3-click python3-colorama python3-locket \
  python3-msgpack python3-packaging python3-psutil python3-sortedcontainers python3-tblib python3-toolz python3-tornado python3-urllib3 \
  python3-yaml python3-zict python3-heapdict python3-jinja2 python3-markupsafe python3-fsspec python3-partd python3-six libyaml-0-2 \
  python3-importlib-metadata python3-zipp 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.py << 'PY'
import os
import time

from distributed import Client, LocalCluster, Lock, Semaphore, TimeoutError


def task(kind):
    held = Lock("job") if kind == "Lock" else Semaphore(max_leases=1, name="job")
    with held:
        if not os.path.exists(f"{kind}.first"):
            open(f"{kind}.first", "w").close()
            os._exit(1)
        return "done"


if __name__ == "__main__":
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster) as client:
        begun = time.monotonic()
        said = client.submit(task, "Semaphore").result(timeout=300)
        took = time.monotonic() - begun
        print(f"Semaphore(max_leases=1): {'run again' if os.path.exists('Semaphore.first') else 'run once'}, {said}", flush=True)
        waiting = client.submit(task, "Lock")
        try:
            said = waiting.result(timeout=2 * took)
        except TimeoutError:
            said = "waits after twice that time"
        print(f"Lock: {'run again' if os.path.exists('Lock.first') else 'run once'}, {said}", flush=True)
        waiting.cancel(force=True)
        for it in cluster.workers.values():
            it.process.process._process.kill()
        os._exit(0)
PY
expected="Semaphore(max_leases=1): run again, done
Lock: run again, waits after twice that time"
seen=$(PYTHONPATH=packages/usr/lib/python3/dist-packages LD_LIBRARY_PATH=packages/usr/lib/x86_64-linux-gnu /usr/bin/python3 try.py 2> log) || true
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
