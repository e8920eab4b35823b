#!/usr/bin/env bash
# gopkg.in/eapache/go-resiliency.v1 1.2.0 (Go): a call that was stopped by its `deadline` leaves a goroutine for ever, however well it stops.
#
# `deadline.New(20 * time.Millisecond).Run(work)` gives the work a channel that is closed when its time is over, so that it can stop, and returns. Work that does not listen
# goes on behind it, that one knows. One expects work that does listen, and returns at once, to be gone. But its result is sent to a
# channel that nobody reads any more and that holds none, so it waits there for as long as the process lives, with its stack and all that it
# refers to: the request, the answer, the connection. A service whose neighbour is slow for a night grows by one for each call, and does not
# shrink when all is well again.
#
# Seen with Go 1.19 (a hundred calls; goroutines that are left a second after the last one):
#
#     work that ends in time: 0
#     work that ends as soon as it is told to stop: 100
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `context.WithTimeout`, and to wait for the work.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-gopkg-eapache-go-resiliency.v1-dev=1.2.0-1 2> /dev/null || {
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
	"errors"
	"fmt"
	"runtime"
	"time"

	"gopkg.in/eapache/go-resiliency.v1/deadline"
)

func try(name string, work func(stop <-chan struct{}) error) {
	before := runtime.NumGoroutine()
	within := deadline.New(20 * time.Millisecond)
	for i := 0; i < 100; i++ {
		_ = within.Run(work)
	}
	time.Sleep(time.Second)
	fmt.Printf("%s: %d\n", name, runtime.NumGoroutine()-before)
}

func main() {
	try("work that ends in time", func(<-chan struct{}) error { return nil })
	try("work that ends as soon as it is told to stop", func(stop <-chan struct{}) error {
		<-stop
		return errors.New("stopped")
	})
}
GO
expected="work that ends in time: 0
work that ends as soon as it is told to stop: 100"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
