#!/usr/bin/env bash
# clockwork 3.0.1 (Ruby): on the day on which clocks go forward no daily job runs, and the weekly one not that week.
#
# `every(1.day, "report", at: "04:00")` runs at 04:00 each day, and `every(1.week, "bill", at: "Sunday 04:00")` on Sundays. But the
# time of day is a condition beside the period: a job runs when 24 hours have gone by since the last time and it is 04:00. On the
# day on which clocks go forward 04:00 comes 23 hours after 04:00, which is too early, and when the 24 hours are full it is 05:00.
# So all jobs that are done once a day at an hour after the change are left out on that day, without a word. It is a Sunday: the
# weekly job of Sundays comes after two weeks.
#
# Seen with Ruby 3.1 (a clock that is asked each minute, March 2026 in Berlin):
#
#     daily at 04:00: 26 27 28 30 31
#     Sunday at 04:00: 15 22 then 5 April
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a period of 23 hours, or 6 days, with `at:`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq ruby3.1 libruby3.1 ruby-clockwork=3.0.1-1 ruby-activesupport ruby-concurrent ruby-i18n ruby-tzinfo 2> /dev/null || {
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
require "clockwork"

manager = Clockwork::Manager.new
manager.configure { |config| config[:logger] = Logger.new(File::NULL) }
now = Time.local(2026, 3, 15, 2)
runs = Hash.new { |all, job| all[job] = [] }
note = ->(job, time) { runs[job] << now }
manager.every(1.day, "daily", at: "04:00", &note)
manager.every(1.week, "weekly", at: "Sunday 04:00", &note)
until now.month == 4 && now.day == 6
  manager.tick(now)
  now += 60
end
march = ->(job) { runs[job].select { |time| time.month == 3 }.map(&:day) }
puts "daily at 04:00: #{march.("daily").last(5).join(" ")}"
puts "Sunday at 04:00: #{march.("weekly").join(" ")} then #{runs["weekly"].last.strftime("%-d %B")}"
RUBY
expected="daily at 04:00: 26 27 28 30 31
Sunday at 04:00: 15 22 then 5 April"
seen=$(TZ=Europe/Berlin packages/usr/bin/ruby3.1 --disable-gems try.rb)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
