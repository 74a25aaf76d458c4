import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.AtomicValue;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/**
 * What Curator's framework and recipes do, with their defaults: EnsembleTracker on, container parents,
 * protected creates.
 */
final class CuratorChecks {
    private CuratorChecks() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("curator-tracker", withCurators(CuratorChecks::tracker));
        known.put("curator-transaction", withCurators(CuratorChecks::transaction));
        known.put("curator-protected", withCurators(CuratorChecks::protectedCreate));
        known.put("curator-mutex", withCurators(CuratorChecks::mutex));
        known.put("curator-read-write", withCurators(CuratorChecks::readWrite));
        known.put("curator-semaphore", withCurators(CuratorChecks::semaphore));
        known.put("curator-counter", withCurators(CuratorChecks::counter));
        known.put("curator-latch", withCurators(CuratorChecks::latch));
        known.put("curator-cache", withCurators(CuratorChecks::cache));
        known.put("curator-move", withCurators(CuratorChecks::move));
    }

    /** Opens frameworks that are closed after the check. */
    private static final class Curators {
        final Harness.Context context;
        private final List<CuratorFramework> opened = new ArrayList<>();

        Curators(Harness.Context context) {
            this.context = context;
        }

        CuratorFramework open() throws Exception {
            return open(context.hosts);
        }

        CuratorFramework open(String hosts) throws Exception {
            RetryNTimes retry = new RetryNTimes(20, 200);
            CuratorFramework curator = CuratorFrameworkFactory.newClient(hosts, 10_000, 10_000, retry);
            opened.add(curator);
            curator.start();
            boolean isConnected = curator.blockUntilConnected((int) Harness.WAIT_MS, TimeUnit.MILLISECONDS);
            Harness.expect("connected", true, isConnected);
            return curator;
        }
    }

    private interface CuratorCheck {
        void run(Curators curators, String path) throws Exception;
    }

    private static Harness.Check withCurators(CuratorCheck check) {
        return context -> {
            Curators curators = new Curators(context);
            try {
                check.run(curators, context.path);
                return null;
            } finally {
                curators.opened.forEach(CuratorFramework::close);
            }
        };
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

    /** Two clients, each in several threads; a holder that meets another fails. */
    private static void mutex(Curators curators, String path) throws Exception {
        AtomicInteger holders = new AtomicInteger();
        AtomicInteger rounds = new AtomicInteger();
        List<CuratorFramework> clients = List.of(curators.open(), curators.open());
        ExecutorService threads = Executors.newFixedThreadPool(4);
        List<Future<?>> all = new ArrayList<>();
        for (int thread = 0; thread < 4; thread++) {
            InterProcessMutex mutex = new InterProcessMutex(clients.get(thread % 2), path);
            all.add(threads.submit(() -> {
                for (int round = 0; round < 5; round++) {
                    Harness.expect("acquired", true, mutex.acquire(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
                    Harness.expect("holders", 1, holders.incrementAndGet());
                    rounds.incrementAndGet();
                    holders.decrementAndGet();
                    mutex.release();
                }
                return null;
            }));
        }
        threads.shutdown();
        for (Future<?> one : all) {
            one.get(Harness.WAIT_MS, TimeUnit.MILLISECONDS);
        }
        Harness.expect("rounds", 20, rounds.get());
    }

    private static void readWrite(Curators curators, String path) throws Exception {
        InterProcessReadWriteLock first = new InterProcessReadWriteLock(curators.open(), path);
        InterProcessReadWriteLock second = new InterProcessReadWriteLock(curators.open(), path);
        Harness.expect("first reads", true, first.readLock().acquire(5, TimeUnit.SECONDS));
        Harness.expect("second reads", true, second.readLock().acquire(5, TimeUnit.SECONDS));
        second.readLock().release();
        Harness.expect("second writes", false, second.writeLock().acquire(300, TimeUnit.MILLISECONDS));
        first.readLock().release();
        Harness.expect("second writes", true, second.writeLock().acquire(5, TimeUnit.SECONDS));
        Harness.expect("first reads", false, first.readLock().acquire(300, TimeUnit.MILLISECONDS));
        second.writeLock().release();
    }

    private static void semaphore(Curators curators, String path) throws Exception {
        InterProcessSemaphoreV2 first = new InterProcessSemaphoreV2(curators.open(), path, 2);
        InterProcessSemaphoreV2 second = new InterProcessSemaphoreV2(curators.open(), path, 2);
        Lease one = first.acquire(5, TimeUnit.SECONDS);
        Lease two = second.acquire(5, TimeUnit.SECONDS);
        Harness.expect("two leases", true, one != null && two != null);
        Harness.expect("a third", null, first.acquire(300, TimeUnit.MILLISECONDS));
        second.returnLease(two);
        Lease three = first.acquire(5, TimeUnit.SECONDS);
        Harness.expect("a third after one is returned", true, three != null);
        first.returnLease(three);
        first.returnLease(one);
    }

    private static void counter(Curators curators, String path) throws Exception {
        DistributedAtomicLong first = new DistributedAtomicLong(curators.open(), path, new RetryNTimes(50, 10));
        DistributedAtomicLong second = new DistributedAtomicLong(curators.open(), path, new RetryNTimes(50, 10));
        for (int count = 0; count < 10; count++) {
            Harness.expect("first adds", true, first.increment().succeeded());
            AtomicValue<Long> value = second.increment();
            Harness.expect("second adds", true, value.succeeded());
            Harness.expect("value after", 2L * count + 2, value.postValue());
        }
    }

    private static void latch(Curators curators, String path) throws Exception {
        LeaderLatch first = new LeaderLatch(curators.open(), path, "first");
        LeaderLatch second = new LeaderLatch(curators.open(), path, "second");
        first.start();
        Harness.expect("first leads", true, first.await(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
        second.start();
        Harness.until("both take part", () -> second.getParticipants().size() == 2);
        Harness.expect("second leads", false, second.hasLeadership());
        Harness.expect("leader", "first", second.getLeader().getId());
        first.close();
        Harness.expect("second leads", true, second.await(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
        second.close();
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
        CuratorFramework writer = curators.open();
        BlockingQueue<String> told = new LinkedBlockingQueue<>();
        try (CuratorCache cache = openCache(curators.open(), path, told)) {
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
