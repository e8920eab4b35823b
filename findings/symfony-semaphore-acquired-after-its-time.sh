#!/usr/bin/env bash
# symfony/semaphore 5.4.53 (PHP): after its time a semaphore says that it is acquired, and one that is acquired anew that it has more time.
#
# A semaphore has a time to live; whoever needs longer calls `refresh()`, or asks `isAcquired()` before the next step. But that looks for its
# entry in Redis, not for the time of the entry, and what is over stays there for ten seconds, or until somebody else comes. So a
# holder that was too slow is told that it has its place. And `acquire()` of one who has it is true, and sets the time that the
# object tells (`getRemainingLifetime`) anew, but not the one in Redis: after the old time another one gets the place, while
# the first is told that most of its time is left.
#
# Seen with PHP 8.2 and redis-server 7.0.15 (a limit of one, one of 2 s):
#
#     after 4 s: isAcquired: true, isExpired: true
#     acquired, and acquired again after 1 s: 2 s left; after another 2 s another one is: let in
#
# Succeeds while this is so. Needs Debian 12 and redis-server. What to do instead: `refresh()`, which tells.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cli php8.2-common libargon2-1 libsodium23 php8.2-redis php8.2-igbinary php-psr-log \
  php-symfony-semaphore=5.4.53+dfsg-0+deb12u1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
php() { packages/usr/bin/php8.2 -n -d include_path="$folder/packages/usr/share/php" "$@"; }
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" > log &
server=$!
until (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.1; done
cat > try.php << 'PHP'
<?php
require "Symfony/Component/Semaphore/autoload.php";
use Symfony\Component\Semaphore\SemaphoreFactory;
use Symfony\Component\Semaphore\Store\RedisStore;

$redis = new Redis();
$redis->connect('127.0.0.1', (int) $argv[1]);
$factory = new SemaphoreFactory(new RedisStore($redis));
$word = fn ($value) => $value ? 'true' : 'false';

$slow = $factory->createSemaphore('slow', 1, 1, 2);
$slow->acquire();
sleep(4);
echo "after 4 s: isAcquired: {$word($slow->isAcquired())}, isExpired: {$word($slow->isExpired())}\n";

$first = $factory->createSemaphore('again', 1, 1, 2);
$first->acquire();
sleep(1);
$first->acquire();
$left = round($first->getRemainingLifetime());
sleep(2);
$another = $factory->createSemaphore('again', 1, 1, 2)->acquire();
echo "acquired, and acquired again after 1 s: $left s left; after another 2 s another one is: ", $another ? 'let in' : 'refused', "\n";
PHP
expected="after 4 s: isAcquired: true, isExpired: true
acquired, and acquired again after 1 s: 2 s left; after another 2 s another one is: let in"
extensions=$(echo "$folder"/packages/usr/lib/php/2*)
seen=$(php -d extension="$extensions/igbinary.so" -d extension="$extensions/redis.so" try.php "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
