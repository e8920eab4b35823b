#!/usr/bin/env bash
# github.com/jpillora/backoff 1.0.0 (Go): with `Jitter`, those who have failed for a while all try again after exactly the same time.
#
# `Backoff{Min: 100ms, Max: 10s, Jitter: true}` gives times that grow up to ten seconds, and the jitter is there so that a thousand clients
# whose server was down for some minutes do not come back in step. One expects a random time between the two, up to ten seconds. But
# the random number is taken of the time as it would have grown without a limit, and cut off at ten seconds afterwards. Of a span of
# 26 seconds most is more than ten, after seventeen failures 998 of 1,000 are, and after that all. So the jitter is there while
# it matters little, and is gone by the time everybody waits; a server that comes back is met by all of them at once, every ten seconds.
#
# Seen with Go 1.19 (a thousand clients, how many of them wait for exactly 10 s):
#
#     after 3 failures: none
#     after 9 failures: more than half
#     after 17 failures: more than 980
#     after 25 failures: all
#
# Succeeds while this is so. Needs Debian 12. What to do instead: no jitter there, and `rand.Float64()` times what it says.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-jpillora-backoff-dev=1.0.0-1.1 2> /dev/null || {
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
	"math/rand"
	"time"

	"github.com/jpillora/backoff"
)

func main() {
	rand.Seed(time.Now().UnixNano())
	for _, failures := range []int{3, 9, 17, 25} {
		same := 0
		for client := 0; client < 1000; client++ {
			b := &backoff.Backoff{Min: 100 * time.Millisecond, Max: 10 * time.Second, Jitter: true}
			var wait time.Duration
			for i := 0; i < failures; i++ {
				wait = b.Duration()
			}
			if wait == 10*time.Second {
				same++
			}
		}
		seen := fmt.Sprint(same)
		switch {
		case same == 1000:
			seen = "all"
		case same > 980:
			seen = "more than 980"
		case same > 500:
			seen = "more than half"
		case same == 0:
			seen = "none"
		}
		fmt.Printf("after %d failures: %s\n", failures, seen)
	}
}
GO
expected="after 3 failures: none
after 9 failures: more than half
after 17 failures: more than 980
after 25 failures: all"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
