#!/usr/bin/env bash
# CHI 0.61 (Perl): what `compute` keeps when it is called within a `print` is an array for all others, and what it keeps otherwise cannot be printed.
#
# `$cache->compute($key, '1h', sub { ... })` gives what is kept under the key, or computes and keeps it, and "caller context (scalar or list) is
# respected". So one expects a scalar where one asks for a scalar, and where it stands in a list, as in `print`, in the arguments of a
# function or in a hash, the same scalar in that list. But the context is respected when it is computed, and what was computed in a list is
# kept as a reference to an array, with nothing to tell it by. Whoever then reads the key into a variable gets `ARRAY(0x...)`, also by `get`,
# and where the first one was a variable, the next one in a list dies, until the hour is over. Which of the two it is depends on who comes first.
#
# Seen (the function returns 42 and is called once for each key):
#
#     computed in a list: 42
#     then read into a variable: a reference to an array
#     then read by get: a reference to an array
#     computed into a variable: 42
#     then read in a list: Can't use string ("42") as an ARRAY ref
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `scalar $cache->compute(...)`, everywhere.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libchi-perl=0.61-1 libcarp-assert-perl libclass-method-modifiers-perl libclass-xsaccessor-perl libcpanel-json-xs-perl \
  libdata-optlist-perl libdata-serializer-perl libdigest-jhash-perl libhash-moreutils-perl libjson-maybexs-perl liblog-any-perl \
  libmodule-runtime-perl libmoo-perl libmoox-types-mooselike-numeric-perl libmoox-types-mooselike-perl libossp-uuid-perl libossp-uuid16 \
  libparams-util-perl librole-tiny-perl libscalar-list-utils-perl libstring-rewriteprefix-perl libsub-exporter-perl libsub-install-perl \
  libsub-quote-perl libtime-duration-parse-perl libtime-duration-perl libtry-tiny-perl 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.pl << 'PERL'
use strict;
use warnings;
use CHI;

my $cache = CHI->new(driver => 'Memory', global => 0);
my $answer = sub { 42 };
my $seen = sub { my $it = shift; ref $it eq 'ARRAY' ? 'a reference to an array' : $it };

print "computed in a list: ", $cache->compute('one', '1h', $answer), "\n";
my $value = $cache->compute('one', '1h', $answer);
print "then read into a variable: ", $seen->($value), "\n";
$value = $cache->get('one');
print "then read by get: ", $seen->($value), "\n";

$value = $cache->compute('two', '1h', $answer);
print "computed into a variable: ", $seen->($value), "\n";
my @list = eval { $cache->compute('two', '1h', $answer) };
print "then read in a list: ", $@ =~ /^(.*) while/ ? $1 : "@list", "\n";
PERL
expected="computed in a list: 42
then read into a variable: a reference to an array
then read by get: a reference to an array
computed into a variable: 42
then read in a list: Can't use string (\"42\") as an ARRAY ref"
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
seen=$(LD_LIBRARY_PATH=$libraries PERL5LIB=$folder/packages/usr/share/perl5:$libraries/perl5/5.36 /usr/bin/perl try.pl)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
