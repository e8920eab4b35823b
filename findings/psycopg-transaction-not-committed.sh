#!/usr/bin/env bash
# psycopg 3.1.7 (Python): what was done `with connection.transaction()` is not committed at its end, if anything was read before.
#
# `with connection.transaction():` "starts a transaction, and commits it at the end of the block". One expects what was done in it to be there
# afterwards, for all, and a lock of that transaction (`pg_advisory_xact_lock`, `FOR UPDATE`) to be free. But a connection
# begins a transaction of its own with its first command, be it a SELECT; a block that comes after that is a savepoint in it. So
# nothing is committed when the block ends, and the lock stays, until somebody commits the whole: others wait meanwhile, and if the process
# dies, or the next statement fails and is rolled back, all blocks since that SELECT are undone. Where the block was the first thing
# that the connection did, it is as expected, so it depends on what the caller did before.
#
# Seen with PostgreSQL 15 (a row is written and an advisory lock taken in the block; another one looks, then the connection is lost):
#
#     block first: the row is there, the lock is free; in the end the row is there
#     SELECT, then the block: the row is not there, the lock is taken; in the end the row is not there
#     SELECT, then the block, autocommit: the row is there, the lock is free; in the end the row is there
#
# Succeeds while this is so. Needs Debian 12, its Python (/usr/bin/python3) and PostgreSQL. What to do instead: `autocommit=True`.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | tail -1)
[[ -x $bin/initdb ]] || { echo "needs PostgreSQL"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null && wait "$server" 2> /dev/null; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq python3-psycopg=3.1.7-4 python3-typing-extensions 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
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
import psycopg

url = f"host={os.getcwd()} user=postgres"
other = psycopg.connect(url, autocommit=True)
other.execute("create table done (what text)")


def seen(name, before, autocommit=False):
    connection = psycopg.connect(url, autocommit=autocommit)
    if before:
        connection.execute("select 1")
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(1)")
        connection.execute("insert into done values (%s)", (name,))

    def there():
        count = other.execute("select count(*) from done where what = %s", (name,)).fetchone()[0]
        return "is there" if count == 1 else "is not there"

    row = there()
    free = other.execute("select pg_try_advisory_lock(1)").fetchone()[0]
    other.execute("select pg_advisory_unlock_all()")
    # as if the process had died here
    connection.close()
    print(f"{name}: the row {row}, the lock is {'free' if free else 'taken'}; in the end the row {there()}")


seen("block first", False)
seen("SELECT, then the block", True)
seen("SELECT, then the block, autocommit", True, True)
PY
expected="block first: the row is there, the lock is free; in the end the row is there
SELECT, then the block: the row is not there, the lock is taken; in the end the row is not there
SELECT, then the block, autocommit: the row is there, the lock is free; in the end the row is there"
seen=$(PYTHONPATH="$folder/packages/usr/lib/python3/dist-packages" /usr/bin/python3 try.py)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
