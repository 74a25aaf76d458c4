import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.x.discovery.ServiceCache;
import org.apache.curator.x.discovery.ServiceDiscovery;
import org.apache.curator.x.discovery.ServiceDiscoveryBuilder;
import org.apache.curator.x.discovery.ServiceInstance;
import org.apache.curator.x.discovery.ServiceProvider;
import org.apache.curator.x.discovery.details.ServiceCacheListener;

/** Curator's service discovery: two providers and one that looks for them, at three replicas. */
final class CuratorDiscovery {
    private static final String SERVICE = "orders";

    private CuratorDiscovery() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("curator-discovery", Curators.with(CuratorDiscovery::discovery));
    }

    private static ServiceInstance<String> instance(String id, int port, String payload) throws Exception {
        return ServiceInstance.<String>builder().name(SERVICE).id(id).address("127.0.0.1").port(port)
            .payload(payload).build();
    }

    private static ServiceDiscovery<String> start(CuratorFramework client, String path) throws Exception {
        ServiceDiscovery<String> discovery =
            ServiceDiscoveryBuilder.builder(String.class).client(client).basePath(path).build();
        discovery.start();
        return discovery;
    }

    private static List<String> described(Collection<ServiceInstance<String>> instances) {
        return instances.stream().map(one -> one.getId() + " " + one.getPort() + " " + one.getPayload()).sorted()
            .toList();
    }

    /** A cache with a listener that wakes whoever waits for it. */
    private static final class Told implements ServiceCacheListener {
        private final ServiceCache<String> cache;
        private final BlockingQueue<String> changes = new LinkedBlockingQueue<>();

        Told(ServiceDiscovery<String> discovery) throws Exception {
            cache = discovery.serviceCacheBuilder().name(SERVICE).build();
            cache.addListener(this);
            cache.start();
        }

        @Override
        public void cacheChanged() {
            changes.add("changed");
        }

        @Override
        public void stateChanged(CuratorFramework client, ConnectionState state) {
            changes.add("state " + state);
        }

        /** The cache holds this once its listener was told so often. */
        void expect(List<String> expected) throws InterruptedException {
            long deadline = System.nanoTime() + Harness.WAIT_MS * 1_000_000;
            while (!described(cache.getInstances()).equals(expected)) {
                String change = changes.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                if (change == null) {
                    Harness.expect("instances in the cache", expected, described(cache.getInstances()));
                }
            }
        }
    }

    private static void discovery(Curators curators, String path) throws Exception {
        CuratorFramework dying = curators.at(1);
        ServiceDiscovery<String> one = start(curators.at(0), path);
        ServiceDiscovery<String> two = start(dying, path);
        ServiceDiscovery<String> seeker = start(curators.at(2), path);
        Harness.expect("found before", List.of(), described(seeker.queryForInstances(SERVICE)));
        Told told = new Told(seeker);
        ServiceInstance<String> first = instance("a", 1001, "blue");
        one.registerService(first);
        told.expect(List.of("a 1001 blue"));
        two.registerService(instance("b", 1002, "green"));
        told.expect(List.of("a 1001 blue", "b 1002 green"));
        Harness.expect("names", List.of(SERVICE), List.copyOf(seeker.queryForNames()));
        List<String> both = List.of("a 1001 blue", "b 1002 green");
        Harness.expect("found", both, described(seeker.queryForInstances(SERVICE)));
        Harness.expect("port of b", 1002, seeker.queryForInstance(SERVICE, "b").getPort());
        try (ServiceProvider<String> provider = seeker.serviceProviderBuilder().serviceName(SERVICE).build()) {
            provider.start();
            List<ServiceInstance<String>> turns = List.of(provider.getInstance(), provider.getInstance());
            Harness.expect("given in turn", both, described(turns));
        }
        one.updateService(instance("a", 1001, "red"));
        told.expect(List.of("a 1001 red", "b 1002 green"));
        // A provider that closes its client is gone without a word of its own.
        dying.close();
        told.expect(List.of("a 1001 red"));
        one.unregisterService(first);
        told.expect(List.of());
        Harness.expect("found at the end", List.of(), described(seeker.queryForInstances(SERVICE)));
        Harness.expect("a by its id", null, seeker.queryForInstance(SERVICE, "a"));
    }
}
