import java.util.List;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.retry.RetryNTimes;

/**
 * Takes the lock at ROOT/lock so many times, and does under it what all contenders do: see contended.ts. Prints a line
 * for each time.
 *
 * <pre>
 * Contender HOSTS ROOT ROUNDS
 * </pre>
 */
final class Contender {
    private Contender() {
    }

    /** Curator's own mutex, of which a subclass may know where it stands. */
    private static final class TokenMutex extends InterProcessMutex {
        TokenMutex(CuratorFramework client, String path) {
            super(client, path);
        }

        String ownPath() {
            return getLockPath();
        }
    }

    public static void main(String[] arguments) throws Exception {
        String root = arguments[1];
        try (CuratorFramework client = CuratorFrameworkFactory.builder().connectString(arguments[0])
            .sessionTimeoutMs(10_000).connectionTimeoutMs(10_000).retryPolicy(new RetryNTimes(20, 200)).build()) {
            client.start();
            TokenMutex mutex = new TokenMutex(client, root + "/lock");
            for (int round = 0; round < Integer.parseInt(arguments[2]); round++) {
                mutex.acquire();
                long czxid = client.checkExists().forPath(mutex.ownPath()).getCzxid();
                String token = String.format("%020d", czxid);
                underLock(client, root, token);
                mutex.release();
                System.out.printf("{\"token\": \"%s\"}%n", token);
            }
        }
    }

    private static void underLock(CuratorFramework client, String root, String token) throws Exception {
        String holder = root + "/holder";
        client.create().forPath(holder, Harness.bytes("curator"));
        List<String> record = List.of(new String(client.getData().forPath(root + "/record"), "UTF-8").split(" "));
        if (record.get(0).compareTo(token) >= 0) {
            throw new IllegalStateException("token " + token + " after " + record.get(0));
        }
        int count = Integer.parseInt(record.get(1)) + 1;
        client.setData().forPath(root + "/record", Harness.bytes(token + " " + count));
        client.delete().forPath(holder);
    }
}
