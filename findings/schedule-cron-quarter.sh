#!/usr/bin/env bash
# Schedule::Cron 1.05 and Schedule::Cron::Events 1.96 (Perl): "the 1st of every third month" is five times a year, or begins in March.
#
# It takes lines of a crontab, "all the fields as described in crontab(5)". There, `*/3` in the field of months is January, April, July
# and October, and `*/2` in that of days the odd ones: a step counts from the first value that there is. Here it is what can be divided by the
# step, and the first value as well: January, March, June, September and December; and the 1st, 2nd and 4th, the even ones from
# there on. Schedule::Cron::Events, which is another's, leaves the first value out, so that its quarters begin in March. For minutes and
# hours, which begin at 0, there is no difference, and `1-12/3` is right.
#
# Seen with Perl 5.36 (the dates from 2025-12-31 on, at 09:00):
#
#     0 9 1 */3 *: 01-01 03-01 06-01 09-01 12-01
#     0 9 1 1-12/3 *: 01-01 04-01 07-01 10-01 01-01
#     0 9 */2 * *: 01-01 01-02 01-04 01-06 01-08
#     0 9 */10 * *: 01-01 01-10 01-20 01-30 02-01
#     Schedule::Cron::Events, 0 9 1 */3 *: 03-01 06-01 09-01 12-01 03-01
#
# Succeeds while this is so. Needs Debian 12 and Perl. What to do instead: `1-12/3` and `1-31/2`, or lists.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libschedule-cron-perl=1.05-1 libschedule-cron-events-perl=1.96-2 libset-crontab-perl \
  libtime-parsedate-perl 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.pl << 'PERL'
use strict;
use warnings;
use POSIX qw(mktime strftime);
use Schedule::Cron;
use Schedule::Cron::Events;

my $cron = Schedule::Cron->new(sub {});
for my $line ("0 9 1 */3 *", "0 9 1 1-12/3 *", "0 9 */2 * *", "0 9 */10 * *") {
  my $time = mktime(0, 0, 12, 31, 11, 125);
  my @dates = map { $time = $cron->get_next_execution_time($line, $time); strftime("%m-%d", localtime $time) } 1 .. 5;
  print "$line: @dates\n";
}
my $events = Schedule::Cron::Events->new("0 9 1 */3 * job", Seconds => mktime(0, 0, 12, 31, 11, 125));
my @dates = map { strftime("%m-%d", $events->nextEvent) } 1 .. 5;
print "Schedule::Cron::Events, 0 9 1 */3 *: @dates\n";
PERL
expected="0 9 1 */3 *: 01-01 03-01 06-01 09-01 12-01
0 9 1 1-12/3 *: 01-01 04-01 07-01 10-01 01-01
0 9 */2 * *: 01-01 01-02 01-04 01-06 01-08
0 9 */10 * *: 01-01 01-10 01-20 01-30 02-01
Schedule::Cron::Events, 0 9 1 */3 *: 03-01 06-01 09-01 12-01 03-01"
seen=$(/usr/bin/perl -I "$folder/packages/usr/share/perl5" try.pl)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
