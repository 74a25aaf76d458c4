import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;

/**
 * Runs the checks it is told to run with the Java client and prints one JSON line for each.
 *
 * <pre>
 * Harness HOSTS PROXY PREFIX CHECK...     the checks
 * Harness victim HOSTS PATH TIMEOUT_MS    a client for others to freeze or kill
 * Harness beside HOSTS PATH KIND ROUNDS   recipes beside those of other clients
 * </pre>
 */
final class Harness {
    static final long WAIT_MS = 20_000;

    private static final BufferedReader INPUT =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));

    private Harness() {
    }

    /** A check; what it returns is the detail of its line. */
    interface Check {
        String run(Context context) throws Exception;
    }

    /** A call that is expected to fail. */
    interface Call {
        Object run() throws Exception;
    }

    /** Asked again until it holds. */
    interface Condition {
        boolean holds() throws Exception;
    }

    /** What a check needs: where to connect, its own path, and clients that are closed after it. */
    static final class Context {
        final String hosts;
        final String proxy;
        final String path;
        private final List<Connection> connections = new ArrayList<>();

        Context(String hosts, String proxy, String path) {
            this.hosts = hosts;
            this.proxy = proxy;
            this.path = path;
        }

        Connection connect() throws Exception {
            return connect(hosts, 10_000);
        }

        Connection connect(String to, int timeoutMs) throws Exception {
            Connection connection = new Connection(to, timeoutMs, 0, null);
            connections.add(connection);
            connection.expectState(Watcher.Event.KeeperState.SyncConnected);
            return connection;
        }

        /** A client that claims a session by id and password; its first state is the check's business. */
        Connection claim(long sessionId, byte[] password) throws Exception {
            Connection connection = new Connection(hosts, 10_000, sessionId, password);
            connections.add(connection);
            return connection;
        }

        /** Creates the check's own znode. */
        String root(Connection connection) throws Exception {
            return connection.create(path, "root", CreateMode.PERSISTENT);
        }

        /** Has the proxy cut its connections and lead to another replica. */
        void move() throws IOException {
            print("{\"ask\": \"move\"}");
            expect("answer of the suite", "moved", INPUT.readLine());
        }

        void close() throws Exception {
            for (Connection connection : connections) {
                connection.client.close();
            }
        }
    }

    /** The unmodified client, with the states it tells its default watcher. */
    static final class Connection {
        final ZooKeeper client;
        final BlockingQueue<Watcher.Event.KeeperState> states = new LinkedBlockingQueue<>();

        private Connection(String to, int timeoutMs, long sessionId, byte[] password) throws IOException {
            Watcher watcher = event -> {
                if (event.getType() == Watcher.Event.EventType.None) {
                    states.add(event.getState());
                }
            };
            client = password == null
                ? new ZooKeeper(to, timeoutMs, watcher)
                : new ZooKeeper(to, timeoutMs, watcher, sessionId, password);
        }

        void expectState(Watcher.Event.KeeperState expected) throws InterruptedException {
            expect("state", expected, states.poll(WAIT_MS, TimeUnit.MILLISECONDS));
        }

        String create(String path, String data, CreateMode mode) throws Exception {
            return client.create(path, bytes(data), ZooDefs.Ids.OPEN_ACL_UNSAFE, mode);
        }

        String read(String path) throws Exception {
            return new String(client.getData(path, false, null), StandardCharsets.UTF_8);
        }

        /** Has this client's replica deliver all that was committed before. */
        void sync(String path) throws Exception {
            CountDownLatch done = new CountDownLatch(1);
            int[] code = {-1};
            client.sync(path, (rc, p, context) -> {
                code[0] = rc;
                done.countDown();
            }, null);
            expect("sync answers", true, done.await(WAIT_MS, TimeUnit.MILLISECONDS));
            expect("code of sync", 0, code[0]);
        }
    }

    /** A watcher that keeps what it is told, in order. */
    static final class Events implements Watcher {
        final List<String> seen = new ArrayList<>();
        private final BlockingQueue<String> queue = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent event) {
            if (event.getType() == Event.EventType.None) {
                return;
            }
            String text = event.getType() + " " + event.getPath();
            synchronized (seen) {
                seen.add(text);
            }
            queue.add(text);
        }

        String next() throws InterruptedException {
            String event = queue.poll(WAIT_MS, TimeUnit.MILLISECONDS);
            return event == null ? "no event within " + WAIT_MS + " ms" : event;
        }

        List<String> all() {
            synchronized (seen) {
                return List.copyOf(seen);
            }
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static void expect(String what, Object expected, Object seen) {
        if (!Objects.equals(expected, seen)) {
            throw new AssertionError(what + ": expected " + expected + ", saw " + seen);
        }
    }

    static void expectError(String what, KeeperException.Code expected, Call call) throws Exception {
        Object answer;
        try {
            answer = call.run();
        } catch (KeeperException error) {
            expect(what, expected, error.code());
            return;
        }
        throw new AssertionError(what + ": expected " + expected + ", saw the answer " + answer);
    }

    static void until(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + WAIT_MS * 1_000_000;
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("not within " + WAIT_MS + " ms: " + what);
            }
            Thread.sleep(50);
        }
    }

    static synchronized void print(String line) {
        System.out.println(line);
        System.out.flush();
    }

    private static String quote(String text) {
        StringBuilder out = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20) {
                out.append(String.format("\\u%04x", (int) c));
            } else {
                out.append(c);
            }
        }
        return out.append('"').toString();
    }

    private static String where(Throwable error) {
        StringBuilder out = new StringBuilder(error.toString());
        for (StackTraceElement frame : error.getStackTrace()) {
            if (frame.getClassName().matches("Harness.*|.*Checks.*|Sessions.*|Sasl.*|Curator[A-Z].*|Curators.*")) {
                out.append(" < ").append(frame.getFileName()).append(':').append(frame.getLineNumber());
            }
        }
        return out.toString();
    }

    private static void run(String name, Check check, Context context) {
        print("{\"begin\": " + quote(name) + "}");
        String verdict = "ok";
        String detail;
        try {
            detail = check.run(context);
        } catch (Exception | AssertionError error) {
            verdict = "fail";
            detail = where(error);
        }
        try {
            context.close();
        } catch (Exception error) {
            detail = verdict.equals("ok") ? "closing the clients: " + where(error) : detail;
            verdict = "fail";
        }
        print("{\"check\": " + quote(name) + ", \"verdict\": " + quote(verdict)
            + ", \"detail\": " + quote(detail == null ? "" : detail) + "}");
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("victim")) {
            Sessions.victim(arguments[1], arguments[2], Integer.parseInt(arguments[3]));
            return;
        }
        if (arguments[0].equals("beside")) {
            Beside.run(arguments[1], arguments[2], arguments[3], Integer.parseInt(arguments[4]));
            return;
        }
        Map<String, Check> known = new LinkedHashMap<>();
        Checks.addTo(known);
        Sessions.addTo(known);
        CuratorChecks.addTo(known);
        CuratorRecipes.addTo(known);
        CuratorDiscovery.addTo(known);
        Sasl.addTo(known);
        for (int index = 3; index < arguments.length; index++) {
            String name = arguments[index];
            Check check = known.getOrDefault(name, context -> {
                throw new AssertionError("the Java program has no such check");
            });
            run(name, check, new Context(arguments[0], arguments[1], arguments[2] + "-" + name));
        }
        System.exit(0);
    }
}
