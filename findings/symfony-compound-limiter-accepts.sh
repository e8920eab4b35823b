#!/usr/bin/env bash
# symfony/rate-limiter 5.4.53 (PHP): a `CompoundLimiter` lets a call through that one of its limiters refuses.
#
# A compound limiter is of several limiters, say ten points a minute for each client and twelve for all of them, and one expects it to
# accept what all of them accept. It asks all, and gives the answer of the one that has the fewest points left, refused or not.
# For calls of one point both are the same: who refuses has none left. A call that costs more is refused by a limiter that has
# some left, but too few, and accepted by another one, which then has fewer: that one's answer is given, and the call is made.
# So a client goes beyond its own limit just when the limit of all is nearly used up.
#
# Seen with PHP 8.2 (limits of 10 and 12; 7 and 5 of them are used; a call of 5 points):
#
#     the client's limiter: refused, 3 left
#     the limiter of all: accepted, 2 left
#     both as a CompoundLimiter: accepted, 2 left
#
# Succeeds while this is so. Needs Debian 12. What to do instead: ask the limiters one after the other, and stop at a refusal.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cli php8.2-common libargon2-1 libsodium23 php-symfony-rate-limiter=5.4.53+dfsg-0+deb12u1 php-symfony-lock php-symfony-options-resolver php-psr-log php-psr-cache \
  php-symfony-deprecation-contracts \
  2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
php() { packages/usr/bin/php8.2 -n -d include_path="$folder/packages/usr/share/php" "$@"; }
cat > try.php << 'PHP'
<?php
require "Symfony/Component/RateLimiter/autoload.php";
use Symfony\Component\RateLimiter\CompoundLimiter;
use Symfony\Component\RateLimiter\RateLimiterFactory;
use Symfony\Component\RateLimiter\Storage\InMemoryStorage;

function limiters() {
    $storage = new InMemoryStorage();
    $limiter = fn ($id, $limit, $used) => tap(
        (new RateLimiterFactory(['id' => $id, 'policy' => 'fixed_window', 'limit' => $limit, 'interval' => '1 minute'], $storage))->create(), $used
    );
    return [$limiter('client', 10, 7), $limiter('all', 12, 5)];
}
function tap($limiter, $used) {
    $limiter->consume($used);
    return $limiter;
}
function say($name, $answer) {
    echo "$name: ", $answer->isAccepted() ? 'accepted' : 'refused', ", {$answer->getRemainingTokens()} left\n";
}

[$client, $all] = limiters();
say("the client's limiter", $client->consume(5));
say('the limiter of all', $all->consume(5));
say('both as a CompoundLimiter', (new CompoundLimiter(limiters()))->consume(5));
PHP
expected="the client's limiter: refused, 3 left
the limiter of all: accepted, 2 left
both as a CompoundLimiter: accepted, 2 left"
seen=$(php try.php)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
