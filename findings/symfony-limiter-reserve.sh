#!/usr/bin/env bash
# symfony/rate-limiter 5.4.53 (PHP): those who reserve a place in a queue (`reserve`) are all told the same moment, or let in beside each other.
#
# `reserve()` takes tokens that are still to come, and tells how long to wait for them; they "will be taken into account when
# calculating future token consumptions". So, with ten calls in two seconds, one expects the hundredth to be told to wait for 18 seconds.
# With `fixed_window` all that do not fit are told the end of the present window, however many they are: ninety of a hundred start
# at once, and the window after that begins with none of them in its count. With `token_bucket` the waits are right, but what
# has been reserved is kept for only as long as an empty bucket takes to fill, counted from the last call, and the debt is not part
# of that: after a pause of that length the bucket is full again, and the next ones get the same moments once more.
#
# Seen with PHP 8.2 (10 per 2 s: 100 reserve at once; 1 per second: ten reserve, and after a pause of 1.1 s another ten):
#
#     fixed_window, calls by the seconds they are told to wait: 10 at 0, 90 at 2; when these start, 10 more are accepted
#     token_bucket, told to wait for: 0 1 2 3 4 5 6 7 8 9
#     token_bucket, the next ones: 0 1 2 3 4 5 6 7 8 9
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `consume` in a loop, and `wait()` when it refuses.
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
use Symfony\Component\RateLimiter\RateLimiterFactory;
use Symfony\Component\RateLimiter\Storage\InMemoryStorage;

$storage = new InMemoryStorage();
$limiter = fn ($options) => (new RateLimiterFactory($options + ['id' => $options['policy']], $storage))->create();
$reserve = fn ($limiter, $count) => array_map(fn () => (int) round($limiter->reserve()->getWaitDuration()), range(1, $count));

$window = $limiter(['policy' => 'fixed_window', 'limit' => 10, 'interval' => '2 seconds']);
$counts = array_count_values($reserve($window, 100));
usleep(2_100_000);
$more = count(array_filter(range(1, 20), fn () => $window->consume()->isAccepted()));
$told = implode(', ', array_map(fn ($wait) => "$counts[$wait] at $wait", array_keys($counts)));
echo "fixed_window, calls by the seconds they are told to wait: $told; when these start, $more more are accepted\n";

$bucket = $limiter(['policy' => 'token_bucket', 'limit' => 1, 'rate' => ['interval' => '1 second']]);
echo 'token_bucket, told to wait for: ', implode(' ', $reserve($bucket, 10)), "\n";
usleep(1_100_000);
echo 'token_bucket, the next ones: ', implode(' ', $reserve($bucket, 10)), "\n";
PHP
expected="fixed_window, calls by the seconds they are told to wait: 10 at 0, 90 at 2; when these start, 10 more are accepted
token_bucket, told to wait for: 0 1 2 3 4 5 6 7 8 9
token_bucket, the next ones: 0 1 2 3 4 5 6 7 8 9"
seen=$(php try.php)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
