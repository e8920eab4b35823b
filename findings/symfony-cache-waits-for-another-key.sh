#!/usr/bin/env bash
# symfony/cache 5.4.53 (PHP): who asks for one key waits for whoever computes another one, of another cache, for as long as that takes.
#
# `$cache->get($key, $compute)` lets one process of a host compute a value while others wait for it, against stampedes. One expects
# the wait to be for the key. But there are 26 locks for all keys of all caches, which are the library's own source files: the key's
# checksum, without the name of the pool, picks one. Of a thousand users that are loaded, forty share a lock, "user.1" with
# "user.3": who wants a value that takes a millisecond waits for a report of a minute, and then takes its turn among all
# those who waited. On the command line there are no such locks, so tests do not show it.
#
# Seen with PHP 8.2 as it serves pages (another process computes "user.1" of a cache in a folder of its own, for 2 s; these take no time):
#
#     user.2 of this cache: at once
#     user.3 of this cache: after 2 s
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `LockRegistry::setFiles` with files of each application's own, as many
# as one likes, or `$cache->setCallbackWrapper(null)`, and a lock of one's own where a stampede hurts.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cgi php8.2-common libargon2-1 libsodium23 php-symfony-cache=5.4.53+dfsg-0+deb12u1 php-symfony-cache-contracts \
  php-symfony-deprecation-contracts php-symfony-service-contracts php-symfony-var-exporter php-psr-cache php-psr-container php-psr-log \
  php-psr-simple-cache 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
# Not `php`, as on the command line the library does without the lock.
php() { packages/usr/bin/php-cgi8.2 -q -n -d include_path="$folder/packages/usr/share/php" "$@"; }
cat > try.php << 'PHP'
<?php
require "Symfony/Component/Cache/autoload.php";
use Symfony\Component\Cache\Adapter\FilesystemAdapter;

$who = getenv('WHO');
$cache = new FilesystemAdapter($who, 0, "cache of $who");
if ($who == 'another') {
    $cache->get('user.1', function () {
        touch('begun');
        usleep(2_000_000);
    });
    exit;
}
foreach (['user.2', 'user.3'] as $key) {
    $begun = microtime(true);
    $cache->get($key, fn () => 1);
    $took = microtime(true) - $begun;
    echo "$key of this cache: ", $took < 0.5 ? 'at once' : 'after ' . round($took) . ' s', "\n";
}
PHP
expected="user.2 of this cache: at once
user.3 of this cache: after 2 s"
seen=$(
  WHO=another php "$folder/try.php" &
  until [[ -e begun ]]; do sleep 0.02; done
  WHO=this php "$folder/try.php"
  wait
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
