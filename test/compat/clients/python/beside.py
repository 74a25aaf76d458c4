"""kazoo's recipes beside other clients' on one path, in a process of its own: main.py beside HOSTS PATH KIND ROUNDS."""

import uuid

from kazoo.client import KazooClient

from harness import WAIT_S


def curators_lock(client, path):
    """Named as Curator names its own, and aware of it: what docs/recipes.md tells a kazoo program to do."""
    lock = client.Lock(path, "kazoo", extra_lock_patterns=["-lock-"])
    lock.prefix = "_c_" + str(uuid.uuid4()) + "-lock-"
    lock.create_path = lock.path + "/" + lock.prefix
    return lock


def work(client, path):
    """Who meets another holder fails; who read what another had not yet written would lose a count."""
    client.create(path + "/holder", ephemeral=True)
    client.set(path + "/number", b"%d" % (int(client.get(path + "/number")[0]) + 1))
    client.delete(path + "/holder")


def once(client, path, kind):
    if kind == "mutex":
        with curators_lock(client, path + "/lock"):
            work(client, path)
    elif kind == "lock":
        with client.Lock(path + "/lock", "kazoo"):
            work(client, path)
    elif kind == "write":
        with client.ReadLock(path + "/lock", "kazoo"):
            if client.exists(path + "/holder"):
                raise AssertionError("a reader meets a writer")
        with client.WriteLock(path + "/lock", "kazoo"):
            work(client, path)
    elif kind == "count":
        counter = client.Counter(path + "/count")
        counter += 1
    elif kind == "queue":
        client.Queue(path + "/queue").put(b"kazoo")
    else:
        raise AssertionError("the Python program knows no " + kind)


def beside(hosts, path, kind, rounds):
    client = KazooClient(hosts, timeout=10.0)
    client.start(timeout=WAIT_S)
    for _ in range(rounds):
        once(client, path, kind)
    client.stop()
