"""What every kazoo check uses: its clients, its expectations, and the line that says how it ended."""

import json
import queue
import sys
import time
import traceback

from kazoo.client import KazooClient

WAIT_S = 20.0


class NotAvailable(Exception):
    """The client library has no such call: n/a, with its reason."""


class Context:
    """What a check needs: where to connect, its own path, and clients that are closed after it."""

    def __init__(self, hosts, proxy, path):
        self.hosts = hosts
        self.proxy = proxy
        self.path = path
        self.clients = []

    def connect(self, hosts=None, timeout_s=10.0, **options):
        client = KazooClient(hosts or self.hosts, timeout=timeout_s, **options)
        self.clients.append(client)
        client.start(timeout=WAIT_S)
        return client

    def root(self, client):
        """Creates the check's own znode."""
        client.create(self.path, b"root")
        return self.path

    def move(self):
        """Has the proxy cut its connections and lead to another replica."""
        print(json.dumps({"ask": "move"}), flush=True)
        answer = sys.stdin.readline().strip()
        expect("answer of the suite", "moved", answer)

    def close(self):
        for client in self.clients:
            client.stop()
            client.close()


class Events:
    """A watcher that keeps what it is told, in order."""

    def __init__(self):
        self.seen = []
        self.queue = queue.Queue()

    def __call__(self, event):
        self.seen.append((event.type, event.path))
        self.queue.put((event.type, event.path))

    def next(self):
        try:
            return self.queue.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError("no watch event within %s s" % WAIT_S) from None


def expect(what, expected, seen):
    if expected != seen:
        raise AssertionError("%s: expected %r, saw %r" % (what, expected, seen))


def expect_true(what, holds):
    if not holds:
        raise AssertionError("expected: %s" % what)


def expect_error(what, error, call, *arguments, **named):
    try:
        result = call(*arguments, **named)
    except error:
        return
    except Exception as other:
        raise AssertionError("%s: expected %s, saw %r" % (what, error.__name__, other)) from other
    raise AssertionError("%s: expected %s, saw the answer %r" % (what, error.__name__, result))


def until(what, condition):
    """Asks again until the condition holds, within the deadline."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("not within %s s: %s" % (WAIT_S, what))
        time.sleep(0.05)


def report(check, verdict, detail):
    print(json.dumps({"check": check, "verdict": verdict, "detail": detail}), flush=True)


def run(name, check, context):
    print(json.dumps({"begin": name}), flush=True)
    try:
        detail = check(context) or ""
        verdict = "ok"
    except NotAvailable as reason:
        verdict, detail = "n/a", str(reason)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        lines = ["%s:%s" % (frame.filename.rsplit("/", 1)[-1], frame.lineno) for frame in where]
        verdict, detail = "fail", "%s: %s (%s)" % (type(error).__name__, error, " > ".join(lines))
    try:
        context.close()
    except Exception as error:
        if verdict == "ok":
            verdict, detail = "fail", "closing the clients: %r" % error
    report(name, verdict, detail)
