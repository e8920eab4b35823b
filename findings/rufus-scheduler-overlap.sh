#!/usr/bin/env bash
# rufus-scheduler 3.8.2 (Ruby): a job with `overlap: false` runs beside itself after all threads were busy, and its `times` count what was skipped.
#
# `overlap: false` is for jobs that must not run twice at once: one expects a job that still runs, or has yet to begin, not to be started.
# What is looked for is a thread that has the job. While all work threads (28, or `max_work_threads`) are busy with others, no
# thread has it: it waits in a queue, and at each of its times it is put there once more. As soon as the threads are free,
# they all take it, side by side. And `times: 3` is counted down before that look: a job that is still at work at its next two
# times has run once, not three times.
#
# Seen with Ruby 3.1:
#
#     every 0.3 s, overlap: false, two threads that are busy for 1.5 s: at most 2 at once
#     every 0.2 s, overlap: false, times: 3, each takes a second: runs 1
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a `Mutex` with `try_lock` in the job.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-rufus-scheduler=3.8.2-3 ruby-fugit ruby-et-orbi ruby-raabro ruby-tzinfo ruby-concurrent 2> /dev/null || {
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
require "rufus-scheduler"

mutex = Mutex.new
inside = most = 0
scheduler = Rufus::Scheduler.new(max_work_threads: 2, frequency: 0.05)
busy = Queue.new
2.times { scheduler.in("0s") { busy << :yes; sleep 1.5 } }
2.times { busy.pop }
scheduler.every("0.3s", overlap: false) do
  mutex.synchronize { most = [most, inside += 1].max }
  sleep 0.5
  mutex.synchronize { inside -= 1 }
end
sleep 3
scheduler.shutdown
puts "every 0.3 s, overlap: false, two threads that are busy for 1.5 s: at most #{most} at once"

runs = 0
scheduler = Rufus::Scheduler.new(frequency: 0.05)
scheduler.every("0.2s", overlap: false, times: 3) { runs += 1; sleep 1 }
sleep 4
scheduler.shutdown
puts "every 0.2 s, overlap: false, times: 3, each takes a second: runs #{runs}"
RUBY
expected="every 0.3 s, overlap: false, two threads that are busy for 1.5 s: at most 2 at once
every 0.2 s, overlap: false, times: 3, each takes a second: runs 1"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
