#!/usr/bin/env bash
# github.com/juju/ratelimit 1.0.1 (Go): a bucket of ten that was left alone gives twenty at once.
#
# `NewBucketWithRate(10, 10)` is a token bucket: ten tokens a second, ten at most. One expects that whatever came before, no more than ten
# are given at one moment. But while the bucket is full, the time is not written down. After a pause the first ten are taken, and whoever
# comes next in the same moment gets what has come in "since the last time", which is the pause, and the bucket is full a second time.
# So a service that asks its neighbour rarely, and then for much, sends twice the burst that it was configured for.
#
# Seen with Go 1.19 (asked three times for ten, one after the other):
#
#     a new bucket: 10, 0, 0
#     one that was left alone for two seconds: 10, 10, 0
#     the same, asked for one before the two seconds: 10, 0, 0
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `golang.org/x/time/rate`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-juju-ratelimit-dev=1.0.1-1.1 2> /dev/null || {
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
	"time"

	"github.com/juju/ratelimit"
)

// A clock that stands still, so that all three are of one moment.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time        { return c.now }
func (c *clock) Sleep(d time.Duration) { c.now = c.now.Add(d) }

func try(name string, before func(*ratelimit.Bucket, *clock)) {
	c := &clock{time.Now()}
	bucket := ratelimit.NewBucketWithRateAndClock(10, 10, c)
	before(bucket, c)
	fmt.Printf("%s: %d, %d, %d\n", name, bucket.TakeAvailable(10), bucket.TakeAvailable(10), bucket.TakeAvailable(10))
}

func main() {
	try("a new bucket", func(*ratelimit.Bucket, *clock) {})
	try("one that was left alone for two seconds", func(_ *ratelimit.Bucket, c *clock) { c.Sleep(2 * time.Second) })
	try("the same, asked for one before the two seconds", func(b *ratelimit.Bucket, c *clock) { b.Take(1); c.Sleep(2 * time.Second) })
}
GO
expected="a new bucket: 10, 0, 0
one that was left alone for two seconds: 10, 10, 0
the same, asked for one before the two seconds: 10, 0, 0"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
