package main

import (
	"bytes"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/go-zookeeper/zk"
)

var nodeChecks = map[string]func(*place){
	"connect":                      connect,
	"create-persistent":            createPersistent,
	"create-ephemeral":             createEphemeral,
	"create-persistent-sequential": func(p *place) { sequential(p, zk.FlagSequence) },
	"create-ephemeral-sequential":  func(p *place) { sequential(p, zk.FlagEphemeralSequential) },
	"create-container":             createContainer,
	"create-refused":               createRefused,
	"null-data":                    nullData,
	"get":                          get,
	"set":                          set,
	"delete":                       deleteNode,
	"exists":                       exists,
	"children":                     children,
	"sync":                         syncRead,
	"multi-success":                multiSuccess,
	"multi-failure":                multiFailure,
	"large-value":                  largeValue,
	"pipeline":                     missing("that does not wait for its answer"),
}

var watchChecks = map[string]func(*place){
	"watch-data":      watchData,
	"watch-exist":     watchExist,
	"watch-child":     watchChild,
	"watch-recursive": missing("for persistent watches (addWatch)"),
	"remove-watch":    missing("that removes a watch"),
}

var accessChecks = map[string]func(*place){
	"acl-world":  aclWorld,
	"acl-digest": aclDigest,
	"acl-ip":     aclIP,
}

// The library keeps the timeout to itself, but logs it with each session.
func connect(p *place) {
	c := p.dial(4*time.Second, p.hosts...)
	until("logs its session", func() bool { return c.logged("authenticated") != "" })
	expectTrue("a session id that is not 0", c.SessionID() != 0)
	expect("log", fmt.Sprintf("authenticated: id=%d, timeout=4000", c.SessionID()), c.logged("authenticated"))
}

func createPersistent(p *place) {
	c := p.connect()
	expect("created path", p.path, c.create(p.path, "v", zk.FlagPersistent))
	stat := c.stat(p.path)
	expect("owner", int64(0), stat.EphemeralOwner)
	expect("data length", int32(1), stat.DataLength)
	expect("data", "v", c.read(p.path))
}

func createEphemeral(p *place) {
	c := p.connect()
	root := p.root(c)
	c.create(root+"/e", "v", zk.FlagEphemeral)
	expect("owner", c.SessionID(), c.stat(root+"/e").EphemeralOwner)
}

func sequential(p *place, flags int32) {
	c := p.connect()
	root := p.root(c)
	for count := 0; count < 3; count++ {
		expect("name", fmt.Sprintf("%s/s-%010d", root, count), c.create(root+"/s-", "", flags))
	}
	owner := int64(0)
	if flags == zk.FlagEphemeralSequential {
		owner = c.SessionID()
	}
	expect("owner", owner, c.stat(root+"/s-0000000000").EphemeralOwner)
}

func createContainer(p *place) {
	c := p.connect()
	made, err := c.CreateContainer(p.path, []byte("v"), zk.FlagContainer, open)
	must("create container", err)
	expect("path", p.path, made)
	c.create(p.path+"/child", "", zk.FlagPersistent)
	stat := c.stat(p.path)
	expect("owner as the wire has it for containers: hidden", int64(0), stat.EphemeralOwner)
	expect("children", int32(1), stat.NumChildren)
}

func createRefused(p *place) {
	c := p.connect()
	root := p.root(c)
	c.create(root+"/e", "", zk.FlagEphemeral)
	for path, expected := range map[string]error{
		root:               zk.ErrNodeExists,
		root + "/no/child": zk.ErrNoNode,
		root + "/e/child":  zk.ErrNoChildrenForEphemerals,
	} {
		_, err := c.Create(path, nil, zk.FlagPersistent, open)
		expect("create "+path, expected, err)
	}
}

func nullData(p *place) {
	c := p.connect()
	_, err := c.Create(p.path, nil, zk.FlagPersistent, open)
	must("create without data", err)
	c.create(p.path+"/empty", "", zk.FlagPersistent)
	data, stat, err := c.Get(p.path)
	must("get", err)
	expectTrue("no data", data == nil)
	expect("data length", int32(0), stat.DataLength)
	data, _, err = c.Get(p.path + "/empty")
	must("get", err)
	expectTrue("empty data, not none", data != nil && len(data) == 0)
}

func get(p *place) {
	c := p.connect()
	root := p.root(c)
	c.create(root+"/c", "", zk.FlagPersistent)
	data, stat, err := c.Get(root)
	must("get", err)
	expect("data", "root", string(data))
	expect("version, cversion, aversion", []int32{0, 1, 0}, []int32{stat.Version, stat.Cversion, stat.Aversion})
	expect("data length, children", []int32{4, 1}, []int32{stat.DataLength, stat.NumChildren})
	expectTrue("czxid = mzxid < pzxid", stat.Czxid == stat.Mzxid && stat.Mzxid < stat.Pzxid)
	expectTrue("ctime = mtime > 2020", stat.Ctime == stat.Mtime && stat.Ctime > 1577836800000)
	_, _, err = c.Get(root + "/no")
	expect("get nothing", zk.ErrNoNode, err)
}

func set(p *place) {
	c := p.connect()
	root := p.root(c)
	expect("version after set at 0", int32(1), c.set(root, "one", 0).Version)
	_, err := c.Set(root, []byte("two"), 0)
	expect("set at 0 again", zk.ErrBadVersion, err)
	expect("data after the refused set", "one", c.read(root))
	stat := c.set(root, "three", -1)
	expect("version after set at any", int32(2), stat.Version)
	expectTrue("mzxid moves, czxid not", stat.Mzxid > stat.Czxid)
	_, err = c.Set(root+"/no", nil, -1)
	expect("set nothing", zk.ErrNoNode, err)
}

func deleteNode(p *place) {
	c := p.connect()
	root := p.root(c)
	c.create(root+"/c", "", zk.FlagPersistent)
	expect("delete with a child", zk.ErrNotEmpty, c.Delete(root, -1))
	expect("delete at 7", zk.ErrBadVersion, c.Delete(root+"/c", 7))
	must("delete at 0", c.Delete(root+"/c", 0))
	expect("delete again", zk.ErrNoNode, c.Delete(root+"/c", -1))
	must("delete", c.Delete(root, -1))
	expect("exists afterwards", false, c.exists(root))
}

func exists(p *place) {
	c := p.connect()
	expect("absent", false, c.exists(p.path))
	root := p.root(c)
	expect("version", int32(0), c.stat(root).Version)
}

func children(p *place) {
	c := p.connect()
	root := p.root(c)
	for _, name := range []string{"b", "a", "c"} {
		c.create(root+"/"+name, "", zk.FlagPersistent)
	}
	must("delete", c.Delete(root+"/b", -1))
	names, stat, err := c.Children(root)
	must("children", err)
	sort.Strings(names)
	expect("children", []string{"a", "c"}, names)
	expect("numChildren, cversion", []int32{2, 4}, []int32{stat.NumChildren, stat.Cversion})
	names, _, err = c.Children(root + "/a")
	must("children", err)
	expect("children of a leaf", 0, len(names))
	_, _, err = c.Children(root + "/no")
	expect("children of nothing", zk.ErrNoNode, err)
}

func syncRead(p *place) {
	writer := p.connect(p.hosts[0])
	reader := p.connect(p.hosts[1])
	root := p.root(writer)
	for count := 0; count < 20; count++ {
		value := fmt.Sprint(count)
		writer.set(root, value, -1)
		path, err := reader.Sync(root)
		must("sync", err)
		expect("path of sync", root, path)
		expect("value read after sync", value, reader.read(root))
	}
}

// expectFence: events come in the order of the writes. Once this one is there, all earlier ones are.
func expectFence(root string, writer, watcher *client) {
	isThere, _, watch, err := watcher.ExistsW(root + "-fence")
	must("watch the fence", err)
	expect("fence before", false, isThere)
	writer.create(root+"-fence", "", zk.FlagPersistent)
	expect("fence", "EventNodeCreated "+root+"-fence", next(watch))
}

func watchData(p *place) {
	root, writer, watcher := p.twoClients()
	_, _, watch, err := watcher.GetW(root)
	must("watch", err)
	writer.set(root, "one", -1)
	writer.set(root, "two", -1)
	expect("event", "EventNodeDataChanged "+root, next(watch))
	expectFence(root, writer, watcher)
	expect("events of two sets", []string{"EventNodeDataChanged"}, watcher.eventsAt(root))
	_, _, watch, err = watcher.GetW(root)
	must("watch", err)
	must("delete", writer.Delete(root, -1))
	expect("event", "EventNodeDeleted "+root, next(watch))
}

func watchExist(p *place) {
	root, writer, watcher := p.twoClients()
	isThere, _, watch, err := watcher.ExistsW(root + "/later")
	must("watch", err)
	expect("before", false, isThere)
	writer.create(root+"/later", "", zk.FlagPersistent)
	writer.set(root+"/later", "x", -1)
	expect("event", "EventNodeCreated "+root+"/later", next(watch))
	expectFence(root, writer, watcher)
	expect("events", []string{"EventNodeCreated"}, watcher.eventsAt(root+"/later"))
}

func watchChild(p *place) {
	root, writer, watcher := p.twoClients()
	names, _, watch, err := watcher.ChildrenW(root)
	must("watch", err)
	expect("children before", 0, len(names))
	writer.set(root, "not a child", -1)
	writer.create(root+"/a", "", zk.FlagPersistent)
	writer.create(root+"/b", "", zk.FlagPersistent)
	expect("event", "EventNodeChildrenChanged "+root, next(watch))
	expectFence(root, writer, watcher)
	expect("events of two creates", []string{"EventNodeChildrenChanged"}, watcher.eventsAt(root))
}

func multiSuccess(p *place) {
	c := p.connect()
	root := p.root(c)
	c.create(root+"/old", "", zk.FlagPersistent)
	results, err := c.Multi(
		&zk.CheckVersionRequest{Path: root, Version: 0},
		&zk.CreateRequest{Path: root + "/new", Data: []byte("1"), Acl: open},
		&zk.CreateRequest{Path: root + "/s-", Acl: open, Flags: zk.FlagSequence},
		&zk.SetDataRequest{Path: root + "/new", Data: []byte("2"), Version: -1},
		&zk.DeleteRequest{Path: root + "/old", Version: -1},
	)
	must("multi", err)
	expect("results", 5, len(results))
	expect("created", []string{root + "/new", root + "/s-0000000002"}, []string{results[1].String, results[2].String})
	expect("version in the result of set", int32(1), results[3].Stat.Version)
	expect("data", "2", c.read(root+"/new"))
	expect("old", false, c.exists(root+"/old"))
}

func multiFailure(p *place) {
	c := p.connect()
	root := p.root(c)
	results, err := c.Multi(
		&zk.CreateRequest{Path: root + "/new", Data: []byte("1"), Acl: open},
		&zk.CheckVersionRequest{Path: root, Version: 7},
		&zk.CreateRequest{Path: root + "/other", Data: []byte("2"), Acl: open},
	)
	expect("error of the whole", zk.ErrBadVersion, err)
	expect("results", 3, len(results))
	expect("error of the first", nil, results[0].Error)
	expect("error of the second", zk.ErrBadVersion, results[1].Error)
	expectTrue("an error of the third", results[2].Error != nil && strings.Contains(results[2].Error.Error(), "-2"))
	names, _, err := c.Children(root)
	must("children", err)
	expect("children", 0, len(names))
}

func aclWorld(p *place) {
	c := p.connect()
	root := p.root(c)
	_, err := c.Create(root+"/ro", []byte("v"), zk.FlagPersistent, zk.WorldACL(zk.PermRead))
	must("create", err)
	expect("data", "v", c.read(root+"/ro"))
	_, err = c.Set(root+"/ro", []byte("w"), -1)
	expect("set", zk.ErrNoAuth, err)
	_, err = c.Create(root+"/ro/c", nil, zk.FlagPersistent, open)
	expect("create below", zk.ErrNoAuth, err)
	_, err = c.SetACL(root+"/ro", open, -1)
	expect("set the ACL", zk.ErrNoAuth, err)
	acl, stat, err := c.GetACL(root + "/ro")
	must("get the ACL", err)
	expect("ACL", zk.WorldACL(zk.PermRead), acl)
	expect("aversion", int32(0), stat.Aversion)
}

func aclDigest(p *place) {
	owner := p.connect()
	must("authenticate", owner.AddAuth("digest", []byte("user:secret")))
	root := p.root(owner)
	mine := root + "/mine"
	_, err := owner.Create(mine, []byte("v"), zk.FlagPersistent, zk.AuthACL(zk.PermAll))
	must("create", err)
	acl, _, err := owner.GetACL(mine)
	must("get the ACL", err)
	expect("ACL of the creator", zk.DigestACL(zk.PermAll, "user", "secret"), acl)
	other := p.connect()
	other.sync(root)
	_, _, err = other.Get(mine)
	expect("get of a stranger", zk.ErrNoAuth, err)
	must("authenticate wrongly", other.AddAuth("digest", []byte("user:wrong")))
	_, _, err = other.Get(mine)
	expect("get with a wrong password", zk.ErrNoAuth, err)
	must("authenticate", other.AddAuth("digest", []byte("user:secret")))
	expect("data with the right one", "v", other.read(mine))
	stat, err := other.SetACL(mine, zk.DigestACL(zk.PermRead, "user", "secret"), 0)
	must("set the ACL", err)
	expect("aversion", int32(1), stat.Aversion)
	_, err = owner.Set(mine, []byte("w"), -1)
	expect("set after the new ACL", zk.ErrNoAuth, err)
}

func aclIP(p *place) {
	c := p.connect()
	root := p.root(c)
	for path, address := range map[string]string{root + "/own": "127.0.0.1", root + "/other": "10.9.8.7"} {
		acl := []zk.ACL{{Perms: zk.PermAll, Scheme: "ip", ID: address}}
		_, err := c.Create(path, []byte("v"), zk.FlagPersistent, acl)
		must("create "+path, err)
	}
	expect("data", "v", c.read(root+"/own"))
	_, _, err := c.Get(root + "/other")
	expect("get", zk.ErrNoAuth, err)
}

// config's text is the detail of its line: the suite asks the addresses in it.
func config(p *place) string {
	return p.connect().read("/zookeeper/config")
}

func largeValue(p *place) {
	c := p.connect()
	value := make([]byte, 1_000_000)
	for index := range value {
		value[index] = byte(index * 7 % 251)
	}
	_, err := c.Create(p.path, value, zk.FlagPersistent, open)
	must("create", err)
	data, stat, err := c.Get(p.path)
	must("get", err)
	expect("length", int32(1_000_000), stat.DataLength)
	expectTrue("the bytes read are those written", bytes.Equal(value, data))
	value[0], value[999_999] = 1, 2
	_, err = c.Set(p.path, value, -1)
	must("set", err)
	other := p.connect()
	other.sync(p.path)
	expectTrue("another client reads the second value", other.read(p.path) == string(value))
}
