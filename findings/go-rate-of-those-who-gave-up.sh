#!/usr/bin/env bash
# golang.org/x/time/rate 0.3.0 (Go): who comes after callers that have given up waits for their turns as well, though nobody takes them.
#
# `limiter.Wait(ctx)` waits for a turn, or until the context is cancelled, as when the client of a request has gone; the reservation is
# given back then. So one expects that twenty who wait and give up leave no more behind than if they had never come. But what is given
# back is a turn less what has been reserved behind it: who has others behind gives nothing back, and those behind do not move up.
# When they give up in the order in which they came, as requests with one time limit do, only the last turn returns. With one call a
# second, the next one is told to wait for twenty seconds, with nobody before it; and when it gives up as well, so it stays.
#
# Seen with Go 1.19 (one a second, the first one is taken):
#
#     nobody waited: the next one waits for 1 s
#     20 waited, and gave up within a second: the next one waits for 20 s
#
# Succeeds while this is so. Needs Debian 12. What to do instead: a semaphore around the limiter, so that few reserve at once.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-golang-x-time-dev=0.3.0-1 2> /dev/null || {
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
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"
)

func try(name string, waiting int) {
	limiter := rate.NewLimiter(1, 1)
	limiter.Allow()
	var giveUp []func()
	for i := 0; i < waiting; i++ {
		ctx, cancel := context.WithCancel(context.Background())
		gone := make(chan error)
		go func() { gone <- limiter.Wait(ctx) }()
		giveUp = append(giveUp, func() { cancel(); <-gone })
		time.Sleep(5 * time.Millisecond)
	}
	for _, it := range giveUp {
		it()
	}
	fmt.Printf("%s: the next one waits for %.0f s\n", name, math.Ceil(limiter.Reserve().Delay().Seconds()))
}

func main() {
	try("nobody waited", 0)
	try("20 waited, and gave up within a second", 20)
}
GO
expected="nobody waited: the next one waits for 1 s
20 waited, and gave up within a second: the next one waits for 20 s"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
