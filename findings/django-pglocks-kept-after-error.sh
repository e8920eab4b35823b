#!/usr/bin/env bash
# django-pglocks 1.0.4 (Python): after an error in a transaction the lock is not released, for as long as the connection is kept.
#
# `with advisory_lock("import"):` takes an advisory lock of PostgreSQL and releases it at the end, after an error as well. One expects that within
# `transaction.atomic()`, too. But it is a lock of the session, which the end of the transaction does not release, and
# after an error of the database the transaction takes no more statements, so that "unlock" fails as well. The lock stays
# with the connection; with `CONN_MAX_AGE` that is the next request's, and who has it is let in again, as the lock is its session's, while all
# other processes wait. What one sees is the second error, in the place of the first. An error of Python's own is harmless.
#
# Seen with Django 3.2, psycopg2 2.9.5, PostgreSQL 15.18 (another connection tries to get the lock afterwards):
#
#     a ValueError within: ValueError; another one: let in
#     a duplicate key within, no transaction: IntegrityError; another one: let in
#     a duplicate key within, in a transaction: InternalError; another one: refused
#     a duplicate key within, in a transaction that is within the lock: IntegrityError; another one: let in
#
# Succeeds while this is so. Needs Debian 12 and its Python. What to do instead: the lock around the transaction, or
# `pg_advisory_xact_lock`, which ends with it.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/15/bin 2> /dev/null) || { echo "needs PostgreSQL 15 (Debian's postgresql)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-django-pglocks=1.0.4-1 python3-django=3:3.2.25-0+deb12u7 python3-psycopg2=2.9.5-1+b1 libpq5 python3-asgiref \
  python3-sqlparse python3-tz python3-six 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
# The server does not run as root.
as=()
if [[ $(id -u) == 0 ]]; then
  chown postgres .
  as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
fi
"${as[@]}" "$bin/initdb" --auth=trust --username=postgres -D "$folder/data" > /dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -c listen_addresses= -c unix_socket_directories="$folder" > log 2>&1 &
server=$!
for _ in {1..100}; do "$bin/pg_isready" -q -h "$folder" && break || sleep 0.1; done
cat > try.py << 'PY'
import os

from django.conf import settings

database = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": os.getcwd()}
settings.configure(DATABASES={"default": database, "another": database}, USE_TZ=True)

import django

django.setup()

from django.db import connections, transaction
from django_pglocks import advisory_lock


def duplicate():
    connections["default"].cursor().execute("insert into it values (1)")


def error():
    raise ValueError


def in_lock(work):
    with advisory_lock("import"):
        work()


def in_transaction(work):
    with transaction.atomic():
        work()


def seen(name, work):
    try:
        work()
    except Exception as error:
        result = type(error).__name__
    with advisory_lock("import", wait=False, using="another") as acquired:
        print(f"{name}: {result}; another one: {'let in' if acquired else 'refused'}")
    connections["default"].close()


connections["another"].cursor().execute("create table it (id int primary key)")
connections["another"].cursor().execute("insert into it values (1)")
seen("a ValueError within", lambda: in_transaction(lambda: in_lock(error)))
seen("a duplicate key within, no transaction", lambda: in_lock(duplicate))
seen("a duplicate key within, in a transaction", lambda: in_transaction(lambda: in_lock(duplicate)))
seen("a duplicate key within, in a transaction that is within the lock", lambda: in_lock(lambda: in_transaction(duplicate)))
connections["another"].close()
PY
expected="a ValueError within: ValueError; another one: let in
a duplicate key within, no transaction: IntegrityError; another one: let in
a duplicate key within, in a transaction: InternalError; another one: refused
a duplicate key within, in a transaction that is within the lock: IntegrityError; another one: let in"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" LD_LIBRARY_PATH="$folder/packages/usr/lib/x86_64-linux-gnu" \
  /usr/bin/python3 try.py 2> errors)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; cat errors; exit 1; }
