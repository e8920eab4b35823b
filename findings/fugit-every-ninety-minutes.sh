#!/usr/bin/env bash
# fugit 1.5.2 (the times of sidekiq-cron and rufus-scheduler): "every 90 minutes" is every hour, "every 36 hours" every day.
#
# fugit reads times in words, "every 5 minutes", "every day at noon", and so do the schedulers that are built on it. It makes a crontab line
# of them, which is as good for each number that divides an hour, or a day. One expects the others to be refused, as "every 2 weeks"
# is, or to be what they say. But "every 45 minutes" is `*/45`: on the hour and at a quarter to, so 45 minutes and 15 by
# turns. "Every 90 minutes" is `*/90`, of which only the first minute is left: every hour. "Every 10 days" is the 31st and the 1st as
# well, and "every 100 seconds" is no schedule at all, but a single moment.
#
# Seen with Ruby 3.1 (the minutes between one time and the next):
#
#     every 20 minutes: */20 * * * *: 20 20 20 20 20 20
#     every 45 minutes: */45 * * * *: 45 15 45 15 45 15
#     every 90 minutes: */90 * * * *: 60 60 60 60 60 60
#     every 5 hours: 0 */5 * * *: 300 300 300 300 240 300
#     every 36 hours: 0 */36 * * *: 1440 1440 1440 1440 1440 1440
#     every 10 days: 0 0 */10 * *: 14400 14400 14400 1440 14400 14400
#     every 100 seconds: a single moment
#     every 2 weeks: not understood
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `scheduler.every "90m"` of rufus-scheduler, which is a duration.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-fugit=1.5.2-1 ruby-et-orbi ruby-raabro ruby-tzinfo ruby-concurrent 2> /dev/null || {
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
require "fugit"

start = EtOrbi.parse("2026-03-01 00:00 UTC")
["20 minutes", "45 minutes", "90 minutes", "5 hours", "36 hours", "10 days", "100 seconds", "2 weeks"].each do |it|
  schedule = Fugit.parse("every #{it}")
  time = start
  what = case schedule
    when nil then "not understood"
    when EtOrbi::EoTime then "a single moment"
    else
      gaps = Array.new(6) do
        last = time
        ((time = schedule.next_time(time)) - last).to_i / 60
      end
      "#{schedule.original}: #{gaps.join(" ")}"
    end
  puts "every #{it}: #{what}"
end
RUBY
expected="every 20 minutes: */20 * * * *: 20 20 20 20 20 20
every 45 minutes: */45 * * * *: 45 15 45 15 45 15
every 90 minutes: */90 * * * *: 60 60 60 60 60 60
every 5 hours: 0 */5 * * *: 300 300 300 300 240 300
every 36 hours: 0 */36 * * *: 1440 1440 1440 1440 1440 1440
every 10 days: 0 0 */10 * *: 14400 14400 14400 1440 14400 14400
every 100 seconds: a single moment
every 2 weeks: not understood"
seen=$(packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
