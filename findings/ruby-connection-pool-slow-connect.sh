#!/usr/bin/env bash
# connection_pool 2.2.5 (Ruby): while one thread connects, no other can take, give back or give up, whatever its `timeout`.
#
# A pool of five has a connection that is idle, and a thread asks for one with `timeout: 0.5`: it gets it at once, one expects, or is told
# after half a second that there is none. But connections are made under the lock of the pool. As long as one thread connects to a
# server that is slow to answer, nobody who is done gives a connection back, nobody takes it, and who waits does not time out: all
# threads that come near the pool stand still until that one connect has ended. A time limit of half a second is one
# of the operating system's for connecting.
#
# Seen with Ruby 3.1 (size: 2, timeout: 0.2; the first connection is there, connecting takes 2 s):
#
#     a thread that has the first one, is done with it after 0.3 s, and has given it back after: 2 s
#     a thread that asks meanwhile is answered after: 2 s
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a time limit on connecting itself that is shorter than the pool's.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-connection-pool=2.2.5-1 2> /dev/null || {
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
require "connection_pool"

clock = -> { Process.clock_gettime(Process::CLOCK_MONOTONIC) }
connecting = Queue.new
made = 0
pool = ConnectionPool.new(size: 2, timeout: 0.2) do
  if (made += 1) > 1
    connecting << :begun
    sleep 2
  end
  made
end
start = clock.()
has = Queue.new
first = Thread.new do
  pool.with do
    has << :one
    sleep 0.3
  end
  (clock.() - start).round
end
has.pop
second = Thread.new { pool.with { nil } }
connecting.pop
third = Thread.new do
  pool.with { nil } rescue ConnectionPool::TimeoutError
  (clock.() - start).round
end
puts "a thread that has the first one, is done with it after 0.3 s, and has given it back after: #{first.value} s"
puts "a thread that asks meanwhile is answered after: #{third.value} s"
second.join
RUBY
expected="a thread that has the first one, is done with it after 0.3 s, and has given it back after: 2 s
a thread that asks meanwhile is answered after: 2 s"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
