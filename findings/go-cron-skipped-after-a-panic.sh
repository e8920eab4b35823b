#!/usr/bin/env bash
# github.com/robfig/cron 3.0.1 (Go): a job with `SkipIfStillRunning` that panics once, and is recovered, is skipped for ever.
#
# `cron.WithChain(cron.Recover(logger), cron.SkipIfStillRunning(logger))`: no run beside another, and a panic is written down and ends that run.
# One expects the next run at the next time, as with each of the two alone. But `SkipIfStillRunning` gives the turn back after the
# job, not by `defer`, and a panic goes past that to `Recover` outside of it. From then on the job is "still running": each time it
# is skipped, with a line of level info, and nothing else says so. With the two in the other order all is well, and
# `DelayIfStillRunning` is, in both.
#
# Seen with Go 1.19 (a job of each second, whose first run panics, within 4 s):
#
#     Recover alone: runs 4
#     Recover, SkipIfStillRunning: runs 1, skipped 3
#     SkipIfStillRunning, Recover: runs 4
#     Recover, DelayIfStillRunning: runs 4
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `Recover` as the last one of the chain.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-robfig-cron-dev=3.0.1-1 2> /dev/null || {
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
	"sync"
	"sync/atomic"
	"time"

	"github.com/robfig/cron"
)

type counting struct{ skipped int32 }

func (it *counting) Info(message string, _ ...interface{}) {
	if message == "skip" {
		atomic.AddInt32(&it.skipped, 1)
	}
}
func (it *counting) Error(error, string, ...interface{}) {}

var lines [4]string

func try(n int, name string, wrappers func(cron.Logger) []cron.JobWrapper) {
	logger := &counting{}
	var runs int32
	it := cron.New(cron.WithLogger(logger), cron.WithChain(wrappers(logger)...))
	it.AddFunc("@every 1s", func() {
		if atomic.AddInt32(&runs, 1) == 1 {
			panic("no")
		}
	})
	// In the middle of a second, as the times are whole ones.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1500 * time.Millisecond)))
	it.Start()
	time.Sleep(4 * time.Second)
	it.Stop()
	lines[n] = fmt.Sprintf("%s: runs %d", name, runs)
	if logger.skipped > 0 {
		lines[n] += fmt.Sprintf(", skipped %d", logger.skipped)
	}
}

func main() {
	var all sync.WaitGroup
	tries := []struct {
		name     string
		wrappers func(cron.Logger) []cron.JobWrapper
	}{
		{"Recover alone", func(l cron.Logger) []cron.JobWrapper { return []cron.JobWrapper{cron.Recover(l)} }},
		{"Recover, SkipIfStillRunning", func(l cron.Logger) []cron.JobWrapper {
			return []cron.JobWrapper{cron.Recover(l), cron.SkipIfStillRunning(l)}
		}},
		{"SkipIfStillRunning, Recover", func(l cron.Logger) []cron.JobWrapper {
			return []cron.JobWrapper{cron.SkipIfStillRunning(l), cron.Recover(l)}
		}},
		{"Recover, DelayIfStillRunning", func(l cron.Logger) []cron.JobWrapper {
			return []cron.JobWrapper{cron.Recover(l), cron.DelayIfStillRunning(l)}
		}},
	}
	for n, it := range tries {
		n, it := n, it
		all.Add(1)
		go func() { try(n, it.name, it.wrappers); all.Done() }()
	}
	all.Wait()
	for _, line := range lines {
		fmt.Println(line)
	}
}
GO
expected="Recover alone: runs 4
Recover, SkipIfStillRunning: runs 1, skipped 3
SkipIfStillRunning, Recover: runs 4
Recover, DelayIfStillRunning: runs 4"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
