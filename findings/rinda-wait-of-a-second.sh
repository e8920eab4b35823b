#!/usr/bin/env bash
# Rinda 0.1.1 (Ruby 3.1's tuple space): a wait of one second for a lock that is taken lasts for up to a minute.
#
# A tuple space is a common way to have locks, queues and semaphores among Ruby programs: `take([:lock], 1)` takes the tuple, or waits for it
# for at most a second and raises `RequestExpiredError`. A tuple that was written for a second (`write([:lock], 1)`) is in fact gone
# after a second, and `take` with 0 fails at once, so one expects the wait to end on time, too. But a wait is only ended by a thread
# that comes by every 60 seconds, and which begins its round with the first wait that has an end. So a time limit of one second is one of 60, and
# who asks while the round is underway waits for the rest of it. `read` is the same.
#
# Seen with Ruby 3.1 (a lock that somebody has):
#
#     no wait (0 s): expired after 0 s
#     a wait of 1 s: expired after 60 s
#     another one of 1 s, 40 s later: expired after 20 s
#
# Succeeds while this is so; takes a minute. Needs Debian 12. What to do instead: a period of its own, `Rinda::TupleSpace.new(1)`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
ruby=$folder/packages/usr/lib/ruby
export LD_LIBRARY_PATH=$libraries RUBYLIB=$ruby/vendor_ruby:$ruby/3.1.0:$libraries/ruby/3.1.0
[[ -n $(find packages -name rinda-0.1.1.gemspec) ]] || { echo "needs rinda 0.1.1 (Debian 12's)"; exit 1; }
cat > try.rb << 'RUBY'
require "rinda/tuplespace"

clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
seen = lambda do |name, space, seconds|
  begun = clock.()
  space.take([:lock], seconds)
  puts "#{name}: taken"
rescue Rinda::RequestExpiredError
  puts "#{name}: expired after #{(clock.() - begun).round} s"
end

space = Rinda::TupleSpace.new
seen.("no wait (0 s)", space, 0)
first = Thread.new { seen.("a wait of 1 s", space, 1) }
sleep 40
begun = clock.()
begin
  space.take([:lock], 1)
rescue Rinda::RequestExpiredError
  took = (clock.() - begun).round
end
first.join
puts "another one of 1 s, 40 s later: expired after #{took} s"
RUBY
expected="no wait (0 s): expired after 0 s
a wait of 1 s: expired after 60 s
another one of 1 s, 40 s later: expired after 20 s"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
