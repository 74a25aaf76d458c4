import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.Put;
import org.apache.hadoop.hbase.client.RegionInfo;
import org.apache.hadoop.hbase.client.Result;
import org.apache.hadoop.hbase.client.ResultScanner;
import org.apache.hadoop.hbase.client.Scan;
import org.apache.hadoop.hbase.client.Table;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * Uses HBase as it is told on its standard input. Where HBase is, stands in hbase-site.xml on the classpath.
 *
 * <pre>HbaseProgram ZOOKEEPER</pre>
 */
final class HbaseProgram {
    private static final TableName TABLE = TableName.valueOf("numbers");
    private static final byte[] FAMILY = Bytes.toBytes("f");
    private static final byte[] COLUMN = Bytes.toBytes("n");

    private final Connection connection;
    private volatile int acknowledged;
    private volatile int failures;
    private volatile boolean isOver;
    private CompletableFuture<Void> load;

    private HbaseProgram(Connection connection) {
        this.connection = connection;
    }

    public static void main(String[] arguments) throws Exception {
        Configuration configuration = HBaseConfiguration.create();
        Znodes znodes = new Znodes(arguments[0]);
        try (Connection connection = ConnectionFactory.createConnection(configuration)) {
            HbaseProgram program = new HbaseProgram(connection);
            Driver driver = new Driver();
            Znodes.teach(driver, znodes);
            driver.on("master", words -> program.master());
            driver.on("servers", words -> program.servers());
            driver.on("create", words -> program.create());
            driver.on("load", words -> program.start(Integer.parseInt(words.get(0))));
            driver.on("acknowledged", words -> String.valueOf(program.acknowledged));
            driver.on("finish", words -> program.finish());
            driver.on("regions", words -> program.regions());
            driver.on("scan", words -> program.scan());
            driver.on("flag", words -> program.flag(Boolean.parseBoolean(words.get(0))));
            driver.on("drop", words -> program.drop());
            driver.run();
        } finally {
            znodes.close();
        }
    }

    private String master() throws IOException {
        try (Admin admin = connection.getAdmin()) {
            return admin.getMaster().getPort() + " and " + admin.getBackupMasters().size() + " behind it";
        }
    }

    /** The ports of the region servers that the master counts as alive. */
    private String servers() throws IOException {
        try (Admin admin = connection.getAdmin()) {
            return join(admin.getRegionServers().stream().map(ServerName::getPort).sorted().toList());
        }
    }

    private String create() throws IOException {
        TableDescriptorBuilder table = TableDescriptorBuilder.newBuilder(TABLE);
        table.setColumnFamily(ColumnFamilyDescriptorBuilder.of(FAMILY));
        byte[][] splits = {Bytes.toBytes("25"), Bytes.toBytes("50"), Bytes.toBytes("75")};
        try (Admin admin = connection.getAdmin()) {
            admin.createTable(table.build(), splits);
        }
        return "created";
    }

    private String start(int perSecond) {
        load = CompletableFuture.runAsync(() -> {
            try (Table table = connection.getTable(TABLE)) {
                boolean isUnderWay = false;
                while (isUnderWay || !isOver) {
                    isUnderWay = !put(table, acknowledged);
                    Thread.sleep(1000 / perSecond);
                }
            } catch (IOException | InterruptedException failure) {
                throw new IllegalStateException(failure);
            }
        });
        return "started";
    }

    /** Whether it is acknowledged. HBase's client looks for the row's new server by itself, but not for ever. */
    private boolean put(Table table, int number) {
        try {
            table.put(new Put(key(number)).addColumn(FAMILY, COLUMN, Bytes.toBytes(number)));
            acknowledged = number + 1;
            return true;
        } catch (IOException failure) {
            failures++;
            return false;
        }
    }

    private String finish() throws Exception {
        isOver = true;
        load.get();
        return "acknowledged=" + acknowledged + " failures=" + failures;
    }

    /** Which server has how many regions of the table. */
    private String regions() throws IOException {
        try (Admin admin = connection.getAdmin()) {
            StringBuilder text = new StringBuilder();
            for (ServerName server : admin.getRegionServers()) {
                List<RegionInfo> regions = admin.getRegions(server);
                long count = regions.stream().filter(region -> region.getTable().equals(TABLE)).count();
                text.append(server.getPort()).append(':').append(count).append(' ');
            }
            return text.toString().trim();
        }
    }

    private String scan() throws IOException {
        int rows = 0;
        int wrong = 0;
        try (Table table = connection.getTable(TABLE); ResultScanner scanner = table.getScanner(new Scan())) {
            for (Result row : scanner) {
                int number = Bytes.toInt(row.getValue(FAMILY, COLUMN));
                if (!Bytes.equals(row.getRow(), key(number))) wrong++;
                rows++;
            }
        }
        return "rows=" + rows + " wrong=" + wrong;
    }

    /** Whether regions are balanced: a switch that HBase keeps for all of its masters. */
    private String flag(boolean isOn) throws IOException {
        try (Admin admin = connection.getAdmin()) {
            admin.balancerSwitch(isOn, true);
            return String.valueOf(admin.isBalancerEnabled());
        }
    }

    private String drop() throws IOException {
        try (Admin admin = connection.getAdmin()) {
            admin.disableTable(TABLE);
            admin.deleteTable(TABLE);
            return String.valueOf(admin.tableExists(TABLE));
        }
    }

    /** Digits from the last, so that rows that follow each other are of different regions. */
    private static byte[] key(int number) {
        return Bytes.toBytes(new StringBuilder(String.format(Locale.ROOT, "%08d", number)).reverse().toString());
    }

    private static String join(List<Integer> numbers) {
        return String.join(" ", numbers.stream().map(String::valueOf).toList());
    }
}
