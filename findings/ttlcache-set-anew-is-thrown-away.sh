#!/usr/bin/env bash
# github.com/ReneKroon/ttlcache 2.11.1 (Go): what is stored as soon as the old value has expired is thrown away a moment later.
#
# `Get` says that a key is not there any more, so one stores it anew, for an hour: as a lock that has become free, or a value that is computed
# quickly. One expects to have it for an hour; nobody removes it. But an expired entry is counted as gone before it is cleared away, and the
# new one is put beside it. When the cleaner comes to the old one, some microseconds later, it removes what is stored under that key,
# and that is the new one. So the lock is free again at once, and is given to the next one; the value is computed once more. `Set` gives no error, and
# it happens to those above all who come on time: who waits for the end and sets it anew loses it nearly always, who comes a millisecond later never.
#
# Seen with Go 1.19 (300 keys stored for 2 ms, and stored for an hour when `Get` says that they are not there; looked at 20 ms later):
#
#     stored as soon as it has expired: more than 30 of 300 are gone
#     stored 10 ms after that: 0 of 300 are gone
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `Remove` before `Set`.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-renekroon-ttlcache-dev=2.11.1+ds-1 golang-golang-x-sync-dev 2> /dev/null || {
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

	"github.com/ReneKroon/ttlcache"
)

func try(name string, later time.Duration) {
	gone := 0
	for i := 0; i < 300; i++ {
		cache := ttlcache.NewCache()
		cache.SkipTTLExtensionOnHit(true)
		cache.SetWithTTL("lock", "first", 2*time.Millisecond)
		for {
			if _, err := cache.Get("lock"); err == ttlcache.ErrNotFound {
				break
			}
		}
		time.Sleep(later)
		if err := cache.SetWithTTL("lock", "second", time.Hour); err != nil {
			panic(err)
		}
		time.Sleep(20 * time.Millisecond)
		if _, err := cache.Get("lock"); err == ttlcache.ErrNotFound {
			gone++
		}
		cache.Close()
	}
	seen := fmt.Sprint(gone)
	if gone > 30 {
		seen = "more than 30"
	}
	fmt.Printf("%s: %s of 300 are gone\n", name, seen)
}

func main() {
	try("stored as soon as it has expired", 0)
	try("stored 10 ms after that", 10*time.Millisecond)
}
GO
expected="stored as soon as it has expired: more than 30 of 300 are gone
stored 10 ms after that: 0 of 300 are gone"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
