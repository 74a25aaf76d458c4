import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;

/** Looks at a system's znodes, with the ZooKeeper client that came with it. */
final class Znodes {
    private static final int TIMEOUT_MS = 20_000;

    private final String connect;
    private ZooKeeper session;

    Znodes(String connect) {
        this.connect = connect;
    }

    /** The words that a driver has for it. */
    static void teach(Driver driver, Znodes znodes) {
        driver.on("get", words -> znodes.get(words.get(0)));
        driver.on("ls", words -> znodes.list(words.get(0)));
        driver.on("acl", words -> znodes.acl(words.get(0)));
    }

    /** The data as text, or "-" where there is no such znode. */
    synchronized String get(String path) throws Exception {
        try {
            byte[] data = connected().getData(path, false, null);
            return data == null ? "" : new String(data, StandardCharsets.UTF_8);
        } catch (KeeperException.NoNodeException absent) {
            return "-";
        }
    }

    /** The names of the children, sorted, or "-" where there is no such znode. */
    synchronized String list(String path) throws Exception {
        try {
            List<String> names = connected().getChildren(path, false);
            names.sort(null);
            return String.join(" ", names);
        } catch (KeeperException.NoNodeException absent) {
            return "-";
        }
    }

    /** "scheme:id:permissions" of each line. */
    synchronized String acl(String path) throws Exception {
        StringBuilder text = new StringBuilder();
        for (ACL line : connected().getACL(path, null)) {
            text.append(line.getId().getScheme()).append(':').append(line.getId().getId());
            text.append(':').append(line.getPerms()).append(' ');
        }
        return text.toString().trim();
    }

    synchronized void close() throws InterruptedException {
        if (session != null) session.close();
    }

    /** A session that has expired, or lost its connection, is left for a new one. */
    private ZooKeeper connected() throws Exception {
        if (session != null && session.getState().isConnected()) return session;
        close();
        CountDownLatch ready = new CountDownLatch(1);
        session = new ZooKeeper(connect, TIMEOUT_MS, event -> {
            if (event.getState() == Watcher.Event.KeeperState.SyncConnected) ready.countDown();
        });
        if (!ready.await(TIMEOUT_MS, TimeUnit.MILLISECONDS)) throw new IllegalStateException("no session in time");
        return session;
    }
}
