#!/usr/bin/env bash
# github.com/go-co-op/gocron 1.18.0 (Go): every two weeks on Monday is every Monday, and on Monday and Thursday it is every three weeks.
#
# `Every(2).Weeks().Monday().At("09:00")` reads like every second Monday, and one expects `Monday().Thursday()` to be both days of each
# second week, as in a calendar (`INTERVAL=2;BYDAY=MO,TH`). The next time is reckoned from the last one but one, so two weeks
# from there are one week from now. With two days the interval is added to the way from the one to the other, so each comes
# every three weeks, and never in the same week again. What has an interval of one is right. And of two times of day, `At("09:00;18:00")`,
# only the first one is left when the interval is two days.
#
# Seen with Go 1.19 (by the clock that gocron has for tests, from Sunday, 1 March 2026):
#
#     every week, Mon and Thu: Mon 2 Mar, Thu 5 Mar, Mon 9 Mar, Thu 12 Mar, Mon 16 Mar, Thu 19 Mar
#     every 2 weeks, Mon: Mon 2 Mar, Mon 9 Mar, Mon 16 Mar, Mon 23 Mar, Mon 30 Mar, Mon 6 Apr
#     every 2 weeks, Mon and Thu: Mon 2 Mar, Thu 5 Mar, Mon 16 Mar, Thu 26 Mar, Mon 6 Apr, Thu 16 Apr
#     every 2 days, 09:00;18:00: 09:00, 09:00, 09:00, 09:00, 09:00, 09:00
#
# Succeeds while this is so. Needs Debian 12. What to do instead: every week, and a look at the number of the week in the job.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-go-co-op-gocron-dev=1.18.0-3 golang-github-robfig-cron-dev golang-golang-x-sync-dev 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
go() {
  GOROOT=$folder/packages/usr/lib/go-1.19 GOPATH=$folder/packages/usr/share/gocode GOCACHE=$folder/cache GO111MODULE=off GOFLAGS= \
    "$folder/packages/usr/lib/go-1.19/bin/go" "$@"
}
cat > try.go << 'GO'
package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-co-op/gocron"
)

type clock struct{ now time.Time }

func (it *clock) Now(in *time.Location) time.Time     { return it.now.In(in) }
func (it *clock) Unix(sec int64, nsec int64) time.Time { return time.Unix(sec, nsec) }
func (it *clock) Sleep(time.Duration)                  {}

func try(name, format string, schedule func(*gocron.Scheduler) *gocron.Scheduler) {
	it := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	scheduler := gocron.NewScheduler(time.UTC)
	scheduler.CustomTime(it)
	var due time.Duration
	var fire func()
	scheduler.CustomTimer(func(after time.Duration, then func()) *time.Timer {
		due, fire = after, then
		return time.NewTimer(time.Hour)
	})
	ran := make(chan string, 1)
	if _, err := schedule(scheduler).Do(func() { ran <- it.now.Format(format) }); err != nil {
		panic(err)
	}
	scheduler.StartAsync()
	var times []string
	for len(times) < 6 {
		it.now = it.now.Add(due + time.Millisecond)
		fire()
		times = append(times, <-ran)
	}
	fmt.Printf("%s: %s\n", name, strings.Join(times, ", "))
}

func main() {
	day := "Mon 2 Jan"
	try("every week, Mon and Thu", day, func(s *gocron.Scheduler) *gocron.Scheduler {
		return s.Every(1).Week().Monday().Thursday().At("09:00")
	})
	try("every 2 weeks, Mon", day, func(s *gocron.Scheduler) *gocron.Scheduler {
		return s.Every(2).Weeks().Monday().At("09:00")
	})
	try("every 2 weeks, Mon and Thu", day, func(s *gocron.Scheduler) *gocron.Scheduler {
		return s.Every(2).Weeks().Monday().Thursday().At("09:00")
	})
	try("every 2 days, 09:00;18:00", "15:04", func(s *gocron.Scheduler) *gocron.Scheduler {
		return s.Every(2).Days().At("09:00;18:00")
	})
}
GO
expected="every week, Mon and Thu: Mon 2 Mar, Thu 5 Mar, Mon 9 Mar, Thu 12 Mar, Mon 16 Mar, Thu 19 Mar
every 2 weeks, Mon: Mon 2 Mar, Mon 9 Mar, Mon 16 Mar, Mon 23 Mar, Mon 30 Mar, Mon 6 Apr
every 2 weeks, Mon and Thu: Mon 2 Mar, Thu 5 Mar, Mon 16 Mar, Thu 26 Mar, Mon 6 Apr, Thu 16 Apr
every 2 days, 09:00;18:00: 09:00, 09:00, 09:00, 09:00, 09:00, 09:00"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
