import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.security.auth.login.AppConfigurationEntry;
import javax.security.auth.login.AppConfigurationEntry.LoginModuleControlFlag;
import javax.security.auth.login.Configuration;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.client.ZKClientConfig;
import org.apache.zookeeper.data.Id;

/** Logs in with SASL DIGEST-MD5 as the Java client does it with a JAAS configuration, here made in memory. */
final class Sasl {
    private static final String MODULE = "org.apache.zookeeper.server.auth.DigestLoginModule";

    private Sasl() {
    }

    static void addTo(Map<String, Harness.Check> known) {
        known.put("java-sasl", Sasl::logIn);
    }

    /** Sections by the names of the clients that use them; all other clients find none, and do not log in. */
    private static final class Sections extends Configuration {
        private static final Map<String, String> PASSWORDS = Map.of("Right", "one", "Wrong", "two");

        @Override
        public AppConfigurationEntry[] getAppConfigurationEntry(String name) {
            String password = PASSWORDS.get(name);
            if (password == null) {
                return null;
            }
            Map<String, String> options = Map.of("username", "ann", "password", password);
            return new AppConfigurationEntry[] {
                new AppConfigurationEntry(MODULE, LoginModuleControlFlag.REQUIRED, options)
            };
        }
    }

    /** A client that logs in by a section, and the states that it tells of. */
    private static final class Client {
        final ZooKeeper zooKeeper;
        private final BlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();

        Client(String hosts, String section) throws Exception {
            ZKClientConfig config = new ZKClientConfig();
            config.setProperty(ZKClientConfig.LOGIN_CONTEXT_NAME_KEY, section);
            Watcher watcher = event -> {
                if (event.getType() == Watcher.Event.EventType.None) {
                    states.add(event.getState());
                }
            };
            zooKeeper = new ZooKeeper(hosts, 10_000, watcher, config);
        }

        /** Waits for one of the two states in which a login ends. */
        KeeperState loginEnd() throws InterruptedException {
            for (;;) {
                KeeperState state = states.poll(Harness.WAIT_MS, TimeUnit.MILLISECONDS);
                if (state == null || state == KeeperState.SaslAuthenticated || state == KeeperState.AuthFailed) {
                    return state;
                }
            }
        }
    }

    private static String logIn(Harness.Context context) throws Exception {
        Configuration.setConfiguration(new Sections());
        Harness.Connection nobody = context.connect();
        String root = context.root(nobody);
        String path = root + "/own";
        Client ann = new Client(context.hosts, "Right");
        try {
            Harness.expect("the right password", KeeperState.SaslAuthenticated, ann.loginEnd());
            ann.zooKeeper.create(path, Harness.bytes("hers"), ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
            Id id = ann.zooKeeper.getACL(path, null).get(0).getId();
            Harness.expect("the list of a creator", "sasl:ann", id.getScheme() + ":" + id.getId());
            byte[] data = ann.zooKeeper.getData(path, false, null);
            Harness.expect("what she reads", "hers", new String(data, StandardCharsets.UTF_8));
            nobody.sync(root);
            Harness.expectError("nobody reads", KeeperException.Code.NOAUTH, () -> nobody.read(path));
        } finally {
            ann.zooKeeper.close();
        }
        Client liar = new Client(context.hosts, "Wrong");
        try {
            Harness.expect("the wrong password", KeeperState.AuthFailed, liar.loginEnd());
        } finally {
            liar.zooKeeper.close();
        }
        return null;
    }
}
