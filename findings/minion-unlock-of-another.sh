#!/usr/bin/env bash
# Minion 10.25 (Perl): who gives its place back gives back another's, so that a place which was taken for two seconds is kept for an hour.
#
# `$minion->lock('import', 3600, {limit => 2})` lets two in at a time, each for as long as it asks for, at most: a place is free again when
# its holder says `unlock`, or when its time is over, as when the holder has died. One expects `unlock` to give back the place that
# this one took. It has nothing to know it by, and takes the one whose time is over first. So the long job that has ended
# gives back the short one's, and its own hour stays behind for nobody: the short one's holder dies, and its place is kept from then on.
# With one place, whoever was too slow gives back the place of the one who came after. `guard` does no better.
#
# Seen with Minion::Backend::SQLite 5.0.7 (two places; a long job asks for an hour, a short one for 2 s; the short one dies after the long
# one has ended; then 4 s go by):
#
#     free afterwards, of 2: 1
#     the same without the long job: 2
#     a third one, when the first of 1 was too slow and unlocks while the second is at work: let in
#
# Succeeds while this is so. Needs Debian 12. What to do instead: times that are the same for all who use a name, and much longer than the job.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libminion-perl=10.25+dfsg-4 libminion-backend-sqlite-perl=5.0.7-1 libmojolicious-perl libmojo-sqlite-perl \
  libdbd-sqlite3-perl libdbi-perl libsql-abstract-perl libsql-abstract-pg-perl liburi-perl liburi-db-perl liburi-nested-perl \
  libyaml-libyaml-perl 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
export PERL5LIB=$folder/packages/usr/share/perl5:$folder/packages/usr/lib/x86_64-linux-gnu/perl5/5.36
cat > try.pl << 'PERL'
use Mojo::Base -strict;
use Minion;

my $minion = Minion->new(SQLite => "sqlite:database");
my $lock = sub { my ($name, $seconds, $limit) = @_; $minion->lock($name, $seconds, {limit => $limit}) };
my $free = sub { my $name = shift; scalar grep { $lock->($name, 60, 2) } 1 .. 3 };

$lock->("import", 3600, 2);
$lock->("import", 2, 2);
$minion->unlock("import");
# The short one dies here, and does not unlock.
$lock->("another", 2, 2);
sleep 4;
say "free afterwards, of 2: ", $free->("import");
say "the same without the long job: ", $free->("another");

$lock->("one", 1, 1);
sleep 3;
$lock->("one", 60, 1) or die;
$minion->unlock("one");
say "a third one, when the first of 1 was too slow and unlocks while the second is at work: ", $lock->("one", 60, 1) ? "let in" : "refused";
PERL
expected="free afterwards, of 2: 1
the same without the long job: 2
a third one, when the first of 1 was too slow and unlocks while the second is at work: let in"
seen=$(/usr/bin/perl try.pl)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
