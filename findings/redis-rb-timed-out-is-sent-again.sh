#!/usr/bin/env bash
# redis 4.8.0 (the Ruby client): a command that took too long is sent once more, and done twice.
#
# With `timeout: 0.5` a command that is not answered in time raises `Redis::TimeoutError`, and whether it was done is not known: one
# expects at most one. But the client counts a timeout among the lost connections, and after these it connects again and
# sends the command anew (`reconnect_attempts: 1` by default). So a script that takes a second on the server runs twice, a
# counter is incremented twice, a job is queued twice; and a lock that was taken by the first is refused to its owner by the second.
# Nothing tells: whoever waits for a server that is slow for a moment gets a good answer, to the second command.
#
# Seen with Ruby 3.1 and redis-server 7.0.15 (timeout: 0.5; the server is busy with another command for 0.8 s each time):
#
#     incr: the answer is 2
#     set, nx: true, of a lock that nobody had: the answer is false
#     the same with reconnect_attempts: 0: Redis::TimeoutError, Redis::TimeoutError
#
# Succeeds while this is so. Needs Debian 12 and redis-server. What to do instead: `reconnect_attempts: 0`.
set -euo pipefail
command -v redis-server > /dev/null || { echo "needs redis-server"; exit 1; }

folder=$(mktemp -d)
trap 'kill "${server:-}" 2> /dev/null || true; wait; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-redis=4.8.0-1 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
ruby=$folder/packages/usr/lib/ruby
export LD_LIBRARY_PATH=$libraries
RUBYLIB=$ruby/vendor_ruby:$ruby/3.1.0:$libraries/ruby/3.1.0:$(printf %s: "$folder"/packages/usr/share/rubygems-integration/all/gems/*/lib{,/concurrent-ruby})
export RUBYLIB
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" --enable-debug-command yes > log &
server=$!
until (echo > "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do sleep 0.1; done
cat > try.rb << 'RUBY'
require "redis"

# A server that is busy for 0.8 s, as with a long script, and then does what it was sent.
def busy(client, &command)
  client.ping
  other = Thread.new { Redis.new(port: ARGV[0]).call(["debug", "sleep", "0.8"]) }
  sleep 0.1
  command.call(client)
rescue Redis::TimeoutError => error
  error.class
ensure
  other.join
end
client = Redis.new(port: ARGV[0], timeout: 0.5)
puts "incr: the answer is #{busy(client) { _1.incr("count") }}"
puts "set, nx: true, of a lock that nobody had: the answer is #{busy(client) { _1.set("lock", "me", nx: true) }}"
once = Redis.new(port: ARGV[0], timeout: 0.5, reconnect_attempts: 0)
puts "the same with reconnect_attempts: 0: #{busy(once) { _1.incr("count 2") }}, #{busy(once) { _1.set("lock 2", "me", nx: true) }}"
RUBY
expected="incr: the answer is 2
set, nx: true, of a lock that nobody had: the answer is false
the same with reconnect_attempts: 0: Redis::TimeoutError, Redis::TimeoutError"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb "$port")
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
