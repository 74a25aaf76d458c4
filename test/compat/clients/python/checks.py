"""What kazoo does within one session: znodes, watches, transactions, access control."""

from kazoo.exceptions import (
    BadVersionError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.security import make_acl, make_digest_acl

from harness import Events, NotAvailable, expect, expect_error, expect_true


def connect(context):
    client = context.connect(timeout_s=4.0)
    expect("negotiated timeout, ms", 4000, client._session_timeout)
    expect_true("a session id that is not 0", client.client_id[0] != 0)
    expect_true("a password of 16 bytes", len(client.client_id[1]) == 16)


def create_persistent(context):
    client = context.connect()
    path, stat = client.create(context.path, b"v", include_data=True)
    expect("created path", context.path, path)
    expect("owner", 0, stat.ephemeralOwner)
    expect("data length", 1, stat.dataLength)
    expect("path of create without Stat", context.path + "/a", client.create(context.path + "/a", b""))


def create_ephemeral(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/e", b"v", ephemeral=True)
    expect("owner", client.client_id[0], client.exists(root + "/e").ephemeralOwner)


def sequential(context, ephemeral):
    client = context.connect()
    root = context.root(client)
    made = [client.create(root + "/s-", b"", sequence=True, ephemeral=ephemeral) for _ in range(3)]
    expect("names", [root + "/s-%010d" % n for n in range(3)], made)
    owner = client.client_id[0] if ephemeral else 0
    expect("owner", owner, client.exists(made[0]).ephemeralOwner)


def create_container(_context):
    raise NotAvailable("kazoo 2.11 has no call that creates a container")


def create_refused(context):
    client = context.connect()
    root = context.root(client)
    expect_error("create again", NodeExistsError, client.create, root, b"")
    expect_error("create below nothing", NoNodeError, client.create, root + "/no/child", b"")
    client.create(root + "/e", b"", ephemeral=True)
    expect_error("create below an ephemeral", NoChildrenForEphemeralsError, client.create, root + "/e/c", b"")


def null_data(context):
    client = context.connect()
    client.create(context.path, None)
    data, stat = client.get(context.path)
    expect("data", None, data)
    expect("data length", 0, stat.dataLength)


def get(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/c", b"")
    data, stat = client.get(root)
    expect("data", b"root", data)
    expect("version", 0, stat.version)
    expect("cversion", 1, stat.cversion)
    expect("aversion", 0, stat.aversion)
    expect("data length", 4, stat.dataLength)
    expect("children", 1, stat.numChildren)
    expect_true("czxid = mzxid < pzxid", stat.czxid == stat.mzxid < stat.pzxid)
    expect_true("ctime = mtime > 2020", stat.ctime == stat.mtime > 1577836800000)
    expect_error("get nothing", NoNodeError, client.get, root + "/no")


def set_data(context):
    client = context.connect()
    root = context.root(client)
    expect("version after set at 0", 1, client.set(root, b"one", version=0).version)
    expect_error("set at 0 again", BadVersionError, client.set, root, b"two", version=0)
    expect("data after the refused set", b"one", client.get(root)[0])
    stat = client.set(root, b"three")
    expect("version after set at any", 2, stat.version)
    expect_true("mzxid moves, czxid not", stat.mzxid > stat.czxid)
    expect_error("set nothing", NoNodeError, client.set, root + "/no", b"")


def delete(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/c", b"")
    expect_error("delete with a child", NotEmptyError, client.delete, root)
    expect_error("delete at 7", BadVersionError, client.delete, root + "/c", version=7)
    client.delete(root + "/c", version=0)
    expect_error("delete again", NoNodeError, client.delete, root + "/c")
    client.delete(root)
    expect("exists afterwards", None, client.exists(root))


def exists(context):
    client = context.connect()
    expect("absent", None, client.exists(context.path))
    root = context.root(client)
    expect("version", 0, client.exists(root).version)


def children(context):
    client = context.connect()
    root = context.root(client)
    for name in ("b", "a", "c"):
        client.create(root + "/" + name, b"")
    client.delete(root + "/b")
    names, stat = client.get_children(root, include_data=True)
    expect("children", ["a", "c"], sorted(names))
    expect("numChildren", 2, stat.numChildren)
    expect("cversion", 4, stat.cversion)
    expect("children without Stat", ["a", "c"], sorted(client.get_children(root)))
    expect("children of a leaf", [], client.get_children(root + "/a"))
    expect_error("children of nothing", NoNodeError, client.get_children, root + "/no")


def sync(context):
    first, second = context.hosts.split(",")[:2]
    writer = context.connect(hosts=first)
    reader = context.connect(hosts=second)
    root = context.root(writer)
    for count in range(20):
        value = b"%d" % count
        writer.set(root, value)
        expect("path of sync", root, reader.sync(root))
        expect("value read after sync", value, reader.get(root)[0])


def two_clients(context):
    writer = context.connect()
    watcher = context.connect()
    root = context.root(writer)
    watcher.sync(root)
    return root, writer, watcher


def expect_fence(root, writer, watcher):
    """Events come in the order of the writes: once this one is there, all earlier ones are."""
    fence = Events()
    expect("fence before", None, watcher.exists(root + "-fence", watch=fence))
    writer.create(root + "-fence", b"")
    expect("fence", ("CREATED", root + "-fence"), fence.next())


def watch_data(context):
    root, writer, watcher = two_clients(context)
    events = Events()
    watcher.get(root, watch=events)
    writer.set(root, b"one")
    writer.set(root, b"two")
    expect("event", ("CHANGED", root), events.next())
    expect_fence(root, writer, watcher)
    expect("events of two sets", [("CHANGED", root)], events.seen)
    watcher.get(root, watch=events)
    writer.delete(root)
    expect("event", ("DELETED", root), events.next())


def watch_exist(context):
    root, writer, watcher = two_clients(context)
    events = Events()
    path = root + "/later"
    expect("before", None, watcher.exists(path, watch=events))
    writer.create(path, b"")
    writer.set(path, b"x")
    expect("event", ("CREATED", path), events.next())
    expect_fence(root, writer, watcher)
    expect("events", [("CREATED", path)], events.seen)


def watch_child(context):
    root, writer, watcher = two_clients(context)
    events = Events()
    expect("children before", [], watcher.get_children(root, watch=events))
    writer.set(root, b"not a child")
    writer.create(root + "/a", b"")
    writer.create(root + "/b", b"")
    expect("event", ("CHILD", root), events.next())
    expect_fence(root, writer, watcher)
    expect("events of two creates", [("CHILD", root)], events.seen)
    expect("children after", ["a", "b"], sorted(watcher.get_children(root)))


def watch_recursive(_context):
    raise NotAvailable("kazoo 2.11 has no call for persistent watches (addWatch)")


def remove_watch(_context):
    raise NotAvailable("kazoo 2.11 has no call that removes a watch from the server")


def multi_success(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/old", b"")
    transaction = client.transaction()
    transaction.check(root, 0)
    transaction.create(root + "/new", b"1")
    transaction.create(root + "/s-", b"", sequence=True)
    transaction.set_data(root + "/new", b"2")
    transaction.delete(root + "/old")
    check, new, numbered, stat, deleted = transaction.commit()
    expect("check and delete", (True, True), (check, deleted))
    expect("created", [root + "/new", root + "/s-%010d" % 2], [new, numbered])
    expect("version in the result of set", 1, stat.version)
    expect("data", b"2", client.get(root + "/new")[0])
    expect("old", None, client.exists(root + "/old"))


def multi_failure(context):
    client = context.connect()
    root = context.root(client)
    transaction = client.transaction()
    transaction.create(root + "/new", b"1")
    transaction.check(root, 7)
    transaction.create(root + "/other", b"2")
    results = [type(result) for result in transaction.commit()]
    expect("results", [RolledBackError, BadVersionError, RuntimeInconsistency], results)
    expect("children", [], client.get_children(root))


def acl_world(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/ro", b"v", acl=[make_acl("world", "anyone", read=True)])
    expect("data", b"v", client.get(root + "/ro")[0])
    expect_error("set", NoAuthError, client.set, root + "/ro", b"w")
    expect_error("create below", NoAuthError, client.create, root + "/ro/c", b"")
    expect_error("set the ACL", NoAuthError, client.set_acls, root + "/ro", [make_acl("world", "anyone", all=True)])
    acls, stat = client.get_acls(root + "/ro")
    expect("ACL", [("world", "anyone", 1)], [(acl.id.scheme, acl.id.id, acl.perms) for acl in acls])
    expect("aversion", 0, stat.aversion)


def acl_digest(context):
    owner = context.connect()
    owner.add_auth("digest", "user:secret")
    root = context.root(owner)
    owner.create(root + "/mine", b"v", acl=[make_acl("auth", "", all=True)])
    acls, _stat = owner.get_acls(root + "/mine")
    expect("ACL of the creator", [make_digest_acl("user", "secret", all=True)], acls)
    other = context.connect()
    other.sync(root)
    expect_error("get of a stranger", NoAuthError, other.get, root + "/mine")
    other.add_auth("digest", "user:wrong")
    expect_error("get with a wrong password", NoAuthError, other.get, root + "/mine")
    other.add_auth("digest", "user:secret")
    expect("data with the right one", b"v", other.get(root + "/mine")[0])
    expect("aversion", 1, other.set_acls(root + "/mine", [make_digest_acl("user", "secret", read=True)], 0).aversion)
    expect_error("set after the new ACL", NoAuthError, owner.set, root + "/mine", b"w")


def acl_ip(context):
    client = context.connect()
    root = context.root(client)
    client.create(root + "/own", b"v", acl=[make_acl("ip", "127.0.0.1", all=True)])
    expect("data", b"v", client.get(root + "/own")[0])
    client.create(root + "/other", b"v", acl=[make_acl("ip", "10.9.8.7", all=True)])
    expect_error("get", NoAuthError, client.get, root + "/other")


def config(context):
    client = context.connect()
    data, _stat = client.get("/zookeeper/config")
    return (data or b"").decode()


def large_value(context):
    client = context.connect()
    value = bytes(index * 7 % 251 for index in range(1_000_000))
    client.create(context.path, value)
    data, stat = client.get(context.path)
    expect("length", 1_000_000, stat.dataLength)
    expect_true("the bytes read are those written", data == value)
    client.set(context.path, value[::-1])
    other = context.connect()
    other.sync(context.path)
    expect_true("another client reads the second value", other.get(context.path)[0] == value[::-1])


def pipeline(context):
    client = context.connect()
    root = context.root(client)
    asked = []
    for count in range(100):
        asked.append(client.set_async(root, b"%d" % count))
        asked.append(client.get_async(root))
        asked.append(client.create_async(root + "/s-", b"", sequence=True))
    for count in range(100):
        expect("version of set %d" % count, count + 1, asked[3 * count].get(timeout=20).version)
        expect("get right after set %d" % count, b"%d" % count, asked[3 * count + 1].get(timeout=20)[0])
        expect("name %d" % count, root + "/s-%010d" % count, asked[3 * count + 2].get(timeout=20))


CHECKS = {
    "connect": connect,
    "create-persistent": create_persistent,
    "create-ephemeral": create_ephemeral,
    "create-persistent-sequential": lambda context: sequential(context, False),
    "create-ephemeral-sequential": lambda context: sequential(context, True),
    "create-container": create_container,
    "create-refused": create_refused,
    "null-data": null_data,
    "get": get,
    "set": set_data,
    "delete": delete,
    "exists": exists,
    "children": children,
    "sync": sync,
    "watch-data": watch_data,
    "watch-exist": watch_exist,
    "watch-child": watch_child,
    "watch-recursive": watch_recursive,
    "remove-watch": remove_watch,
    "multi-success": multi_success,
    "multi-failure": multi_failure,
    "acl-world": acl_world,
    "acl-digest": acl_digest,
    "acl-ip": acl_ip,
    "config": config,
    "large-value": large_value,
    "pipeline": pipeline,
}
