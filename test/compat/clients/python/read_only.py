"""What kazoo sees of a server without a quorum: started with `read_only=True`, it reads and may not write."""

from kazoo.client import KazooClient
from kazoo.exceptions import NotReadOnlyCallError
from kazoo.protocol.states import KeeperState

from harness import WAIT_S, expect, expect_error, expect_true, until


def read_only(context):
    client = KazooClient(context.hosts, timeout=10.0, read_only=True)
    context.clients.append(client)
    client.start(timeout=WAIT_S)
    until("it is connected read-only", lambda: client.client_state == KeeperState.CONNECTED_RO)
    expect_true("/r is listed", "r" in client.get_children("/"))
    expect("data", b"old", client.get("/r")[0])
    expect("a znode that is not there", None, client.exists("/none"))
    expect_error("create", NotReadOnlyCallError, client.create, "/n", b"")
    expect_error("set", NotReadOnlyCallError, client.set, "/r", b"new")
    expect_error("delete", NotReadOnlyCallError, client.delete, "/r")
    expect("data after all that", b"old", client.get("/r")[0])


READ_ONLY_CHECKS = {"kazoo-read-only": read_only}
