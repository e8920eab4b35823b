#!/usr/bin/env bash
# etcd 3.4.23, `etcdctl lock NAME COMMAND`: the command goes on when the lock is lost, beside the next one, and has succeeded.
#
# `etcdctl lock --ttl 10 backup ./backup.sh` runs the script while it has the lock, and one expects the script to be ended, or at
# least an error to be told, when the lock is lost in the middle, as `consul lock` does. etcdctl takes the lock, starts the command
# and waits for it. When the lease ends, as after ten seconds without a connection, nobody hears of it: the next one gets the lock and
# runs, the first runs on, and ends with 0. And what a command fails with is not told either: each failure is 1.
#
# Seen with etcd 3.4.23 (the lease is revoked while the first one is at work):
#
#     first begins, second begins, second ends, first ends; the first one ended with 0
#     a command that fails with 3: ended with 1
#
# Succeeds while this is so. Needs Debian 12 and etcd. What to do instead: a command that asks now and then whether its key is there
# (`ETCD_LOCK_KEY`).
set -euo pipefail
command -v etcd > /dev/null || { echo "needs etcd (Debian's etcd-server)"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq etcd-client=3.4.23-4+b4 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
dpkg -x ./*.deb packages
ports=$(python3 -c 'import socket
all = [socket.socket() for _ in range(2)]
for it in all: it.bind(("127.0.0.1", 0))
print(*[f"http://127.0.0.1:{it.getsockname()[1]}" for it in all])')
read -r client peer <<< "$ports"
etcd --data-dir data --listen-client-urls "$client" --advertise-client-urls "$client" --listen-peer-urls "$peer" \
  --initial-advertise-peer-urls "$peer" --initial-cluster "default=$peer" > log 2>&1 &
server=$!
ctl() { ETCDCTL_API=3 packages/usr/bin/etcdctl --endpoints "$client" "$@"; }
for _ in {1..100}; do ctl endpoint health > /dev/null 2>&1 && break || sleep 0.1; done
cat > work.sh << 'SH'
#!/bin/sh
echo "$1 begins" >> said
while [ ! -e "$1.go" ]; do sleep 0.05; done
echo "$1 ends" >> said
SH
printf '#!/bin/sh\nexit 3\n' > fails.sh
chmod +x ./*.sh
lock() { ctl lock --ttl 60 backup "$@" 2> /dev/null; }
touch second.go said
lock ./work.sh first &
first=$!
until grep -q first said; do sleep 0.05; done
ctl lease revoke "$(ctl lease list | tail -1)" > /dev/null
lock ./work.sh second
touch first.go
code=0
wait $first || code=$?
fails=0
lock ./fails.sh || fails=$?
seen="$(paste -sd, said | sed 's/,/, /g'); the first one ended with $code
a command that fails with 3: ended with $fails"
expected="first begins, second begins, second ends, first ends; the first one ended with 0
a command that fails with 3: ended with 1"
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
