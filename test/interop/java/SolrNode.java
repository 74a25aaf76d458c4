import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.solr.embedded.JettyConfig;
import org.apache.solr.embedded.JettySolrRunner;

/**
 * A node of Solr, as its tarball's scripts start one: Solr's servlet in Jetty. Maven Central has no tarball.
 *
 * <pre>SolrNode HOME PORT</pre>
 */
final class SolrNode {
    private SolrNode() {
    }

    public static void main(String[] arguments) throws Exception {
        Path home = Path.of(arguments[0]);
        int port = Integer.parseInt(arguments[1]);
        Files.createDirectories(home);
        JettyConfig config = new JettyConfig.Builder().setContext("/solr").setPort(port).stopAtShutdown(false).build();
        JettySolrRunner node = new JettySolrRunner(home.toString(), config);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(node)));
        node.start();
        System.out.println("started");
        Thread.currentThread().join();
    }

    private static void stop(JettySolrRunner node) {
        try {
            node.stop();
        } catch (Exception failure) {
            failure.printStackTrace();
        }
    }
}
