#!/usr/bin/env bash
# Berkeley DB 5.3.28: a lock timeout of half a second ends no wait; who waits alone waits for as long as the lock is held.
#
# `set_timeout(500000, DB_SET_LOCK_TIMEOUT)` is accepted, can be read back, and is 500,000 microseconds, as in the manual. One expects who
# waits for a lock for longer to be refused it then, as by the lock timeouts of all other databases. But the waiting process sleeps
# without an end, and no thread of the environment looks at the clock. Timeouts are looked at when somebody calls `lock_detect`, and are over
# then, whenever that is. `set_lk_detect(DB_LOCK_EXPIRE)`, "run it whenever a thread blocks", changes nothing of it for who waits already, also
# when others come to wait for the same lock. So behind a process that hangs one waits for ever, all timeouts set.
#
# Seen by its Python binding (one holds a lock, one waits for it with a timeout of 0.5 s; looked at after 3 s):
#
#     timeout: 500000 microseconds
#     after 3 s: waits
#     after lock_detect(DB_LOCK_EXPIRE): DBLockNotGrantedError, after 3 s
#     another one who waits for 3 s: waits
#     when somebody else has begun to wait, too: waits
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a thread that calls `lock_detect(DB_LOCK_EXPIRE)` again and again.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-bsddb3=6.2.9-2+b4 libdb5.3 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
mkdir environment
cat > try.py << 'PY'
import threading
import time

from bsddb3 import db

assert db.DB_VERSION_STRING.startswith("Berkeley DB 5.3.28"), db.DB_VERSION_STRING
environment = db.DBEnv()
environment.set_timeout(500_000, db.DB_SET_LOCK_TIMEOUT)
environment.set_lk_detect(db.DB_LOCK_EXPIRE)
environment.open("environment", db.DB_CREATE | db.DB_INIT_LOCK | db.DB_INIT_MPOOL | db.DB_THREAD)
print(f"timeout: {environment.get_timeout(db.DB_SET_LOCK_TIMEOUT)} microseconds")


class Waits:
    def __init__(self):
        self.said = "waits"
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        begun = time.monotonic()
        try:
            environment.lock_get(environment.lock_id(), b"job", db.DB_LOCK_WRITE)
            self.said = "got it"
        except db.DBError as error:
            self.said = f"{type(error).__name__}, after {round(time.monotonic() - begun)} s"

    def after(self, seconds):
        self.thread.join(seconds)
        return self.said


environment.lock_get(environment.lock_id(), b"job", db.DB_LOCK_WRITE)
one = Waits()
print(f"after 3 s: {one.after(3)}")
environment.lock_detect(db.DB_LOCK_EXPIRE)
print(f"after lock_detect(DB_LOCK_EXPIRE): {one.after(0.3)}")
two = Waits()
print(f"another one who waits for 3 s: {two.after(3)}")
Waits()
print(f"when somebody else has begun to wait, too: {two.after(1)}")
PY
expected="timeout: 500000 microseconds
after 3 s: waits
after lock_detect(DB_LOCK_EXPIRE): DBLockNotGrantedError, after 3 s
another one who waits for 3 s: waits
when somebody else has begun to wait, too: waits"
seen=$(PYTHONPATH=packages/usr/lib/python3/dist-packages LD_LIBRARY_PATH=packages/usr/lib/x86_64-linux-gnu /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
