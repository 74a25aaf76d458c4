package main

import (
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/go-zookeeper/zk"
)

var recipeChecks = map[string]func(*place){
	"go-lock":       lock,
	"go-concurrent": concurrent,
}

// lock: two holders at each of three replicas. Under the lock each raises a number in a znode without asking for
// its version: who read what the holder before it had not yet written would lose a count.
func lock(p *place) {
	first := p.connect(p.hosts[0])
	number := p.root(first) + "-number"
	first.create(number, "0", zk.FlagPersistent)
	var holders int32
	var members []func()
	for member := 0; member < 6; member++ {
		c := p.connect(p.hosts[member%3])
		mutex := zk.NewLock(c.Conn, p.path+"/locks/one", open)
		members = append(members, func() {
			for round := 0; round < 5; round++ {
				must("lock", mutex.Lock())
				expect("holders", int32(1), atomic.AddInt32(&holders, 1))
				read, err := strconv.Atoi(c.read(number))
				must("the number", err)
				c.set(number, strconv.Itoa(read+1), -1)
				atomic.AddInt32(&holders, -1)
				must("unlock", mutex.Unlock())
			}
		})
	}
	together(members)
	first.sync(number)
	expect("number", "30", first.read(number))
	// A holder that closes its client without an unlock gives the lock up too.
	held := zk.NewLock(first.Conn, p.path+"/locks/one", open)
	must("lock", held.Lock())
	expect("locked twice", zk.ErrDeadlock, held.Lock())
	first.Close()
	heir := p.connect(p.hosts[1])
	must("lock after the holder", zk.NewLock(heir.Conn, p.path+"/locks/one", open).Lock())
}

// concurrent: the answers of one connection reach who asked, and each asker's own writes are read by it.
func concurrent(p *place) {
	c := p.connect()
	root := p.root(c)
	var members []func()
	for member := 0; member < 50; member++ {
		path := fmt.Sprintf("%s/n%d", root, member)
		members = append(members, func() {
			c.create(path, "", zk.FlagPersistent)
			for round := int32(0); round < 10; round++ {
				value := fmt.Sprintf("%s %d", path, round)
				expect("version", round+1, c.set(path, value, round).Version)
				expect("data", value, c.read(path))
			}
		})
	}
	together(members)
	names, stat, err := c.Children(root)
	must("children", err)
	expect("children", 50, len(names))
	expect("cversion", int32(50), stat.Cversion)
}
