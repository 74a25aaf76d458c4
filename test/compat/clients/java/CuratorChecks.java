import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.OpResult;

/**
 * What Curator's framework and caches do, with their defaults: EnsembleTracker on, container parents,
 * protected creates.
 */
final class CuratorChecks {
    private CuratorChecks() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("curator-tracker", Curators.with(CuratorChecks::tracker));
        known.put("curator-transaction", Curators.with(CuratorChecks::transaction));
        known.put("curator-protected", Curators.with(CuratorChecks::protectedCreate));
        known.put("curator-cache", Curators.with(CuratorChecks::cache));
        known.put("curator-tree-cache", Curators.with(CuratorChecks::treeCache));
        known.put("curator-move", Curators.with(CuratorChecks::move));
    }

    /**
     * The tracker may rewrite the connect string from /zookeeper/config: wherever it leads, a client must be
     * served there.
     */
    private static void tracker(Curators curators, String path) throws Exception {
        CuratorFramework curator = curators.open();
        BlockingQueue<String> read = new LinkedBlockingQueue<>();
        // Background operations answer in order: when this one has answered, so has the tracker's, which was
        // asked at the start.
        curator.getConfig().inBackground((client, event) -> read.add("config " + event.getResultCode())).forEnsemble();
        Harness.expect("config", "config 0", read.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
        curator.create().forPath(path, Harness.bytes("v"));
        String led = curator.getZookeeperClient().getCurrentConnectionString();
        for (String host : led.split(",")) {
            Harness.Connection connection = curators.context.connect(host, 10_000);
            connection.sync(path);
            Harness.expect("read at " + host, "v", connection.read(path));
        }
    }

    private static void transaction(Curators curators, String path) throws Exception {
        CuratorFramework curator = curators.open();
        curator.create().forPath(path);
        List<CuratorTransactionResult> results = curator.transaction().forOperations(
            curator.transactionOp().check().withVersion(0).forPath(path),
            curator.transactionOp().create().withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(path + "/s-"),
            curator.transactionOp().setData().withVersion(0).forPath(path, Harness.bytes("fenced")));
        Harness.expect("created", path + "/s-0000000000", results.get(1).getResultPath());
        Harness.expect("version in the result of set", 1, results.get(2).getResultStat().getVersion());
        KeeperException refused = refused(() -> curator.transaction().forOperations(
            curator.transactionOp().create().forPath(path + "/never"),
            curator.transactionOp().check().withVersion(0).forPath(path),
            curator.transactionOp().delete().forPath(path)));
        Harness.expect("error", KeeperException.Code.BADVERSION, refused.code());
        List<Integer> codes = refused.getResults().stream()
            .map(result -> ((OpResult.ErrorResult) result).getErr()).toList();
        Harness.expect("error of each operation", List.of(0, -103, -2), codes);
        Harness.expect("children", List.of("s-0000000000"), curator.getChildren().forPath(path));
        Harness.expect("data", "fenced", new String(curator.getData().forPath(path)));
    }

    private static KeeperException refused(Callable<?> call) throws Exception {
        Object answer;
        try {
            answer = call.call();
        } catch (KeeperException error) {
            return error;
        }
        throw new AssertionError("expected a KeeperException, saw the answer " + answer);
    }

    private static void protectedCreate(Curators curators, String path) throws Exception {
        CuratorFramework curator = curators.open();
        String made = curator.create().creatingParentContainersIfNeeded().withProtection()
            .withMode(CreateMode.EPHEMERAL_SEQUENTIAL).forPath(path + "/parents/lock-");
        Harness.expect("name", true, made.matches(path + "/parents/_c_[0-9a-f-]{36}-lock-0000000000"));
        Harness.expect("children", 1, curator.getChildren().forPath(path + "/parents").size());
        curator.delete().guaranteed().deletingChildrenIfNeeded().forPath(path);
        Harness.expect("exists afterwards", null, curator.checkExists().forPath(path));
    }

    private static CuratorCache openCache(CuratorFramework curator, String path, BlockingQueue<String> told) {
        CuratorCache cache = CuratorCache.build(curator, path);
        cache.listenable().addListener((type, before, after) ->
            told.add(type + " " + (after == null ? before : after).getPath()));
        cache.start();
        return cache;
    }

    private static void expectTold(BlockingQueue<String> told, String expected) throws InterruptedException {
        Harness.expect("told", expected, told.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
    }

    private static void cache(Curators curators, String path) throws Exception {
        CuratorFramework writer = curators.at(0);
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (CuratorCache cache = openCache(curators.at(1), path, told)) {
            writer.create().forPath(path);
            expectTold(told, "NODE_CREATED " + path);
            writer.create().forPath(path + "/a");
            expectTold(told, "NODE_CREATED " + path + "/a");
            writer.setData().forPath(path + "/a", Harness.bytes("x"));
            expectTold(told, "NODE_CHANGED " + path + "/a");
            writer.delete().forPath(path + "/a");
            expectTold(told, "NODE_DELETED " + path + "/a");
            Harness.expect("nodes kept", 1, cache.size());
        }
    }

    /** What was there before, then every change, from below and from the top. */
    @SuppressWarnings("deprecation")
    private static void treeCache(Curators curators, String path) throws Exception {
        CuratorFramework writer = curators.at(0);
        writer.create().creatingParentsIfNeeded().forPath(path + "/a/b", Harness.bytes("early"));
        CuratorFramework reader = curators.at(1);
        Harness.until("the reader's replica has it", () -> reader.checkExists().forPath(path + "/a/b") != null);
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (TreeCache cache = TreeCache.newBuilder(reader, path).build()) {
            cache.getListenable().addListener((client, event) ->
                told.add(event.getType() + (event.getData() == null ? "" : " " + event.getData().getPath())));
            cache.start();
            for (String node : List.of("", "/a", "/a/b")) {
                expectTold(told, "NODE_ADDED " + path + node);
            }
            expectTold(told, "INITIALIZED");
            Harness.expect("data kept", "early", new String(cache.getCurrentData(path + "/a/b").getData()));
            writer.setData().forPath(path + "/a/b", Harness.bytes("late"));
            expectTold(told, "NODE_UPDATED " + path + "/a/b");
            Harness.expect("data kept", "late", new String(cache.getCurrentData(path + "/a/b").getData()));
            writer.create().forPath(path + "/a/c");
            expectTold(told, "NODE_ADDED " + path + "/a/c");
            Harness.expect("children kept", Set.of("b", "c"), cache.getCurrentChildren(path + "/a").keySet());
            writer.delete().deletingChildrenIfNeeded().forPath(path);
            Set<String> gone = new HashSet<>();
            for (int count = 0; count < 4; count++) {
                gone.add(told.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
            }
            Set<String> expected = Stream.of("", "/a", "/a/b", "/a/c").map(node -> "NODE_REMOVED " + path + node)
                .collect(Collectors.toSet());
            Harness.expect("told of the end", expected, gone);
            Harness.expect("children kept", null, cache.getCurrentChildren(path));
        }
    }

    /**
     * Moved to another replica, the framework keeps its session, and its cache learns what happened
     * meanwhile.
     */
    private static void move(Curators curators, String path) throws Exception {
        CuratorFramework writer = curators.open();
        writer.create().forPath(path);
        CuratorFramework mover = curators.open(curators.context.proxy);
        BlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
        mover.getConnectionStateListenable().addListener((client, state) -> states.add(state));
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (CuratorCache cache = openCache(mover, path, told)) {
            expectTold(told, "NODE_CREATED " + path);
            mover.create().withMode(CreateMode.EPHEMERAL).forPath(path + "/e");
            expectTold(told, "NODE_CREATED " + path + "/e");
            long session = mover.getZookeeperClient().getZooKeeper().getSessionId();
            curators.context.move();
            ConnectionState first = states.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS);
            // The word of the first connection may still be on its way when the listener is added.
            if (first == ConnectionState.CONNECTED) first = states.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS);
            Harness.expect("state", ConnectionState.SUSPENDED, first);
            Harness.expect("state", ConnectionState.RECONNECTED, states.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
            long owner = mover.checkExists().forPath(path + "/e").getEphemeralOwner();
            Harness.expect("owner after the move", session, owner);
            writer.create().forPath(path + "/after");
            expectTold(told, "NODE_CREATED " + path + "/after");
            Harness.expect("nodes kept", 3, cache.size());
        }
    }
}
