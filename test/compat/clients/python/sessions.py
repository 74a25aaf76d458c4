"""What kazoo does across connections, processes and replicas: close, hand-over, move, expiry."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

from harness import WAIT_S, Events, expect, expect_true, until


class Victim:
    """A client in a process of its own, to be frozen or killed."""

    def __init__(self, hosts, path, timeout_ms):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "main.py")
        self.process = subprocess.Popen(
            [sys.executable, "-u", script, "victim", hosts, path, str(timeout_ms)], stdout=subprocess.PIPE, text=True
        )
        self.lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        self.fact = json.loads(self.line())

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def line(self):
        try:
            return self.lines.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError("the other process says nothing within %s s" % WAIT_S) from None

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait()


def close(context):
    watcher = context.connect()
    root = context.root(watcher)
    owner = context.connect(timeout_s=30.0)
    owner.create(root + "/e", b"", ephemeral=True)
    watcher.sync(root)
    events = Events()
    expect_true("the ephemeral is there", watcher.exists(root + "/e", watch=events) is not None)
    before = time.monotonic()
    owner.stop()
    expect("event", ("DELETED", root + "/e"), events.next())
    took = time.monotonic() - before
    expect_true("gone within 3 s, saw %.1f s" % took, took < 3.0)


def hand_over(context):
    watcher = context.connect()
    root = context.root(watcher)
    victim = Victim(context.hosts, root + "/e", 10000)
    victim.kill()
    session_id, password = victim.fact["session"], bytes.fromhex(victim.fact["password"])
    heir = context.connect(client_id=(session_id, password))
    expect("session of the heir", session_id, heir.client_id[0])
    expect("owner", session_id, heir.exists(root + "/e").ephemeralOwner)
    expect_refused(context, session_id)
    # The wrong password may cost the heir its connection, which it learns late; never its session.
    heir.retry(heir.exists, root)
    heir.sync(root)
    expect("owner after the wrong password", session_id, heir.exists(root + "/e").ephemeralOwner)
    expect("session after the wrong password", session_id, heir.client_id[0])


def expect_refused(context, session_id):
    """kazoo answers an expired session by a new one, by itself: seen by its other id."""
    thief = context.connect(client_id=(session_id, b"wrong password!!"))
    expect_true("the thief has another session", thief.client_id[0] != session_id)
    thief.stop()


def move(context):
    other = context.connect()
    root = context.root(other)
    states = []
    client = context.connect(hosts=context.proxy)
    client.create(root + "/e", b"", ephemeral=True)
    session = client.client_id[0]
    client.add_listener(lambda state: states.append(str(state)))
    context.move()
    until("the client saw the cut and came back", lambda: states == ["SUSPENDED", "CONNECTED"])
    expect("session id", session, client.client_id[0])
    expect("owner as the client reads it", session, client.exists(root + "/e").ephemeralOwner)
    client.set(root, b"after the move")
    other.sync(root)
    expect("owner as another client reads it", session, other.exists(root + "/e").ephemeralOwner)
    expect("a write after the move", b"after the move", other.get(root)[0])


def move_watch(context):
    """kazoo drops plain watches on a cut by design and never sends setWatches; its DataWatch re-arms itself."""
    other = context.connect()
    root = context.root(other)
    client = context.connect(hosts=context.proxy)
    client.sync(root)
    values = queue.Queue()
    states = []
    client.DataWatch(root)(lambda data, _stat: values.put(data))
    client.add_listener(lambda state: states.append(str(state)))
    expect("first value", b"root", values.get(timeout=WAIT_S))
    context.move()
    until("the client saw the cut and came back", lambda: states == ["SUSPENDED", "CONNECTED"])
    other.set(root, b"after the move")
    expect("value told", b"after the move", values.get(timeout=WAIT_S))
    other.set(root, b"once more")
    expect("value told", b"once more", values.get(timeout=WAIT_S))


def expiry(context):
    watcher = context.connect()
    root = context.root(watcher)
    victim = Victim(context.hosts, root + "/e", 4000)
    try:
        victim.freeze()
        watcher.sync(root)
        events = Events()
        expect_true("the ephemeral is there", watcher.exists(root + "/e", watch=events) is not None)
        expect("event", ("DELETED", root + "/e"), events.next())
        silent_ms = time.time() * 1000 - victim.fact["silentSinceMs"]
        expect("negotiated timeout, ms", 4000, victim.fact["timeoutMs"])
        expect_true("not before 4000 ms of silence, saw %d" % silent_ms, silent_ms >= 4000)
        expect_true("within 15000 ms of silence, saw %d" % silent_ms, silent_ms < 15000)
        victim.thaw()
        expect("what the client says on its return", "expired", victim.line())
    finally:
        victim.kill()


SESSION_CHECKS = {
    "close": close,
    "hand-over": hand_over,
    "move": move,
    "move-watch": move_watch,
    "expiry": expiry,
}
