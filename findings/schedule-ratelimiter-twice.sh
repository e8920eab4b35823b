#!/usr/bin/env bash
# Schedule::RateLimiter 0.01 (Perl): once a second is twice a second, for whoever waits for his turn.
#
# `Schedule::RateLimiter->new(seconds => 1)`, and `event()` before each call: it sleeps until the call may be made, so one expects a second
# between two of them. But what it writes down as the time of a call is the moment in which it was asked, before it slept. The next one is a
# second after that moment as soon as the sleep is over, and is let through at once: two together in each second. With `block => 0`,
# where nobody sleeps, it is right, and so is the first pause, which is what a test of two calls looks at.
#
# Seen with Perl 5.36 (calls one after the other, in seconds after the first one):
#
#     event(), once a second: 0 1 1 2 2 3 3
#     event(block => 0), tried each 10 ms: 0 1 2 3
#
# Succeeds while this is so. Needs Debian 12 and Perl. What to do instead: `block => 0` in a loop with a sleep.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libschedule-ratelimiter-perl=0.01-5 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.pl << 'PERL'
use strict;
use warnings;
use Schedule::RateLimiter;
use Time::HiRes qw(sleep time);

my $begun;
sub after { sprintf "%.0f", time - $begun }

my $limiter = Schedule::RateLimiter->new(seconds => 1);
$begun = time;
my @blocking = map { $limiter->event; after() } 1 .. 7;
print "event(), once a second: @blocking\n";

$limiter = Schedule::RateLimiter->new(seconds => 1);
$begun = time;
my @trying;
while (@trying < 4) {
  $limiter->event(block => 0) ? push @trying, after() : sleep 0.01;
}
print "event(block => 0), tried each 10 ms: @trying\n";
PERL
expected="event(), once a second: 0 1 1 2 2 3 3
event(block => 0), tried each 10 ms: 0 1 2 3"
seen=$(/usr/bin/perl -I "$folder/packages/usr/share/perl5" try.pl)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
