"""kazoo's recipes, their members at different replicas."""

import queue
import threading

from kazoo.exceptions import LockTimeout
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.retry import KazooRetry

from harness import WAIT_S, Events, expect, expect_error, expect_true, until

ROUNDS = 5


class Meeting:
    """Counts who is inside, and fails whoever meets another."""

    def __init__(self):
        self.inside = 0
        self.guard = threading.Lock()

    def __enter__(self):
        with self.guard:
            self.inside += 1
            expect("holders", 1, self.inside)

    def __exit__(self, *_reason):
        with self.guard:
            self.inside -= 1


def run_together(members):
    """Runs all at once, each in a thread of its own; the first that fails fails the check."""
    results = queue.Queue()

    def run(member):
        try:
            member()
            results.put(None)
        except BaseException as error:
            results.put(error)

    for member in members:
        threading.Thread(target=run, args=(member,), daemon=True).start()
    for _ in members:
        try:
            error = results.get(timeout=WAIT_S)
        except queue.Empty:
            raise AssertionError("not all are done within %s s" % WAIT_S) from None
        if error is not None:
            raise error


def at_each_replica(context):
    return [context.connect(hosts=host) for host in context.hosts.split(",")]


def lock(context):
    """Under the lock each raises a number in a znode without asking for its version: who read what the holder
    before it had not yet written would lose a count."""
    clients = at_each_replica(context)
    root = context.root(clients[0])
    number = root + "/number"
    clients[0].create(number, b"0")
    meeting = Meeting()

    def member(client, name):
        one = client.Lock(root + "/lock", name)
        for _ in range(ROUNDS):
            with one, meeting:
                client.set(number, b"%d" % (int(client.get(number)[0]) + 1))

    run_together([lambda c=client, n=n: member(c, "m%d" % n) for n, client in enumerate(clients + clients)])
    clients[0].sync(number)
    expect("number", b"%d" % (6 * ROUNDS), clients[0].get(number)[0])
    held = clients[0].Lock(root + "/lock", "holder")
    expect_true("held", held.acquire(timeout=WAIT_S))
    waiting = clients[1].Lock(root + "/lock", "next")
    expect("taken from a holder", False, waiting.acquire(blocking=False))
    thread = threading.Thread(target=waiting.acquire, daemon=True)
    thread.start()
    until("both contend", lambda: held.contenders() == ["holder", "next"])
    # A holder that closes its client without a release gives the lock up too.
    clients[0].stop()
    thread.join(WAIT_S)
    expect_true("the next holds it", waiting.is_acquired)


def read_write(context):
    first, second, _third = at_each_replica(context)
    path = context.path + "/lock"
    reads = [first.ReadLock(path), second.ReadLock(path)]
    for read in reads:
        expect_true("reads", read.acquire(timeout=WAIT_S))
    write = second.WriteLock(path)
    expect("writes while others read", False, write.acquire(blocking=False))
    reads[1].release()
    expect("writes while another reads", False, write.acquire(blocking=False))
    reads[0].release()
    expect_true("writes", write.acquire(timeout=WAIT_S))
    expect("reads while another writes", False, reads[0].acquire(blocking=False))
    expect("writes while another writes", False, first.WriteLock(path).acquire(blocking=False))
    write.release()
    expect_true("reads", reads[0].acquire(timeout=WAIT_S))


def semaphore(context):
    clients = at_each_replica(context)
    one, two, three = [
        client.Semaphore(context.path + "/leases", "h%d" % n, max_leases=2) for n, client in enumerate(clients)
    ]
    expect_true("one", one.acquire(timeout=WAIT_S))
    expect_true("two", two.acquire(timeout=WAIT_S))
    expect_error("three", LockTimeout, three.acquire, timeout=0.3)
    expect("three without waiting", False, three.acquire(blocking=False))
    expect("holders", ["h0", "h1"], sorted(three.lease_holders()))
    two.release()
    expect_true("three after one is given back", three.acquire(timeout=WAIT_S))
    clients[0].stop()
    expect_true("two after a holder is gone", two.acquire(timeout=WAIT_S))


def election(context):
    clients = at_each_replica(context)
    path = context.path + "/election"
    led = []
    meeting = Meeting()
    turns = {name: threading.Event() for name in "abc"}
    runs = []

    def lead(name):
        with meeting:
            led.append(name)
            expect_true("%s may end" % name, turns[name].wait(WAIT_S))

    contenders = []
    for client, name in zip(clients, "abc"):
        one = client.Election(path, name)
        thread = threading.Thread(target=one.run, args=(lead, name), daemon=True)
        thread.start()
        runs.append(thread)
        contenders.append(name)
        until("%s contends" % name, lambda: clients[0].Election(path).contenders() == contenders)
    for number, name in enumerate("abc"):
        until("%s leads" % name, lambda: led[number:] == [name])
        turns[name].set()
        runs[number].join(WAIT_S)
    expect("leaders", ["a", "b", "c"], led)
    expect("runs that are not over", [False, False, False], [run.is_alive() for run in runs])


def barrier(context):
    clients = at_each_replica(context)
    single = clients[0].Barrier(context.path + "/single")
    single.create()
    waiting = clients[1].Barrier(context.path + "/single")
    until("the barrier is seen", lambda: waiting.wait(0) is False)
    passed = []
    thread = threading.Thread(target=lambda: passed.append(waiting.wait(WAIT_S)), daemon=True)
    thread.start()
    expect_true("removed", single.remove())
    thread.join(WAIT_S)
    expect("passed", [True], passed)
    for number in range(3):
        double_barrier(clients, "%s/double-%d" % (context.path, number))


def double_barrier(clients, path):
    """Who has entered found that all had come; who has left found that all wanted to leave."""
    come, leaving = [], []
    # The recipe loses a member that is still on its way in when another is already out: nobody leaves before.
    inside = threading.Barrier(len(clients), timeout=WAIT_S)

    def waiting():
        clients[0].sync("/")
        return len(clients[0].get_children(path)) if clients[0].exists(path) else 0

    def member(client, name):
        one = client.DoubleBarrier(path, len(clients), name)
        if client is clients[-1]:
            # The last comes when the others wait, so that one let in too early is seen.
            until("the others wait", lambda: waiting() == len(clients) - 1)
        come.append(name)
        one.enter()
        expect("come when one has entered", len(clients), len(come))
        inside.wait()
        leaving.append(name)
        one.leave()
        expect("leaving when one has left", len(clients), len(leaving))

    run_together([lambda c=client, n=n: member(c, "m%d" % n) for n, client in enumerate(clients)])


def counter(context):
    clients = at_each_replica(context)

    def member(client):
        # Two that meet collide, as they must; the recipe tries again as often as its client says.
        client.retry = KazooRetry(max_tries=-1, max_delay=0.05)
        mine = client.Counter(context.path + "/counter")
        for _ in range(10):
            mine += 2
            mine -= 1

    run_together([lambda c=client: member(c) for client in clients])
    clients[0].sync(context.path + "/counter")
    expect("value", 30, clients[0].Counter(context.path + "/counter").value)
    halves = clients[1].Counter(context.path + "/halves", default=0.5)
    halves += 0.25
    expect("value", 0.75, halves.value)


def party(context):
    clients = at_each_replica(context)
    for kind in ("Party", "ShallowParty"):
        path = "%s/%s" % (context.path, kind)
        members = [getattr(client, kind)(path, "m%d" % n) for n, client in enumerate(clients)]
        for member in members:
            member.join()
        until("all see all", lambda: all(sorted(one) == ["m0", "m1", "m2"] for one in members))
        expect("size", 3, len(members[2]))
        members[1].leave()
        until("one has left", lambda: sorted(members[2]) == ["m0", "m2"])
    parties = [clients[2].Party(context.path + "/Party"), clients[2].ShallowParty(context.path + "/ShallowParty")]
    clients[0].stop()
    until("a member that died is not there", lambda: [list(one) for one in parties] == [["m2"], ["m2"]])


def work_queue(context):
    clients = at_each_replica(context)
    path = context.path + "/queue"
    source = clients[0].Queue(path)
    for number in range(20):
        source.put(b"%02d" % number, priority=100 - number)
    taken = queue.Queue()

    def take(client):
        client.sync(path)
        mine = client.Queue(path)
        for value in iter(mine.get, None):
            taken.put(value)

    run_together([lambda c=client: take(c) for client in clients[1:]])
    expect("taken", [b"%02d" % number for number in range(20)], sorted(taken.queue))
    for priority, value in ((30, b"last"), (10, b"first"), (20, b"second")):
        source.put(value, priority=priority)
    expect("by priority", [b"first", b"second", b"last", None], [source.get() for _ in range(4)])
    locking_queue(clients, context.path + "/locking")


def locking_queue(clients, path):
    """An entry that is held is nobody else's; it is given again when its holder dies."""
    source = clients[0].LockingQueue(path)
    source.put_all([b"a", b"b"], priority=5)
    source.put(b"urgent", priority=1)
    first, second = clients[0].LockingQueue(path), clients[1].LockingQueue(path)
    expect("first", b"urgent", first.get(timeout=WAIT_S))
    expect("second", b"a", second.get(timeout=WAIT_S))
    expect_true("second holds its own", second.holds_lock())
    expect_true("consumed", second.consume())
    expect("second", b"b", second.get(timeout=WAIT_S))
    expect_true("consumed", second.consume())
    expect("nothing is left but what is held", None, second.get(timeout=0.3))
    clients[0].stop()
    expect("what a dead holder had", b"urgent", second.get(timeout=WAIT_S))
    expect_true("consumed", second.consume())
    until("the queue is empty", lambda: len(clients[2].LockingQueue(path)) == 0)


def watchers(context):
    writer, watcher, _third = at_each_replica(context)
    root = context.root(writer)
    watcher.sync(root)
    values, names = queue.Queue(), queue.Queue()
    watcher.DataWatch(root + "/a")(lambda data, _stat: values.put(data))
    watcher.ChildrenWatch(root)(lambda children: names.put(sorted(children)))
    expect("data before", None, values.get(timeout=WAIT_S))
    expect("children before", [], names.get(timeout=WAIT_S))
    for number in range(3):
        value = b"%d" % number
        writer.create(root + "/a", value)
        expect("data", value, values.get(timeout=WAIT_S))
        expect("children", ["a"], names.get(timeout=WAIT_S))
        writer.set(root + "/a", value + b"!")
        expect("data", value + b"!", values.get(timeout=WAIT_S))
        writer.delete(root + "/a")
        expect("data of nothing", None, values.get(timeout=WAIT_S))
        expect("children", [], names.get(timeout=WAIT_S))


def tree_cache(context):
    writer, reader, _third = at_each_replica(context)
    root = context.root(writer)
    writer.create(root + "/a/b", b"early", makepath=True)
    reader.sync(root)
    told = queue.Queue()
    cache = TreeCache(reader, root)
    cache.listen(told.put)
    cache.start()

    def expect_told(event_type, path):
        event = told.get(timeout=WAIT_S)
        seen = (event.event_type, event.event_data.path if event.event_data else None)
        expect("told", (event_type, path), seen)

    for path in (root, root + "/a", root + "/a/b"):
        expect_told(TreeEvent.NODE_ADDED, path)
    expect_told(TreeEvent.INITIALIZED, None)
    expect("data kept", b"early", cache.get_data(root + "/a/b").data)
    writer.set(root + "/a/b", b"late")
    expect_told(TreeEvent.NODE_UPDATED, root + "/a/b")
    expect("data kept", b"late", cache.get_data(root + "/a/b").data)
    writer.create(root + "/a/c", b"")
    expect_told(TreeEvent.NODE_ADDED, root + "/a/c")
    expect("children kept", {"b", "c"}, set(cache.get_children(root + "/a")))
    writer.delete(root + "/a/b")
    expect_told(TreeEvent.NODE_REMOVED, root + "/a/b")
    expect("data kept", None, cache.get_data(root + "/a/b"))
    cache.close()


def chroot(context):
    outside = context.connect()
    root = context.root(outside)
    inside = context.connect(hosts=context.hosts + root)
    seen = Events()
    expect("before it is made", None, inside.exists("/a", watch=seen))
    expect("made", "/a", inside.create("/a", b"v"))
    expect("told", ("CREATED", "/a"), seen.next())
    expect("numbered", "/a/s-0000000000", inside.create("/a/s-", b"", sequence=True, ephemeral=True))
    expect("children from outside", ["a"], outside.get_children(root))
    expect("data from outside", b"v", outside.get(root + "/a")[0])
    transaction = inside.transaction()
    transaction.check("/a", 0)
    transaction.create("/b", b"w")
    expect("made together", [True, "/b"], transaction.commit())
    expect("children of its root", {"a", "b"}, set(inside.get_children("/")))


RECIPE_CHECKS = {
    "kazoo-chroot": chroot,
    "kazoo-lock": lock,
    "kazoo-read-write": read_write,
    "kazoo-semaphore": semaphore,
    "kazoo-election": election,
    "kazoo-barrier": barrier,
    "kazoo-counter": counter,
    "kazoo-party": party,
    "kazoo-queue": work_queue,
    "kazoo-watchers": watchers,
    "kazoo-tree-cache": tree_cache,
}
