import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryNTimes;

/** Opens frameworks for a check; they are closed after it. */
final class Curators {
    final Harness.Context context;
    private final List<CuratorFramework> opened = new ArrayList<>();

    private Curators(Harness.Context context) {
        this.context = context;
    }

    /** What one check does; it keeps its znodes at or below `path`. */
    interface Check {
        void run(Curators curators, String path) throws Exception;
    }

    static Harness.Check with(Check check) {
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

    /** A framework with Curator's defaults, given all replicas. */
    CuratorFramework open() throws Exception {
        return open(context.hosts);
    }

    CuratorFramework open(String hosts) throws Exception {
        return start(builder(hosts));
    }

    /**
     * A framework that stays at one replica, so that a recipe's members meet through the ensemble. The tracker
     * would lead it to the others too.
     */
    CuratorFramework at(int replica) throws Exception {
        return start(builder(context.hosts.split(",")[replica]).ensembleTracker(false));
    }

    private static CuratorFrameworkFactory.Builder builder(String hosts) {
        return CuratorFrameworkFactory.builder().connectString(hosts).sessionTimeoutMs(10_000)
            .connectionTimeoutMs(10_000).retryPolicy(new RetryNTimes(20, 200));
    }

    private CuratorFramework start(CuratorFrameworkFactory.Builder builder) throws Exception {
        CuratorFramework curator = builder.build();
        opened.add(curator);
        curator.start();
        boolean isConnected = curator.blockUntilConnected((int) Harness.WAIT_MS, TimeUnit.MILLISECONDS);
        Harness.expect("connected", true, isConnected);
        return curator;
    }
}
