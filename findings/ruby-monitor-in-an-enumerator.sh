#!/usr/bin/env bash
# Ruby 3.1: a `Monitor`, which whoever holds it may take again, is refused to its holder within an `Enumerator`.
#
# A `Monitor` is the lock for code that calls itself: the thread that holds it takes it once more. That goes well in blocks, in
# `each`, and in lazy enumerators. But `Enumerator#next` (and `peek`, and `zip` for all but the first) runs its block in
# a fiber of its own, and since Ruby 3.0 it is the fiber that owns a lock, a `Mutex` and a `Monitor` alike, not the thread. To that block
# its own program's lock is somebody else's: `try_enter` says no, `mon_owned?` says no, and `synchronize` waits for a
# holder who waits for it. So code that went well with `each` stands still when a caller takes the same items by `next`.
#
# Seen (asked while the thread holds the monitor):
#
#     Ruby 3.1
#     in a block: let in
#     in each of an enumerator: let in
#     in first of a lazy one: let in
#     in next of an enumerator: refused
#     in zip of two enumerators: let in, refused
#
# Succeeds while this is so. Needs Debian 12. What to do instead: take all items (`to_a`) before they are gone through by `next`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 2> /dev/null || { echo "needs Debian 12 (and apt-get update)"; exit 1; }
for it in *.deb; do dpkg -x "$it" packages; done
libraries=$folder/packages/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries RUBYLIB=$folder/packages/usr/lib/ruby/3.1.0:$libraries/ruby/3.1.0
cat > try.rb << 'RUBY'
require "monitor"

MONITOR = Monitor.new
def ask
  return "refused" unless MONITOR.try_enter
  MONITOR.exit
  "let in"
end
items = -> { Enumerator.new { |to| to << ask } }

puts "Ruby #{RUBY_VERSION[/\d+\.\d+/]}"
MONITOR.synchronize do
  puts "in a block: #{ask}"
  puts "in each of an enumerator: #{[].tap { |all| items.call.each { all << _1 } }.first}"
  puts "in first of a lazy one: #{[1].lazy.map { ask }.first}"
  puts "in next of an enumerator: #{items.call.next}"
  puts "in zip of two enumerators: #{items.call.zip(items.call).first.join(", ")}"
end
RUBY
expected="Ruby 3.1
in a block: let in
in each of an enumerator: let in
in first of a lazy one: let in
in next of an enumerator: refused
in zip of two enumerators: let in, refused"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
