import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/** What the Java client does across connections, processes and replicas: close, hand-over, move, expiry. */
final class Sessions {
    private Sessions() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("close", Sessions::close);
        known.put("hand-over", Sessions::handOver);
        known.put("move", Sessions::move);
        known.put("move-watch", Sessions::moveWatch);
        known.put("expiry", Sessions::expiry);
    }

    /**
     * Holds an ephemeral, says since when at the earliest it is silent, and prints `expired` when its library
     * says so.
     */
    static void victim(String hosts, String path, int timeoutMs) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        CountDownLatch expired = new CountDownLatch(1);
        ZooKeeper client = new ZooKeeper(hosts, timeoutMs, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
            if (event.getState() == KeeperState.Expired) {
                expired.countDown();
            }
        });
        Harness.expect("connected", true, connected.await(Harness.WAIT_MS, TimeUnit.MILLISECONDS));
        client.create(path, new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        long silentSinceMs = System.currentTimeMillis();
        client.getData(path, false, null);
        String password = HexFormat.of().formatHex(client.getSessionPasswd());
        Harness.print(client.getSessionId() + " " + password + " " + client.getSessionTimeout() + " " + silentSinceMs);
        expired.await();
        Harness.print("expired");
        System.exit(0);
    }

    /** A client in a process of its own, to be frozen or killed. */
    private static final class Victim {
        final long sessionId;
        final byte[] password;
        final int timeoutMs;
        final long silentSinceMs;
        private final Process process;
        private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();

        Victim(String hosts, String path, int askedMs) throws Exception {
            String java = ProcessHandle.current().info().command().orElse("java");
            process = new ProcessBuilder(java, "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                System.getProperty("java.class.path"), "Harness", "victim", hosts, path, "" + askedMs)
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
            Thread reader = new Thread(this::read);
            reader.setDaemon(true);
            reader.start();
            String[] fact = line().split(" ");
            Harness.expect("facts from the other process", 4, fact.length);
            sessionId = Long.parseLong(fact[0]);
            password = HexFormat.of().parseHex(fact[1]);
            timeoutMs = Integer.parseInt(fact[2]);
            silentSinceMs = Long.parseLong(fact[3]);
        }

        private void read() {
            try (BufferedReader output = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line = output.readLine(); line != null; line = output.readLine()) {
                    lines.add(line);
                }
            } catch (IOException error) {
                lines.add("its output cannot be read: " + error);
            }
        }

        String line() throws InterruptedException {
            String line = lines.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS);
            return line == null ? "nothing within " + Harness.WAIT_MS + " ms" : line;
        }

        void signal(String name) throws Exception {
            int code = new ProcessBuilder("kill", "-" + name, "" + process.pid()).inheritIO().start().waitFor();
            Harness.expect("exit code of kill -" + name, 0, code);
        }

        void kill() throws InterruptedException {
            process.destroyForcibly().waitFor();
        }
    }

    private static String close(Harness.Context context) throws Exception {
        Harness.Connection watcher = context.connect();
        String root = context.root(watcher);
        Harness.Connection owner = context.connect(context.hosts, 30_000);
        owner.create(root + "/e", "", CreateMode.EPHEMERAL);
        watcher.sync(root);
        Harness.Events events = new Harness.Events();
        Harness.expect("the ephemeral is there", true, watcher.client.exists(root + "/e", events) != null);
        long before = System.nanoTime();
        owner.client.close();
        Harness.expect("event", "NodeDeleted " + root + "/e", events.next());
        long tookMs = (System.nanoTime() - before) / 1_000_000;
        Harness.expect("gone within 3000 ms (took " + tookMs + ")", true, tookMs < 3000);
        return null;
    }

    private static String handOver(Harness.Context context) throws Exception {
        String root = context.root(context.connect());
        Victim victim = new Victim(context.hosts, root + "/e", 10_000);
        victim.kill();
        Harness.Connection heir = context.claim(victim.sessionId, victim.password);
        heir.expectState(KeeperState.SyncConnected);
        Harness.expect("session of the heir", victim.sessionId, heir.client.getSessionId());
        Harness.expect("owner", victim.sessionId, heir.client.exists(root + "/e", false).getEphemeralOwner());
        Harness.Connection thief = context.claim(victim.sessionId, Harness.bytes("wrong password!!"));
        thief.expectState(KeeperState.Expired);
        // The wrong password may cost the heir its connection, which it learns late; never its session.
        Harness.until("the heir is served", () -> {
            try {
                return heir.client.exists(root, false) != null;
            } catch (KeeperException.ConnectionLossException error) {
                return false;
            }
        });
        heir.sync(root);
        long owner = heir.client.exists(root + "/e", false).getEphemeralOwner();
        Harness.expect("owner after the wrong password", victim.sessionId, owner);
        return null;
    }

    private static String move(Harness.Context context) throws Exception {
        Harness.Connection other = context.connect();
        String root = context.root(other);
        Harness.Connection mover = context.connect(context.proxy, 10_000);
        mover.create(root + "/e", "", CreateMode.EPHEMERAL);
        long session = mover.client.getSessionId();
        context.move();
        mover.expectState(KeeperState.Disconnected);
        mover.expectState(KeeperState.SyncConnected);
        Harness.expect("session id", session, mover.client.getSessionId());
        long owner = mover.client.exists(root + "/e", false).getEphemeralOwner();
        Harness.expect("owner as the client reads it", session, owner);
        mover.client.setData(root, Harness.bytes("after the move"), -1);
        other.sync(root);
        owner = other.client.exists(root + "/e", false).getEphemeralOwner();
        Harness.expect("owner as another client reads it", session, owner);
        Harness.expect("a write after the move", "after the move", other.read(root));
        return null;
    }

    private static String moveWatch(Harness.Context context) throws Exception {
        Harness.Connection other = context.connect();
        String root = context.root(other);
        Harness.Connection mover = context.connect(context.proxy, 10_000);
        mover.sync(root);
        Harness.Events events = new Harness.Events();
        mover.client.getData(root, events, null);
        mover.client.exists(root + "/later", events);
        mover.client.getChildren(root, events);
        context.move();
        mover.expectState(KeeperState.Disconnected);
        mover.expectState(KeeperState.SyncConnected);
        other.client.setData(root, Harness.bytes("x"), -1);
        Harness.expect("event", "NodeDataChanged " + root, events.next());
        other.create(root + "/later", "", CreateMode.PERSISTENT);
        List<String> both = List.of(events.next(), events.next()).stream().sorted().toList();
        Harness.expect("events", List.of("NodeChildrenChanged " + root, "NodeCreated " + root + "/later"), both);
        return null;
    }

    private static String expiry(Harness.Context context) throws Exception {
        Harness.Connection watcher = context.connect();
        String root = context.root(watcher);
        Victim victim = new Victim(context.hosts, root + "/e", 4000);
        try {
            victim.signal("STOP");
            watcher.sync(root);
            Harness.Events events = new Harness.Events();
            Harness.expect("the ephemeral is there", true, watcher.client.exists(root + "/e", events) != null);
            Harness.expect("event", "NodeDeleted " + root + "/e", events.next());
            long silentMs = System.currentTimeMillis() - victim.silentSinceMs;
            Harness.expect("negotiated timeout, ms", 4000, victim.timeoutMs);
            Harness.expect("not before 4000 ms of silence, saw " + silentMs, true, silentMs >= 4000);
            Harness.expect("within 15000 ms of silence, saw " + silentMs, true, silentMs < 15_000);
            victim.signal("CONT");
            Harness.expect("what the client says on its return", "expired", victim.line());
        } finally {
            victim.kill();
        }
        return null;
    }
}
