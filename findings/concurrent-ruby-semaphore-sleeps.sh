#!/usr/bin/env bash
# concurrent-ruby 1.1.6: who waits for one permit of a `Semaphore` sleeps on beside a free one, when somebody before it waits for two.
#
# Two threads wait, one for two permits and then one for a single permit, and one permit is released. One expects either that the second
# gets it, as there is one, or, in a fair semaphore, that nobody does: then it is kept for the first, and who comes later is not
# let in before. Here it is neither: a release wakes as many as it gives back permits, and the first in line is woken, finds
# one too few, and goes to sleep again. The second is not woken, though its permit is there, and stays asleep for as long as nobody
# else releases, while whoever comes new takes the permit at once.
#
# Seen with Ruby 3.1:
#
#     after a release of one permit: free: 1, who waits for one: sleeps
#     another one who comes then: let in
#
# Succeeds while this is so. Needs Debian 12. What to do instead: take permits one by one, in one order, or one weight for all.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-concurrent=1.1.6+dfsg-5 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
ruby=$folder/packages/usr/lib/ruby
export LD_LIBRARY_PATH=$libraries
RUBYLIB=$ruby/vendor_ruby:$ruby/3.1.0:$libraries/ruby/3.1.0:$(printf %s: "$folder"/packages/usr/share/rubygems-integration/all/gems/*/lib{,/concurrent-ruby})
export RUBYLIB
cat > try.rb << 'RUBY'
require "concurrent/atomic/semaphore"

semaphore = Concurrent::Semaphore.new(0)
sleeping = ->(thread) { sleep 0.01 until thread.status == "sleep" }
Thread.new { semaphore.acquire(2) }.tap(&sleeping)
one = Thread.new { semaphore.acquire(1) }.tap(&sleeping)
semaphore.release(1)
got = one.join(1)
puts "after a release of one permit: free: #{semaphore.available_permits}, who waits for one: #{got ? "let in" : "sleeps"}"
puts "another one who comes then: #{semaphore.try_acquire(1) ? "let in" : "refused"}"
RUBY
expected="after a release of one permit: free: 1, who waits for one: sleeps
another one who comes then: let in"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
