#!/usr/bin/env bash
# illuminate/cache 8.83.26 (Laravel), `RateLimiter::attempt`: a call that fails is not counted, and those beside each other are all made.
#
# `RateLimiter::attempt("key", 3, $call)` makes the call if there are attempts left, and uses one. One expects the fourth to be
# refused, whatever came of the first three: what is limited are attempts. But the attempt is counted when the call has ended well.
# One that throws is not counted, so that what always fails is tried without a limit, which is what limits are mostly for; and as
# long as calls are at work, in other processes or one within the other, none of them counts. And a call that returns `false`, as
# `attempt` does for a refusal, is `true`.
#
# Seen with PHP 8.2 (three attempts; ten calls):
#
#     each throws: made 10, left 3
#     each within the one before: made 10, left -7
#     one after the other: made 3, left 0
#     a call that returns false: true
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `hit()` before the call, and `tooManyAttempts()` before that.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq php8.2-cli php8.2-common libargon2-1 libsodium23 php8.2-mbstring \
  php-illuminate-cache=8.83.26+dfsg-2 php-illuminate-collections php-illuminate-contracts php-illuminate-macroable \
  php-illuminate-support php-nesbot-carbon php-psr-container php-psr-simple-cache php-doctrine-inflector \
  php-voku-portable-ascii php-symfony-translation php-symfony-translation-contracts php-symfony-deprecation-contracts \
  php-illuminate-filesystem php-symfony-finder php-ramsey-uuid php-ramsey-collection php-brick-math 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
export LD_LIBRARY_PATH=$folder/packages/usr/lib/x86_64-linux-gnu
php() { packages/usr/bin/php8.2 -n -d include_path="$folder/packages/usr/share/php" "$@"; }
cat > try.php << 'PHP'
<?php
require "Illuminate/Cache/autoload.php";
use Illuminate\Cache\ArrayStore;
use Illuminate\Cache\RateLimiter;
use Illuminate\Cache\Repository;

$limiter = new RateLimiter(new Repository(new ArrayStore()));
$made = 0;
$say = function ($name) use ($limiter, &$made) {
    echo "$name: made $made, left {$limiter->remaining($name, 3)}\n";
    $made = 0;
};

for ($i = 0; $i < 10; $i++) {
    try {
        $limiter->attempt('each throws', 3, function () use (&$made) {
            $made++;
            throw new Exception('wrong password');
        });
    } catch (Exception) {
    }
}
$say('each throws');
$within = function () use (&$within, &$made, $limiter) {
    if (++$made < 10) {
        $limiter->attempt('each within the one before', 3, $within);
    }
};
$limiter->attempt('each within the one before', 3, $within);
$say('each within the one before');
for ($i = 0; $i < 10; $i++) {
    $limiter->attempt('one after the other', 3, function () use (&$made) {
        $made++;
    });
}
$say('one after the other');
echo 'a call that returns false: ', json_encode($limiter->attempt('false', 3, fn () => false)), "\n";
PHP
expected="each throws: made 10, left 3
each within the one before: made 10, left -7
one after the other: made 3, left 0
a call that returns false: true"
extensions=$(echo "$folder"/packages/usr/lib/php/2*)
seen=$(php -d extension="$extensions/mbstring.so" try.php)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
