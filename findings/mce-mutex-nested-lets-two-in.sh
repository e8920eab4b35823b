#!/usr/bin/env bash
# MCE::Mutex 1.884 (Perl): after one `synchronize` within a `synchronize`, the mutex lets two in at a time, and after the next one three.
#
# A lock that its holder takes again is either reentrant, and open when the outermost one has left, or it stops, as the holder waits for
# himself. `lock` of a MCE::Mutex that one has is no wait and nothing more, so one guesses that at worst the inner end opens it for the rest of
# the outer one. But the mutex is a byte in a pipe: whoever takes it has the lock, and `synchronize` puts one back at its end, whether it
# took one or not. The inner one and the outer one put back two, where one was taken, and from then on there are two
# bytes: the mutex is a semaphore of two, for all processes and as long as they live, with nothing wrong to be seen where it was nested.
#
# Seen (four processes that each `synchronize` for a while, and how many of them are in at once):
#
#     before: 1
#     after one nested call: 2
#     after two nested calls: 3
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `impl => 'Flock'`, or not to nest.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq libmce-perl=1.884-1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
cat > try.pl << 'PERL'
use strict;
use warnings;
use MCE::Mutex;
use POSIX ();

my $mutex = MCE::Mutex->new;

sub seen {
  my $name = shift;
  pipe(my $entered, my $enter) or die;
  pipe(my $leave, my $left) or die;
  my @pids;
  for (1 .. 4) {
    my $pid = fork // die;
    if (!$pid) {
      close $left;
      $mutex->synchronize(sub { syswrite $enter, "x"; sysread $leave, my $over, 1 });
      POSIX::_exit(0);
    }
    push @pids, $pid;
  }
  sleep 1;
  sysread $entered, my $inside, 10;
  print "$name: ", length $inside, "\n";
  close $left;
  waitpid $_, 0 for @pids;
}

my $nested = sub {
  $mutex->synchronize(sub { $mutex->synchronize(sub { }) });
};
seen("before");
$nested->();
seen("after one nested call");
$nested->();
seen("after two nested calls");
PERL
expected="before: 1
after one nested call: 2
after two nested calls: 3"
seen=$(PERL5LIB=$folder/packages/usr/share/perl5 /usr/bin/perl try.pl)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
