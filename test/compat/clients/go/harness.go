package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// How long a check waits for one thing.
const wait = 20 * time.Second

var open = zk.WorldACL(zk.PermAll)

// place is what a check needs: where to connect, its own znode, and clients that are closed after it.
type place struct {
	hosts  []string
	proxy  string
	path   string
	opened []*client
}

// client is the unmodified client, with all that it tells its callback and its log, in order.
type client struct {
	*zk.Conn
	mutex  sync.Mutex
	events []zk.Event
	log    []string
}

// failure ends a check; notAvailable says that the client has no such call. Both travel as panics, so that a
// check reads as the list of what is expected.
type failure string
type notAvailable string

func fail(format string, values ...interface{}) {
	panic(failure(fmt.Sprintf(format, values...)))
}

func expect(what string, expected, seen interface{}) {
	if !reflect.DeepEqual(expected, seen) {
		fail("%s: expected %v, saw %v", what, expected, seen)
	}
}

func expectTrue(what string, holds bool) {
	if !holds {
		fail("expected: %s", what)
	}
}

func must(what string, err error) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

// until asks again until the condition holds, within the deadline.
func until(what string, condition func() bool) {
	deadline := time.Now().Add(wait)
	for !condition() {
		if time.Now().After(deadline) {
			fail("not within %v: %s", wait, what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// next waits for a watch's one event.
func next(watch <-chan zk.Event) string {
	select {
	case event := <-watch:
		must("the watch of "+event.Path, event.Err)
		return event.Type.String() + " " + event.Path
	case <-time.After(wait):
		return fmt.Sprintf("no event within %v", wait)
	}
}

// together runs all at once, each in a goroutine of its own; the first that fails fails the check.
func together(members []func()) {
	failures := make(chan interface{}, len(members))
	for _, member := range members {
		go func(member func()) {
			defer func() { failures <- recover() }()
			member()
		}(member)
	}
	for range members {
		select {
		case reason := <-failures:
			if reason != nil {
				panic(reason)
			}
		case <-time.After(wait):
			fail("not all are done within %v", wait)
		}
	}
}

// Printf keeps what the library logs.
func (c *client) Printf(format string, values ...interface{}) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.log = append(c.log, fmt.Sprintf(format, values...))
}

func (c *client) onEvent(event zk.Event) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.events = append(c.events, event)
}

// logged is the last line of the library's log that starts so.
func (c *client) logged(start string) string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for index := len(c.log) - 1; index >= 0; index-- {
		if strings.HasPrefix(c.log[index], start) {
			return c.log[index]
		}
	}
	return ""
}

// eventsAt is every watch event that the server sent about a path.
func (c *client) eventsAt(path string) []string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []string
	for _, event := range c.events {
		if event.Path == path {
			found = append(found, event.Type.String())
		}
	}
	return found
}

// states is the sequence of states from the given one of all events on.
func (c *client) states(from int) []zk.State {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []zk.State
	for _, event := range c.events[from:] {
		if event.Type == zk.EventSession {
			found = append(found, event.State)
		}
	}
	return found
}

func (c *client) eventCount() int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return len(c.events)
}

func (c *client) hasState(from int, state zk.State) bool {
	for _, seen := range c.states(from) {
		if seen == state {
			return true
		}
	}
	return false
}

// dial connects without waiting for a session.
func (p *place) dial(timeout time.Duration, hosts ...string) *client {
	made := &client{}
	conn, _, err := zk.Connect(hosts, timeout, zk.WithLogger(made), zk.WithEventCallback(made.onEvent))
	must("connect", err)
	made.Conn = conn
	p.opened = append(p.opened, made)
	return made
}

func (p *place) connect(hosts ...string) *client {
	if len(hosts) == 0 {
		hosts = p.hosts
	}
	made := p.dial(10*time.Second, hosts...)
	until("has a session", func() bool { return made.State() == zk.StateHasSession })
	return made
}

// root creates the check's own znode.
func (p *place) root(c *client) string {
	return c.create(p.path, "root", zk.FlagPersistent)
}

// twoClients are a writer, a watcher, and the check's znode seen by both.
func (p *place) twoClients() (string, *client, *client) {
	writer := p.connect()
	watcher := p.connect()
	root := p.root(writer)
	watcher.sync(root)
	return root, writer, watcher
}

var input = bufio.NewScanner(os.Stdin)

// move has the proxy cut its connections and lead to another replica.
func (p *place) move() {
	say(map[string]string{"ask": "move"})
	expectTrue("an answer of the suite", input.Scan())
	expect("answer of the suite", "moved", input.Text())
}

func (c *client) create(path, data string, flags int32) string {
	made, err := c.Create(path, []byte(data), flags, open)
	must("create "+path, err)
	return made
}

func (c *client) set(path, data string, version int32) *zk.Stat {
	stat, err := c.Set(path, []byte(data), version)
	must("set "+path, err)
	return stat
}

func (c *client) read(path string) string {
	data, _, err := c.Get(path)
	must("get "+path, err)
	return string(data)
}

func (c *client) stat(path string) *zk.Stat {
	exists, stat, err := c.Exists(path)
	must("exists "+path, err)
	expectTrue(path+" exists", exists)
	return stat
}

func (c *client) exists(path string) bool {
	exists, _, err := c.Exists(path)
	must("exists "+path, err)
	return exists
}

func (c *client) sync(path string) {
	_, err := c.Sync(path)
	must("sync "+path, err)
}

func say(message interface{}) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(line))
}

// run says how a check begins and ends. What else panics is a fault of the client or of the check: its stack is
// the detail.
func run(name string, check func(*place) string, p *place) {
	say(map[string]string{"begin": name})
	verdict, detail := "ok", ""
	func() {
		defer func() {
			switch reason := recover().(type) {
			case nil:
			case notAvailable:
				verdict, detail = "n/a", string(reason)
			case failure:
				verdict, detail = "fail", string(reason)+" ("+where()+")"
			default:
				verdict, detail = "fail", fmt.Sprintf("panic: %v\n%s", reason, debug.Stack())
			}
		}()
		detail = check(p)
	}()
	for _, opened := range p.opened {
		opened.Close()
	}
	say(map[string]string{"check": name, "verdict": verdict, "detail": detail})
}

// where names the lines of the checks on the panicking stack.
func where() string {
	var lines []string
	for _, line := range strings.Split(string(debug.Stack()), "\n") {
		for _, file := range []string{"/checks.go:", "/sessions.go:", "/recipes.go:"} {
			if index := strings.Index(line, file); index >= 0 {
				lines = append(lines, strings.Fields(line[index+1:])[0])
			}
		}
	}
	return strings.Join(lines, " < ")
}
