#!/usr/bin/env bash
# github.com/nightlyone/lockfile of 2017-08-04 (Go): containers that share the lock file all get the lock, and so do the parts of a process.
#
# `TryLock` makes a file with the process id in it, and refuses when the file has the id of another process that is alive. When it is one's
# own id it lets in, and makes the file anew. So two parts of a program are both let in, and the first to leave removes the file
# for the second. And the main process of a container has the id 1: of two containers with a common volume each finds its own id in
# the file, and takes the lock of the other one for its own.
#
# Seen with Go 1.19:
#
#     two parts of a process: let in, let in; the first leaves: fine, the second leaves: Lockfile owned by me has been removed unexpectedly
#     two processes: let in, refused
#     two processes that have the id 1, each in a namespace of its own: let in, let in
#
# Succeeds while this is so. Needs Debian 12, and unshare(1) to be allowed to make namespaces. What to do instead: flock(2), as
# by github.com/gofrs/flock.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-github-nightlyone-lockfile-dev=0.0~git20170804.6a197d5-1.1 2> /dev/null || {
  echo "needs Debian 12 (and apt-get update)"
  exit 1
}
for it in *.deb; do dpkg -x "$it" packages; done
go() {
  GOROOT=$folder/packages/usr/lib/go-1.19 GOPATH=$folder/packages/usr/share/gocode GOCACHE=$folder/cache GO111MODULE=off GOFLAGS= \
    "$folder/packages/usr/lib/go-1.19/bin/go" "$@"
}
unshare --user --map-root-user --pid --fork true 2> /dev/null || { echo "needs unshare to make namespaces"; exit 1; }
cat > try.go << 'GO'
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/nightlyone/lockfile"
)

func say(err error) string {
	if err == nil {
		return "let in"
	}
	return "refused"
}

func main() {
	one, err := lockfile.New(os.Args[1])
	if err != nil {
		panic(err)
	}
	if len(os.Args) > 2 {
		fmt.Println(say(one.TryLock()))
		if os.Args[2] == "stay" {
			time.Sleep(time.Hour)
		}
		return
	}
	two, _ := lockfile.New(os.Args[1])
	fmt.Printf("two parts of a process: %s, %s; ", say(one.TryLock()), say(two.TryLock()))
	if err := one.Unlock(); err == nil {
		fmt.Print("the first leaves: fine, ")
	}
	fmt.Println("the second leaves:", two.Unlock())
}
GO
go build -o try try.go
together() { # name, command before each
  local name=$1 file
  file=$folder/$(mktemp -u XXXXXX)
  shift
  "$@" ./try "$file" stay > first &
  until [[ -s first ]]; do sleep 0.05; done
  echo "$name: $(cat first), $("$@" ./try "$file" go)"
  pkill -P $! 2> /dev/null || true
  kill $! 2> /dev/null || true
  wait $! 2> /dev/null || true
  rm first
}
expected="two parts of a process: let in, let in; the first leaves: fine, the second leaves: Lockfile owned by me has been removed unexpectedly
two processes: let in, refused
two processes that have the id 1, each in a namespace of its own: let in, let in"
seen=$(
  ./try "$folder/parts"
  together "two processes" env
  together "two processes that have the id 1, each in a namespace of its own" \
    unshare --user --map-root-user --pid --fork --kill-child
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
