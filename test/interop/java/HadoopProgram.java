import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Scanner;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.yarn.api.records.ApplicationId;
import org.apache.hadoop.yarn.api.records.ApplicationReport;
import org.apache.hadoop.yarn.api.records.ApplicationSubmissionContext;
import org.apache.hadoop.yarn.api.records.ContainerLaunchContext;
import org.apache.hadoop.yarn.api.records.Resource;
import org.apache.hadoop.yarn.client.api.YarnClient;
import org.apache.hadoop.yarn.client.api.YarnClientApplication;
import org.apache.hadoop.yarn.conf.YarnConfiguration;

/**
 * Uses HDFS and YARN as it is told on its standard input. Their addresses are in the configuration on the classpath.
 *
 * <pre>HadoopProgram ZOOKEEPER</pre>
 */
final class HadoopProgram {
    private static final long WAIT_S = 240;

    private HadoopProgram() {
    }

    public static void main(String[] arguments) throws Exception {
        Driver driver = new Driver();
        Znodes znodes = new Znodes(arguments[0]);
        Znodes.teach(driver, znodes);
        teachFiles(driver);
        teachApplications(driver);
        driver.run();
        znodes.close();
    }

    private static void teachFiles(Driver driver) {
        Configuration configuration = new Configuration();
        List<CompletableFuture<String>> writers = new ArrayList<>();
        driver.on("write", words -> {
            int lines = Integer.parseInt(words.get(1));
            long pauseMs = Long.parseLong(words.get(2));
            Path path = new Path(words.get(0));
            writers.add(CompletableFuture.supplyAsync(() -> write(configuration, path, lines, pauseMs)));
            return "started";
        });
        driver.on("written", words -> writers.remove(0).get(WAIT_S, TimeUnit.SECONDS));
        driver.on("read", words -> {
            int right = 0;
            try (FileSystem files = FileSystem.newInstance(configuration);
                FSDataInputStream input = files.open(new Path(words.get(0)));
                Scanner scanner = new Scanner(input, StandardCharsets.UTF_8)) {
                for (; scanner.hasNextLine() && scanner.nextLine().equals(line(right)); right++) continue;
            }
            return right + " lines";
        });
    }

    /** Lines that each reach the datanode before the next; every tenth needs the namenode, for a file of its own. */
    private static String write(Configuration configuration, Path path, int lines, long pauseMs) {
        try (FileSystem files = FileSystem.newInstance(configuration);
            FSDataOutputStream output = files.create(path)) {
            for (int number = 0; number < lines; number++) {
                output.write((line(number) + "\n").getBytes(StandardCharsets.UTF_8));
                output.hflush();
                if (number % 10 == 0) files.mkdirs(new Path(path + "-at-" + number));
                Thread.sleep(pauseMs);
            }
            return lines + " lines";
        } catch (Exception failure) {
            throw new IllegalStateException(failure);
        }
    }

    private static String line(int number) {
        return "line " + number;
    }

    private static void teachApplications(Driver driver) {
        YarnClient yarn = YarnClient.createYarnClient();
        driver.on("yarn", words -> {
            yarn.init(new YarnConfiguration());
            yarn.start();
            return yarn.getYarnClusterMetrics().getNumNodeManagers() + " nodes";
        });
        driver.on("nodes", words -> String.valueOf(yarn.getYarnClusterMetrics().getNumNodeManagers()));
        driver.on("submit", words -> submit(yarn, Long.parseLong(words.get(0))));
        driver.on("application", words -> {
            ApplicationReport report = yarn.getApplicationReport(ApplicationId.fromString(words.get(0)));
            return report.getYarnApplicationState() + " " + report.getFinalApplicationStatus() + " "
                + report.getCurrentApplicationAttemptId().getAttemptId();
        });
    }

    private static String submit(YarnClient yarn, long runMs) throws Exception {
        YarnClientApplication created = yarn.createApplication();
        ApplicationSubmissionContext context = created.getApplicationSubmissionContext();
        String java = System.getProperty("java.home") + "/bin/java";
        String command = String.join(" ", List.of(java, "-Xmx128m", "-XX:+UseSerialGC", "-cp",
            "'" + System.getProperty("java.class.path") + "'", "YarnMaster", String.valueOf(runMs),
            "1><LOG_DIR>/stdout", "2><LOG_DIR>/stderr"));
        context.setApplicationName("survivor");
        context.setMaxAppAttempts(1);
        context.setResource(Resource.newInstance(256, 1));
        context.setAMContainerSpec(ContainerLaunchContext.newInstance(Collections.emptyMap(),
            Collections.emptyMap(), List.of(command), Collections.emptyMap(), null, Collections.emptyMap()));
        return yarn.submitApplication(context).toString();
    }
}
