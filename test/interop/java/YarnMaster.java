import org.apache.hadoop.yarn.api.records.FinalApplicationStatus;
import org.apache.hadoop.yarn.client.api.AMRMClient;
import org.apache.hadoop.yarn.conf.YarnConfiguration;

/**
 * An application that registers, tells the resource manager of its progress for a while, and ends well: whichever
 * resource manager there is then.
 */
final class YarnMaster {
    private static final long BEAT_MS = 500;

    private YarnMaster() {
    }

    public static void main(String[] arguments) throws Exception {
        long runMs = Long.parseLong(arguments[0]);
        AMRMClient<AMRMClient.ContainerRequest> manager = AMRMClient.createAMRMClient();
        manager.init(new YarnConfiguration());
        manager.start();
        manager.registerApplicationMaster("127.0.0.1", 0, "");
        long startedAt = System.currentTimeMillis();
        for (long ranMs = 0; ranMs < runMs; ranMs = System.currentTimeMillis() - startedAt) {
            manager.allocate((float) ranMs / runMs);
            Thread.sleep(BEAT_MS);
        }
        manager.unregisterApplicationMaster(FinalApplicationStatus.SUCCEEDED, "", "");
        manager.stop();
    }
}
