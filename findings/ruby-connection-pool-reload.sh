#!/usr/bin/env bash
# connection_pool 2.2.5 (Ruby): after a `reload` a pool of one has two connections at work, and the old one is never closed.
#
# `reload` "reloads the ConnectionPool by passing each connection to the block and then removing it from the pool", so that those who
# come later work with new ones: for a password that was changed, or a database that has moved. One expects what is in use at that
# moment to be closed when it is given back. But only idle ones are passed to the block; the pool then begins to count at zero. Who
# comes next gets a new connection beside the one that is in use, which goes back into the pool afterwards, is never
# given to the block, and is used again. So of a pool with `size: 1`, by which jobs are done one at a time, two are at work from then on.
#
# Seen with Ruby 3.1 (size: 1; `reload` while the only connection is in use):
#
#     while "connection 1" is in use another one gets: "connection 2"
#     closed by the reload: []; available afterwards: 2 of 1
#     two at the same time, later: ["connection 1", "connection 2"]
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a new pool, and `shutdown` of the old one.
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

made = 0
closed = []
pool = ConnectionPool.new(size: 1, timeout: 1) { "connection #{made += 1}" }
pool.with do |mine|
  pool.reload { |connection| closed << connection }
  another = Thread.new { pool.with(&:itself) }.value
  puts "while #{mine.inspect} is in use another one gets: #{another.inspect}"
end
puts "closed by the reload: #{closed}; available afterwards: #{pool.available} of #{pool.size}"
inside = Queue.new
leave = Queue.new
work = lambda do
  pool.with do |connection|
    inside << connection
    leave.pop
  end
end
threads = [Thread.new(&work), Thread.new(&work)]
puts "two at the same time, later: #{[inside.pop, inside.pop].sort}"
2.times { leave << :go }
threads.each(&:join)
RUBY
expected='while "connection 1" is in use another one gets: "connection 2"
closed by the reload: []; available afterwards: 2 of 1
two at the same time, later: ["connection 1", "connection 2"]'
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
