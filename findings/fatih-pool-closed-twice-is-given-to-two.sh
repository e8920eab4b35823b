#!/usr/bin/env bash
# gopkg.in/fatih/pool.v2 of 2017-10-10 (Go): a connection that is closed twice is given to two, and the one reads what the other has asked for.
#
# `pool.Get()` gives a `net.Conn` whose `Close()` returns it to the pool, so that it fits where a connection did. In Go one closes it where one is
# done, and has a `defer conn.Close()` for all other ways out of the function; the second `Close` of a connection is an error at worst ("use
# of closed network connection"). Here the second one returns it once more, without an error. Then it is in the pool twice, two callers
# have it at the same time, and each of them may read the answer to the other's question. `MarkUnusable` after a failure does not
# help, as the other caller has one of his own.
#
# Seen with Go 1.19 (a server that answers each line with "answer to" and the line; one connection, which is closed twice):
#
#     first close: <nil>, second close: <nil>, in the pool: 2, connected: 1
#     two callers have the same connection: true
#     the second caller asks nothing, and reads: answer to the first one's question
#
# Succeeds while this is so. Needs Debian 12. What to do instead: only `defer conn.Close()`, or a `sync.Once` around it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq golang-1.19-go golang-1.19-src golang-gopkg-fatih-pool.v2-dev=0.0~git20171010.010e0b7-3 2> /dev/null || {
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
	"bufio"
	"fmt"
	"net"

	"gopkg.in/fatih/pool.v2"
)

func serve(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				fmt.Fprintln(conn, "answer to", lines.Text())
			}
		}()
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go serve(listener)
	connected := 0
	connections, err := pool.NewChannelPool(0, 5, func() (net.Conn, error) {
		connected++
		return net.Dial("tcp", listener.Addr().String())
	})
	if err != nil {
		panic(err)
	}
	get := func() net.Conn {
		conn, err := connections.Get()
		if err != nil {
			panic(err)
		}
		return conn
	}
	it := get()
	fmt.Printf("first close: %v, second close: %v, ", it.Close(), it.Close())
	fmt.Printf("in the pool: %d, connected: %d\n", connections.Len(), connected)
	first, second := get(), get()
	fmt.Println("two callers have the same connection:", first.LocalAddr().String() == second.LocalAddr().String())
	fmt.Fprintln(first, "the first one's question")
	answer, _ := bufio.NewReader(second).ReadString('\n')
	fmt.Print("the second caller asks nothing, and reads: ", answer)
}
GO
expected="first close: <nil>, second close: <nil>, in the pool: 2, connected: 1
two callers have the same connection: true
the second caller asks nothing, and reads: answer to the first one's question"
seen=$(go run try.go)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "changed"; exit 1; }
