#!/usr/bin/env bash
# malkusch/lock 2.2.1 (PHP), `FlockMutex`: a `synchronized` within a `synchronized` lets others in for the rest of the outer one.
#
# A function that needs the lock calls another one that needs it as well, with the same mutex. One expects one of three: that the inner
# call is let in and the lock stays until the outer one has ended (as with advisory locks of PostgreSQL, which are counted, and which
# the library has as well), that it waits for ever, or that it fails. With files it is let in, as the handle has the lock already,
# and at its end it unlocks. What the outer function does from there on is done without the lock, and at its end it unlocks
# once more, without a word.
#
# Seen with PHP 8.2 (another one tries to get the lock of the same file):
#
#     before the inner call: refused, during it: refused, after it: let in
#
# Succeeds while this is so. Needs Debian 12. What to do instead: take the lock in one place, and call what is within without it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cli php8.2-common libargon2-1 libsodium23 php-malkusch-lock=2.2.1+ds-1 php-psr-log \
  2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
php() { packages/usr/bin/php8.2 -n -d include_path="$folder/packages/usr/share/php" "$@"; }
cat > try.php << 'PHP'
<?php
require "Malkusch/Lock/autoload.php";
use malkusch\lock\mutex\FlockMutex;

touch('file');
$mutex = new FlockMutex(fopen('file', 'r+'));
$another = fn () => flock(fopen('file', 'r+'), LOCK_EX | LOCK_NB) ? 'let in' : 'refused';
$mutex->synchronized(function () use ($mutex, $another) {
    $before = $another();
    $during = $mutex->synchronized($another);
    echo "before the inner call: $before, during it: $during, after it: {$another()}\n";
});
PHP
expected="before the inner call: refused, during it: refused, after it: let in"
seen=$(php try.php)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
