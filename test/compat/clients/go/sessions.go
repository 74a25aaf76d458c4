package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/go-zookeeper/zk"
)

var sessionChecks = map[string]func(*place){
	"close":      closeSession,
	"hand-over":  missing("that takes a session id and password"),
	"move":       move,
	"move-watch": moveWatch,
	"expiry":     expiry,
}

// beVictim holds an ephemeral, says since when at the earliest it is silent, and prints "expired" when its
// library says so.
func beVictim(hosts, path, timeoutMs string) {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Println(reason)
			os.Exit(1)
		}
	}()
	milliseconds, err := strconv.Atoi(timeoutMs)
	must("the timeout", err)
	p := &place{}
	c := p.dial(time.Duration(milliseconds)*time.Millisecond, strings.Split(hosts, ",")...)
	until("has a session", func() bool { return c.logged("authenticated") != "" })
	c.create(path, "", zk.FlagEphemeral)
	silentSinceMs := time.Now().UnixNano() / 1e6
	c.read(path)
	fmt.Println(silentSinceMs, c.logged("authenticated"))
	// The suite ends this process when the check is over.
	for !c.hasState(0, zk.StateExpired) {
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Println("expired")
}

// victim is a client in a process of its own, to be frozen or killed.
type victim struct {
	process *exec.Cmd
	lines   chan string
}

func startVictim(p *place, path string, timeoutMs int) *victim {
	hosts := strings.Join(p.hosts, ",")
	process := exec.Command(os.Args[0], "victim", hosts, path, strconv.Itoa(timeoutMs))
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	must("its output", err)
	must("start", process.Start())
	made := &victim{process: process, lines: make(chan string, 10)}
	go func() {
		defer close(made.lines)
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			made.lines <- lines.Text()
		}
	}()
	return made
}

func (v *victim) line() string {
	select {
	case line := <-v.lines:
		return line
	case <-time.After(wait):
		return fmt.Sprintf("nothing within %v", wait)
	}
}

func (v *victim) signal(signal syscall.Signal) {
	must("signal", v.process.Process.Signal(signal))
}

func (v *victim) kill() {
	// A process that has ended is what is wanted, and so is its exit code then.
	_ = v.process.Process.Kill()
	_ = v.process.Wait()
}

func closeSession(p *place) {
	root, watcher, owner := p.twoClients()
	owner.create(root+"/e", "", zk.FlagEphemeral)
	watcher.sync(root)
	isThere, _, watch, err := watcher.ExistsW(root + "/e")
	must("watch", err)
	expect("the ephemeral is there", true, isThere)
	before := time.Now()
	owner.Close()
	expect("event", "EventNodeDeleted "+root+"/e", next(watch))
	took := time.Since(before)
	expectTrue(fmt.Sprintf("gone within 3 s, saw %v", took), took < 3*time.Second)
}

// cut has the proxy move the client and waits until the client saw it and came back.
func cut(p *place, mover *client) {
	from := mover.eventCount()
	p.move()
	until("the client saw the cut", func() bool { return mover.hasState(from, zk.StateDisconnected) })
	until("the client came back", func() bool { return mover.hasState(from, zk.StateHasSession) })
	expectTrue("its session is not expired", !mover.hasState(from, zk.StateExpired))
}

func move(p *place) {
	other := p.connect()
	root := p.root(other)
	mover := p.connect(p.proxy)
	mover.create(root+"/e", "", zk.FlagEphemeral)
	session := mover.SessionID()
	cut(p, mover)
	expect("session id", session, mover.SessionID())
	expect("owner as the client reads it", session, mover.stat(root+"/e").EphemeralOwner)
	mover.set(root, "after the move", -1)
	other.sync(root)
	expect("owner as another client reads it", session, other.stat(root+"/e").EphemeralOwner)
	expect("a write after the move", "after the move", other.read(root))
}

func moveWatch(p *place) {
	other := p.connect()
	root := p.root(other)
	mover := p.connect(p.proxy)
	mover.sync(root)
	_, _, data, err := mover.GetW(root)
	must("watch the data", err)
	isThere, _, later, err := mover.ExistsW(root + "/later")
	must("watch what is not there", err)
	expect("later", false, isThere)
	_, _, names, err := mover.ChildrenW(root)
	must("watch the children", err)
	cut(p, mover)
	other.set(root, "x", -1)
	expect("event", "EventNodeDataChanged "+root, next(data))
	other.create(root+"/later", "", zk.FlagPersistent)
	expect("event", "EventNodeCreated "+root+"/later", next(later))
	expect("event", "EventNodeChildrenChanged "+root, next(names))
}

func expiry(p *place) {
	watcher := p.connect()
	root := p.root(watcher)
	frozen := startVictim(p, root+"/e", 4000)
	defer frozen.kill()
	fact := strings.SplitN(frozen.line(), " ", 2)
	silentSinceMs, err := strconv.ParseInt(fact[0], 10, 64)
	must("the victim's first line: "+strings.Join(fact, " "), err)
	frozen.signal(syscall.SIGSTOP)
	watcher.sync(root)
	isThere, _, watch, err := watcher.ExistsW(root + "/e")
	must("watch", err)
	expect("the ephemeral is there", true, isThere)
	expect("event", "EventNodeDeleted "+root+"/e", next(watch))
	silentMs := time.Now().UnixNano()/1e6 - silentSinceMs
	expectTrue("4000 ms negotiated: "+fact[1], strings.HasSuffix(fact[1], "timeout=4000"))
	expectTrue(fmt.Sprintf("not before 4000 ms of silence, saw %d", silentMs), silentMs >= 4000)
	expectTrue(fmt.Sprintf("within 15000 ms of silence, saw %d", silentMs), silentMs < 15_000)
	frozen.signal(syscall.SIGCONT)
	expect("what the client says on its return", "expired", frozen.line())
}
