#!/usr/bin/env bash
# github.com/ReneKroon/ttlcache 2.11.1 (Go): whoever lists the cache, for its metrics, say, keeps everything in it for ever.
#
# An entry lives for its time from the last `Get` on, unless one says `SkipTTLExtensionOnHit(true)`; that is documented, and wanted for sessions. A list
# of all there is, as for a page of metrics or a copy to the disk, is no use of an entry, and one expects it to be of no consequence. `GetKeys`
# and `Count` are of none. But `GetItems` is a hit of each entry, so with somebody who looks at the cache every minute what should be gone after five
# is never gone: who was logged out by his absence stays logged in, the lock of a holder that died is held, and the memory grows.
#
# Seen with Go 1.19 (two entries of 0.5 s, and the cache is looked at every 0.2 s for 2 s):
#
#     nobody looks: 0 left
#     Count: 0 left
#     GetKeys: 0 left
#     GetItems: 2 left
#     GetItems, with SkipTTLExtensionOnHit(true): 0 left
#
# Succeeds while this is so. Needs Debian 12. What to do instead: `GetKeys`, or `SkipTTLExtensionOnHit(true)` and to store what is used.
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

func try(name string, skip bool, look func(*ttlcache.Cache)) {
	cache := ttlcache.NewCache()
	cache.SetTTL(500 * time.Millisecond)
	cache.SkipTTLExtensionOnHit(skip)
	cache.Set("a", 1)
	cache.Set("b", 2)
	for i := 0; i < 10; i++ {
		time.Sleep(200 * time.Millisecond)
		look(cache)
	}
	fmt.Printf("%s: %d left\n", name, cache.Count())
}

func main() {
	try("nobody looks", false, func(*ttlcache.Cache) {})
	try("Count", false, func(cache *ttlcache.Cache) { cache.Count() })
	try("GetKeys", false, func(cache *ttlcache.Cache) { cache.GetKeys() })
	try("GetItems", false, func(cache *ttlcache.Cache) { cache.GetItems() })
	try("GetItems, with SkipTTLExtensionOnHit(true)", true, func(cache *ttlcache.Cache) { cache.GetItems() })
}
GO
expected="nobody looks: 0 left
Count: 0 left
GetKeys: 0 left
GetItems: 2 left
GetItems, with SkipTTLExtensionOnHit(true): 0 left"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
