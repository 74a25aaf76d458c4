import static org.apache.zookeeper.KeeperException.Code;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

/** What the Java client does within one session: znodes, watches, transactions, access control. */
final class Checks {
    private static final List<ACL> OPEN = ZooDefs.Ids.OPEN_ACL_UNSAFE;

    private Checks() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("connect", Checks::connect);
        known.put("create-persistent", Checks::createPersistent);
        known.put("create-ephemeral", Checks::createEphemeral);
        known.put("create-persistent-sequential", context -> sequential(context, CreateMode.PERSISTENT_SEQUENTIAL));
        known.put("create-ephemeral-sequential", context -> sequential(context, CreateMode.EPHEMERAL_SEQUENTIAL));
        known.put("create-container", Checks::createContainer);
        known.put("create-refused", Checks::createRefused);
        known.put("null-data", Checks::nullData);
        known.put("get", Checks::get);
        known.put("set", Checks::set);
        known.put("delete", Checks::delete);
        known.put("exists", Checks::exists);
        known.put("children", Checks::children);
        known.put("sync", Checks::sync);
        known.put("watch-data", Checks::watchData);
        known.put("watch-exist", Checks::watchExist);
        known.put("watch-child", Checks::watchChild);
        known.put("watch-recursive", Checks::watchRecursive);
        known.put("remove-watch", Checks::removeWatch);
        known.put("multi-success", Checks::multiSuccess);
        known.put("multi-failure", Checks::multiFailure);
        known.put("acl-world", Checks::aclWorld);
        known.put("acl-digest", Checks::aclDigest);
        known.put("acl-ip", Checks::aclIp);
        known.put("config", Checks::config);
        known.put("large-value", Checks::largeValue);
        known.put("pipeline", Checks::pipeline);
        known.put("java-chroot", Checks::chroot);
    }

    private static String chroot(Harness.Context context) throws Exception {
        Harness.Connection outside = context.connect();
        String root = context.root(outside);
        Harness.Connection inside = context.connect(context.hosts + root, 10_000);
        Harness.Events seen = new Harness.Events();
        Harness.expect("before it is made", null, inside.client.exists("/a", seen));
        Harness.expect("made", "/a", inside.create("/a", "v", CreateMode.PERSISTENT));
        Harness.expect("told", "NodeCreated /a", seen.next());
        String numbered = inside.create("/a/s-", "", CreateMode.EPHEMERAL_SEQUENTIAL);
        Harness.expect("numbered", "/a/s-0000000000", numbered);
        Harness.expect("children from outside", List.of("a"), outside.client.getChildren(root, false));
        inside.client.multi(List.of(Op.check("/a", 0), Op.create("/b", Harness.bytes("w"), OPEN, CreateMode.PERSISTENT)));
        byte[] data = outside.client.getData(root + "/b", false, null);
        Harness.expect("data from outside", "w", new String(data, StandardCharsets.UTF_8));
        return null;
    }

    private static String connect(Harness.Context context) throws Exception {
        ZooKeeper client = context.connect(context.hosts, 4000).client;
        Harness.expect("negotiated timeout, ms", 4000, client.getSessionTimeout());
        Harness.expect("a session id that is not 0", true, client.getSessionId() != 0);
        Harness.expect("bytes of the password", 16, client.getSessionPasswd().length);
        return null;
    }

    private static String createPersistent(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        Stat stat = new Stat();
        String path = connection.client.create(context.path, Harness.bytes("v"), OPEN, CreateMode.PERSISTENT, stat);
        Harness.expect("created path", context.path, path);
        Harness.expect("owner", 0L, stat.getEphemeralOwner());
        Harness.expect("data length", 1, stat.getDataLength());
        String child = connection.create(context.path + "/a", "", CreateMode.PERSISTENT);
        Harness.expect("path of create without Stat", context.path + "/a", child);
        return null;
    }

    private static String createEphemeral(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        connection.create(root + "/e", "v", CreateMode.EPHEMERAL);
        long owner = connection.client.exists(root + "/e", false).getEphemeralOwner();
        Harness.expect("owner", connection.client.getSessionId(), owner);
        Harness.expect("own ephemerals", List.of(root + "/e"), connection.client.getEphemerals(root));
        return null;
    }

    private static String sequential(Harness.Context context, CreateMode mode) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        for (int count = 0; count < 3; count++) {
            String path = connection.create(root + "/s-", "", mode);
            Harness.expect("name", root + String.format("/s-%010d", count), path);
        }
        long owner = mode.isEphemeral() ? connection.client.getSessionId() : 0;
        Stat stat = connection.client.exists(root + "/s-0000000000", false);
        Harness.expect("owner", owner, stat.getEphemeralOwner());
        return null;
    }

    private static String createContainer(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        Harness.expect("path", context.path, connection.create(context.path, "v", CreateMode.CONTAINER));
        connection.create(context.path + "/child", "", CreateMode.PERSISTENT);
        Stat stat = connection.client.exists(context.path, false);
        Harness.expect("owner", 0L, stat.getEphemeralOwner());
        Harness.expect("children", 1, stat.getNumChildren());
        return null;
    }

    private static String createRefused(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        connection.create(root + "/e", "", CreateMode.EPHEMERAL);
        refuse(connection, root, Code.NODEEXISTS);
        refuse(connection, root + "/no/child", Code.NONODE);
        refuse(connection, root + "/e/child", Code.NOCHILDRENFOREPHEMERALS);
        return null;
    }

    private static void refuse(Harness.Connection connection, String path, Code code) throws Exception {
        Harness.expectError("create " + path, code, () -> connection.create(path, "", CreateMode.PERSISTENT));
    }

    private static String nullData(Harness.Context context) throws Exception {
        ZooKeeper client = context.connect().client;
        client.create(context.path, null, OPEN, CreateMode.PERSISTENT);
        client.create(context.path + "/empty", new byte[0], OPEN, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        Harness.expect("data", null, client.getData(context.path, false, stat));
        Harness.expect("data length", 0, stat.getDataLength());
        byte[] empty = client.getData(context.path + "/empty", false, null);
        Harness.expect("length of empty data", 0, empty == null ? -1 : empty.length);
        return null;
    }

    private static String get(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        connection.create(root + "/c", "", CreateMode.PERSISTENT);
        Stat stat = new Stat();
        byte[] data = connection.client.getData(root, false, stat);
        Harness.expect("data", "root", new String(data));
        Harness.expect("version", 0, stat.getVersion());
        Harness.expect("cversion", 1, stat.getCversion());
        Harness.expect("aversion", 0, stat.getAversion());
        Harness.expect("data length", 4, stat.getDataLength());
        Harness.expect("children", 1, stat.getNumChildren());
        Harness.expect("mzxid = czxid", stat.getCzxid(), stat.getMzxid());
        Harness.expect("pzxid > czxid", true, stat.getPzxid() > stat.getCzxid());
        Harness.expect("mtime = ctime", stat.getCtime(), stat.getMtime());
        Harness.expect("ctime > 2020", true, stat.getCtime() > 1577836800000L);
        Harness.expect("all children", 1, connection.client.getAllChildrenNumber(root));
        Harness.expectError("get nothing", Code.NONODE, () -> connection.read(root + "/no"));
        return null;
    }

    private static String set(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        ZooKeeper client = connection.client;
        String root = context.root(connection);
        Harness.expect("version", 1, client.setData(root, Harness.bytes("one"), 0).getVersion());
        Harness.expectError("set at 0", Code.BADVERSION, () -> client.setData(root, Harness.bytes("two"), 0));
        Harness.expect("data after the refused set", "one", connection.read(root));
        Stat stat = client.setData(root, Harness.bytes("three"), -1);
        Harness.expect("version after set at any", 2, stat.getVersion());
        Harness.expect("mzxid moves, czxid not", true, stat.getMzxid() > stat.getCzxid());
        Harness.expectError("set nothing", Code.NONODE, () -> client.setData(root + "/no", new byte[0], -1));
        return null;
    }

    private static String delete(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        connection.create(root + "/c", "", CreateMode.PERSISTENT);
        refuseDelete(connection, root, -1, Code.NOTEMPTY);
        refuseDelete(connection, root + "/c", 7, Code.BADVERSION);
        connection.client.delete(root + "/c", 0);
        refuseDelete(connection, root + "/c", -1, Code.NONODE);
        connection.client.delete(root, -1);
        Harness.expect("exists afterwards", null, connection.client.exists(root, false));
        return null;
    }

    private static void refuseDelete(Harness.Connection connection, String path, int version, Code code)
        throws Exception {
        Harness.expectError("delete " + path, code, () -> {
            connection.client.delete(path, version);
            return "deleted";
        });
    }

    private static String exists(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        Harness.expect("absent", null, connection.client.exists(context.path, false));
        String root = context.root(connection);
        Harness.expect("version", 0, connection.client.exists(root, false).getVersion());
        return null;
    }

    private static String children(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        for (String name : List.of("b", "a", "c")) {
            connection.create(root + "/" + name, "", CreateMode.PERSISTENT);
        }
        connection.client.delete(root + "/b", -1);
        Stat stat = new Stat();
        Harness.expect("children", List.of("a", "c"), sorted(connection.client.getChildren(root, false, stat)));
        Harness.expect("numChildren", 2, stat.getNumChildren());
        Harness.expect("cversion", 4, stat.getCversion());
        Harness.expect("children, no Stat", List.of("a", "c"), sorted(connection.client.getChildren(root, false)));
        Harness.expect("children of a leaf", List.of(), connection.client.getChildren(root + "/a", false));
        Harness.expectError("of nothing", Code.NONODE, () -> connection.client.getChildren(root + "/no", false));
        return null;
    }

    private static List<String> sorted(List<String> names) {
        List<String> copy = new ArrayList<>(names);
        Collections.sort(copy);
        return copy;
    }

    private static String sync(Harness.Context context) throws Exception {
        String[] hosts = context.hosts.split(",");
        Harness.Connection writer = context.connect(hosts[0], 10_000);
        Harness.Connection reader = context.connect(hosts[1], 10_000);
        String root = context.root(writer);
        for (int count = 0; count < 20; count++) {
            writer.client.setData(root, Harness.bytes("" + count), -1);
            reader.sync(root);
            Harness.expect("value read after sync", "" + count, reader.read(root));
        }
        return null;
    }

    /** Events come in the order of the writes: once this one is there, all earlier ones are. */
    private static void expectFence(String root, Harness.Connection writer, Harness.Connection watcher)
        throws Exception {
        Harness.Events fence = new Harness.Events();
        Harness.expect("fence before", null, watcher.client.exists(root + "-fence", fence));
        writer.create(root + "-fence", "", CreateMode.PERSISTENT);
        Harness.expect("fence", "NodeCreated " + root + "-fence", fence.next());
    }

    private static String watchData(Harness.Context context) throws Exception {
        Harness.Connection writer = context.connect();
        Harness.Connection watcher = context.connect();
        String root = context.root(writer);
        watcher.sync(root);
        Harness.Events events = new Harness.Events();
        watcher.client.getData(root, events, null);
        writer.client.setData(root, Harness.bytes("one"), -1);
        writer.client.setData(root, Harness.bytes("two"), -1);
        Harness.expect("event", "NodeDataChanged " + root, events.next());
        expectFence(root, writer, watcher);
        Harness.expect("events of two sets", List.of("NodeDataChanged " + root), events.all());
        watcher.client.getData(root, events, null);
        writer.client.delete(root, -1);
        Harness.expect("event", "NodeDeleted " + root, events.next());
        return null;
    }

    private static String watchExist(Harness.Context context) throws Exception {
        Harness.Connection writer = context.connect();
        Harness.Connection watcher = context.connect();
        String root = context.root(writer);
        watcher.sync(root);
        Harness.Events events = new Harness.Events();
        Harness.expect("before", null, watcher.client.exists(root + "/later", events));
        writer.create(root + "/later", "", CreateMode.PERSISTENT);
        writer.client.setData(root + "/later", Harness.bytes("x"), -1);
        Harness.expect("event", "NodeCreated " + root + "/later", events.next());
        expectFence(root, writer, watcher);
        Harness.expect("events", List.of("NodeCreated " + root + "/later"), events.all());
        return null;
    }

    private static String watchChild(Harness.Context context) throws Exception {
        Harness.Connection writer = context.connect();
        Harness.Connection watcher = context.connect();
        String root = context.root(writer);
        watcher.sync(root);
        Harness.Events events = new Harness.Events();
        Harness.expect("children before", List.of(), watcher.client.getChildren(root, events));
        writer.client.setData(root, Harness.bytes("not a child"), -1);
        writer.create(root + "/a", "", CreateMode.PERSISTENT);
        writer.create(root + "/b", "", CreateMode.PERSISTENT);
        Harness.expect("event", "NodeChildrenChanged " + root, events.next());
        expectFence(root, writer, watcher);
        Harness.expect("events of two creates", List.of("NodeChildrenChanged " + root), events.all());
        return null;
    }

    private static String watchRecursive(Harness.Context context) throws Exception {
        Harness.Connection writer = context.connect();
        Harness.Connection watcher = context.connect();
        String root = context.root(writer);
        Harness.Events events = new Harness.Events();
        watcher.sync(root);
        watcher.client.addWatch(root, events, AddWatchMode.PERSISTENT_RECURSIVE);
        String child = writer.create(root + "/a", "", CreateMode.PERSISTENT);
        String grandchild = writer.create(child + "/b", "", CreateMode.PERSISTENT);
        writer.client.setData(grandchild, Harness.bytes("x"), -1);
        writer.client.setData(root, Harness.bytes("x"), -1);
        writer.client.delete(grandchild, -1);
        for (String expected : List.of("NodeCreated " + child, "NodeCreated " + grandchild,
            "NodeDataChanged " + grandchild, "NodeDataChanged " + root, "NodeDeleted " + grandchild)) {
            Harness.expect("event", expected, events.next());
        }
        return null;
    }

    private static String removeWatch(Harness.Context context) throws Exception {
        Harness.Connection writer = context.connect();
        Harness.Connection watcher = context.connect();
        String root = context.root(writer);
        Harness.Events events = new Harness.Events();
        watcher.sync(root);
        watcher.client.getData(root, events, null);
        watcher.client.removeWatches(root, events, Watcher.WatcherType.Data, false);
        Harness.expect("event", "DataWatchRemoved " + root, events.next());
        writer.client.setData(root, Harness.bytes("x"), -1);
        expectFence(root, writer, watcher);
        Harness.expect("events", List.of("DataWatchRemoved " + root), events.all());
        Harness.expectError("remove again", Code.NOWATCHER, () -> {
            watcher.client.removeWatches(root, events, Watcher.WatcherType.Data, false);
            return "removed";
        });
        return null;
    }

    private static String multiSuccess(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        connection.create(root + "/old", "", CreateMode.PERSISTENT);
        List<OpResult> results = connection.client.multi(Arrays.asList(
            Op.check(root, 0),
            Op.create(root + "/new", Harness.bytes("1"), OPEN, CreateMode.PERSISTENT),
            Op.create(root + "/s-", new byte[0], OPEN, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.setData(root + "/new", Harness.bytes("2"), 0),
            Op.delete(root + "/old", -1)));
        Harness.expect("results", 5, results.size());
        Harness.expect("check", OpResult.CheckResult.class, results.get(0).getClass());
        Harness.expect("created", root + "/new", ((OpResult.CreateResult) results.get(1)).getPath());
        String numbered = ((OpResult.CreateResult) results.get(2)).getPath();
        Harness.expect("created", root + "/s-0000000002", numbered);
        Stat stat = ((OpResult.SetDataResult) results.get(3)).getStat();
        Harness.expect("version in the result of set", 1, stat.getVersion());
        Harness.expect("one zxid for all", stat.getCzxid(), stat.getMzxid());
        Harness.expect("delete", OpResult.DeleteResult.class, results.get(4).getClass());
        Harness.expect("data", "2", connection.read(root + "/new"));
        Harness.expect("old", null, connection.client.exists(root + "/old", false));
        return null;
    }

    private static String multiFailure(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        List<Integer> codes = new ArrayList<>();
        try {
            connection.client.multi(Arrays.asList(
                Op.create(root + "/new", Harness.bytes("1"), OPEN, CreateMode.PERSISTENT),
                Op.check(root, 7),
                Op.create(root + "/other", Harness.bytes("2"), OPEN, CreateMode.PERSISTENT)));
            throw new AssertionError("multi: expected BADVERSION, saw an answer");
        } catch (KeeperException error) {
            Harness.expect("error", Code.BADVERSION, error.code());
            for (OpResult result : error.getResults()) {
                codes.add(((OpResult.ErrorResult) result).getErr());
            }
        }
        Harness.expect("errors", List.of(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()), codes);
        Harness.expect("children", List.of(), connection.client.getChildren(root, false));
        return null;
    }

    private static List<ACL> acl(int permissions, String scheme, String id) {
        return Collections.singletonList(new ACL(permissions, new Id(scheme, id)));
    }

    private static void createWith(Harness.Connection connection, String path, List<ACL> acl) throws Exception {
        connection.client.create(path, Harness.bytes("v"), acl, CreateMode.PERSISTENT);
    }

    private static String aclWorld(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String path = context.root(connection) + "/ro";
        createWith(connection, path, acl(ZooDefs.Perms.READ, "world", "anyone"));
        Harness.expect("data", "v", connection.read(path));
        Harness.expectError("set", Code.NOAUTH, () -> connection.client.setData(path, new byte[0], -1));
        refuse(connection, path + "/c", Code.NOAUTH);
        Harness.expectError("set the ACL", Code.NOAUTH, () -> connection.client.setACL(path, OPEN, -1));
        Stat stat = new Stat();
        Harness.expect("ACL", acl(1, "world", "anyone"), connection.client.getACL(path, stat));
        Harness.expect("aversion", 0, stat.getAversion());
        return null;
    }

    private static String aclDigest(Harness.Context context) throws Exception {
        Harness.Connection owner = context.connect();
        owner.client.addAuthInfo("digest", Harness.bytes("user:secret"));
        String path = context.root(owner) + "/mine";
        createWith(owner, path, ZooDefs.Ids.CREATOR_ALL_ACL);
        String digest = DigestAuthenticationProvider.generateDigest("user:secret");
        Harness.expect("ACL of the creator", acl(31, "digest", digest), owner.client.getACL(path, new Stat()));
        Harness.Connection other = context.connect();
        other.sync(context.path);
        Harness.expectError("get of a stranger", Code.NOAUTH, () -> other.read(path));
        other.client.addAuthInfo("digest", Harness.bytes("user:wrong"));
        Harness.expectError("get with a wrong password", Code.NOAUTH, () -> other.read(path));
        other.client.addAuthInfo("digest", Harness.bytes("user:secret"));
        Harness.expect("data with the right one", "v", other.read(path));
        Stat stat = other.client.setACL(path, acl(1, "digest", digest), 0);
        Harness.expect("aversion", 1, stat.getAversion());
        Harness.expectError("set after", Code.NOAUTH, () -> owner.client.setData(path, new byte[0], -1));
        return null;
    }

    private static String aclIp(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        String root = context.root(connection);
        createWith(connection, root + "/own", acl(31, "ip", "127.0.0.1"));
        createWith(connection, root + "/net", acl(31, "ip", "127.0.0.0/8"));
        createWith(connection, root + "/other", acl(31, "ip", "10.9.8.7"));
        Harness.expect("data for the address", "v", connection.read(root + "/own"));
        Harness.expect("data for the network", "v", connection.read(root + "/net"));
        Harness.expectError("get", Code.NOAUTH, () -> connection.read(root + "/other"));
        return null;
    }

    private static String config(Harness.Context context) throws Exception {
        byte[] data = context.connect().client.getConfig(false, new Stat());
        return data == null ? "" : new String(data);
    }

    private static String largeValue(Harness.Context context) throws Exception {
        ZooKeeper client = context.connect().client;
        byte[] value = new byte[1_000_000];
        for (int index = 0; index < value.length; index++) {
            value[index] = (byte) (index * 7 % 251);
        }
        client.create(context.path, value, OPEN, CreateMode.PERSISTENT);
        Stat stat = new Stat();
        Harness.expect("bytes read", true, Arrays.equals(value, client.getData(context.path, false, stat)));
        Harness.expect("length", 1_000_000, stat.getDataLength());
        value[999_999]++;
        client.setData(context.path, value, 0);
        Harness.Connection other = context.connect();
        other.sync(context.path);
        byte[] second = other.client.getData(context.path, false, null);
        Harness.expect("another client reads the second value", true, Arrays.equals(value, second));
        return null;
    }

    private static String pipeline(Harness.Context context) throws Exception {
        Harness.Connection connection = context.connect();
        ZooKeeper client = connection.client;
        String root = context.root(connection);
        BlockingQueue<String> answers = new LinkedBlockingQueue<>();
        for (int count = 0; count < 100; count++) {
            client.setData(root, Harness.bytes("" + count), -1,
                (rc, path, c, stat) -> answers.add("set " + rc + " " + (stat == null ? "" : stat.getVersion())),
                null);
            client.getData(root, false,
                (rc, path, c, data, stat) -> answers.add("get " + rc + " " + new String(data)), null);
            client.create(root + "/s-", new byte[0], OPEN, CreateMode.PERSISTENT_SEQUENTIAL,
                (rc, path, c, name) -> answers.add("create " + rc + " " + name), null);
        }
        for (int count = 0; count < 100; count++) {
            Harness.expect("answer", "set 0 " + (count + 1), answers.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
            Harness.expect("answer", "get 0 " + count, answers.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
            String name = root + String.format("/s-%010d", count);
            Harness.expect("answer", "create 0 " + name, answers.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
        }
        return null;
    }
}
