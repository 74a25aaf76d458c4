import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.retry.RetryNTimes;
import org.apache.zookeeper.CreateMode;

/**
 * Curator's recipes beside other clients' on one path, in a process of its own:
 * {@code Harness beside HOSTS PATH KIND ROUNDS}. It ends with code 0 where all went well.
 */
final class Beside {
    private static final long WAIT_MS = 20_000;

    private Beside() {
    }

    static void run(String hosts, String path, String kind, int rounds) throws Exception {
        CuratorFramework client = CuratorFrameworkFactory.builder().connectString(hosts).sessionTimeoutMs(10_000)
            .connectionTimeoutMs(10_000).retryPolicy(new RetryNTimes(20, 200)).build();
        client.start();
        if (!client.blockUntilConnected((int) WAIT_MS, TimeUnit.MILLISECONDS)) {
            throw new AssertionError("not connected");
        }
        for (int round = 0; round < rounds; round++) {
            once(client, path, kind);
        }
        client.close();
    }

    private static void once(CuratorFramework client, String path, String kind) throws Exception {
        switch (kind) {
            case "mutex":
                InterProcessMutex mutex = new InterProcessMutex(client, path + "/lock");
                mustHave(mutex.acquire(WAIT_MS, TimeUnit.MILLISECONDS));
                work(client, path);
                mutex.release();
                break;
            case "write":
                InterProcessReadWriteLock lock = new InterProcessReadWriteLock(client, path + "/lock");
                mustHave(lock.readLock().acquire(WAIT_MS, TimeUnit.MILLISECONDS));
                if (client.checkExists().forPath(path + "/holder") != null) {
                    throw new AssertionError("a reader meets a writer");
                }
                lock.readLock().release();
                mustHave(lock.writeLock().acquire(WAIT_MS, TimeUnit.MILLISECONDS));
                work(client, path);
                lock.writeLock().release();
                break;
            case "count":
                DistributedAtomicLong number =
                    new DistributedAtomicLong(client, path + "/long", new RetryNTimes(1000, 10));
                mustHave(number.increment().succeeded());
                break;
            case "queue":
                new SimpleDistributedQueue(client, path + "/queue").offer("curator".getBytes(StandardCharsets.UTF_8));
                break;
            default:
                throw new AssertionError("the Java program knows no " + kind);
        }
    }

    /** Who meets another holder fails; who read what another had not yet written would lose a count. */
    private static void work(CuratorFramework client, String path) throws Exception {
        client.create().withMode(CreateMode.EPHEMERAL).forPath(path + "/holder");
        int read = Integer.parseInt(new String(client.getData().forPath(path + "/number"), StandardCharsets.UTF_8));
        client.setData().forPath(path + "/number", String.valueOf(read + 1).getBytes(StandardCharsets.UTF_8));
        client.delete().forPath(path + "/holder");
    }

    private static void mustHave(boolean isHad) {
        if (!isHad) {
            throw new AssertionError("not in time");
        }
    }
}
