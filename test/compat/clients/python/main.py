"""Runs the kazoo checks it is told to run and prints one JSON line for each.

    main.py HOSTS PROXY PREFIX CHECK...     the checks
    main.py victim HOSTS PATH TIMEOUT_MS    a client for others to freeze or kill
    main.py beside HOSTS PATH KIND ROUNDS   recipes beside those of other clients
"""

import json
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.protocol.states import KeeperState

from beside import beside
from checks import CHECKS
from harness import WAIT_S, Context, run
from read_only import READ_ONLY_CHECKS
from recipes import RECIPE_CHECKS
from sessions import SESSION_CHECKS


def victim(hosts, path, timeout_ms):
    """Holds an ephemeral, says since when at the earliest it is silent; prints `expired` when its library says so."""
    expired = threading.Event()
    client = KazooClient(hosts, timeout=timeout_ms / 1000.0)

    def on_state(_state):
        if client.client_state == KeeperState.EXPIRED_SESSION:
            expired.set()

    client.add_listener(on_state)
    client.start(timeout=WAIT_S)
    client.create(path, b"", ephemeral=True)
    session_id, password = client.client_id
    silent_since_ms = time.time() * 1000
    client.get(path)
    fact = {
        "session": session_id,
        "password": password.hex(),
        "timeoutMs": client._session_timeout,
        "silentSinceMs": silent_since_ms,
    }
    print(json.dumps(fact), flush=True)
    expired.wait()
    print("expired", flush=True)


def main():
    if sys.argv[1] == "victim":
        victim(sys.argv[2], sys.argv[3], float(sys.argv[4]))
        return
    if sys.argv[1] == "beside":
        beside(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
        return
    hosts, proxy, prefix = sys.argv[1:4]
    known = {**CHECKS, **SESSION_CHECKS, **RECIPE_CHECKS, **READ_ONLY_CHECKS}
    for name in sys.argv[4:]:
        run(name, known[name], Context(hosts, proxy, "%s-%s" % (prefix, name)))


if __name__ == "__main__":
    main()
