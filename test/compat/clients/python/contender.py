"""Takes the lock at ROOT/lock so many times, and does under it what all contenders do: see contended.ts. Prints a line
for each time.

    contender.py HOSTS ROOT ROUNDS
"""

import json
import sys

from kazoo.client import KazooClient
from kazoo.recipe.lock import Lock


class MutexLock(Lock):
    """kazoo's lock under the name that Curator sorts: it does not know kazoo's own."""

    _NODE_NAME = "-lock-"


def main():
    hosts, root, rounds = sys.argv[1:]
    client = KazooClient(hosts, timeout=4.0)
    client.start(timeout=20.0)
    lock = MutexLock(client, root + "/lock", "kazoo", extra_lock_patterns=["-lock-"])
    for _ in range(int(rounds)):
        with lock:
            token = "%020d" % client.exists(root + "/lock/" + lock.node).czxid
            under_lock(client, root, token)
        print(json.dumps({"token": token}), flush=True)
    client.stop()
    client.close()


def under_lock(client, root, token):
    client.create(root + "/holder", b"kazoo")
    last, count = client.get(root + "/record")[0].decode().split(" ")
    if last >= token:
        raise AssertionError("token %s after %s" % (token, last))
    client.set(root + "/record", ("%s %d" % (token, int(count) + 1)).encode())
    client.delete(root + "/holder")


main()
