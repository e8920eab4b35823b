#!/usr/bin/env bash
# github.com/nozzle/throttler 1.1 (Go): a limit of 5 workers that is lowered to 2 is no limit any more, and all start at once.
#
# `throttler.New(5, jobs)` lets five goroutines run at a time, and `SetMaxWorkers(2)` changes that on the way, as when the other side begins to
# refuse: its documentation warns only that "this setting is not guaranteed to take effect until one of them completes". So one expects
# two at a time, a little later. But the number at work is compared by "is it equal to the limit", and a number of four that
# were counted is never equal to two again. Nobody waits any more, and the more start, the further it is. What was
# asked to go slower gets all that is left at once. Raising the limit works as expected.
#
# Seen with Go 1.19 (60 jobs of 100 ms; the limit is changed after 20):
#
#     5 all the time: at most 5 at once before the change, 5 after it
#     5, then 8: at most 5 at once before the change, 8 after it
#     5, then 2: at most 5 at once before the change, more than 30 after it
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a channel as a semaphore, or `golang.org/x/sync/semaphore`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-nozzle-throttler-dev=1.1-4 2> /dev/null || {
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
	"sync/atomic"
	"time"

	"github.com/nozzle/throttler"
)

func try(name string, limit int) {
	var active, most, before int32
	t := throttler.New(5, 60)
	for i := 0; i < 60; i++ {
		if i == 20 {
			before = atomic.SwapInt32(&most, 0)
			t.SetMaxWorkers(limit)
		}
		if now := atomic.AddInt32(&active, 1); now > most {
			atomic.StoreInt32(&most, now)
		}
		go func() {
			time.Sleep(100 * time.Millisecond)
			atomic.AddInt32(&active, -1)
			t.Done(nil)
		}()
		t.Throttle()
	}
	after := fmt.Sprint(most)
	if most > 30 {
		after = "more than 30"
	}
	fmt.Printf("%s: at most %d at once before the change, %s after it\n", name, before, after)
}

func main() {
	try("5 all the time", 5)
	try("5, then 8", 8)
	try("5, then 2", 2)
}
GO
expected="5 all the time: at most 5 at once before the change, 5 after it
5, then 8: at most 5 at once before the change, 8 after it
5, then 2: at most 5 at once before the change, more than 30 after it"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
