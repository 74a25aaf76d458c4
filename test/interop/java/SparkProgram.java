import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;

/** A Spark application that does what it is told on its standard input. Masters and jars come from spark-submit. */
public final class SparkProgram {
    private static final long WAIT_S = 240;

    private SparkProgram() {
    }

    public static void main(String[] arguments) throws Exception {
        try (JavaSparkContext spark = new JavaSparkContext(new SparkConf())) {
            List<CompletableFuture<Long>> jobs = new ArrayList<>();
            Driver driver = new Driver();
            driver.on("id", words -> spark.sc().applicationId());
            driver.on("start", words -> {
                int tasks = Integer.parseInt(words.get(0));
                long pauseMs = Long.parseLong(words.get(1));
                jobs.add(CompletableFuture.supplyAsync(() -> squares(spark, tasks, pauseMs)));
                return "started";
            });
            driver.on("done", words -> {
                int done = 0;
                for (int job : spark.statusTracker().getActiveJobIds()) {
                    for (int stage : spark.statusTracker().getJobInfo(job).stageIds()) {
                        var info = spark.statusTracker().getStageInfo(stage);
                        if (info != null) done += info.numCompletedTasks();
                    }
                }
                return String.valueOf(done);
            });
            driver.on("finish", words -> {
                CompletableFuture<Long> job = jobs.remove(0);
                return String.valueOf(job.get(WAIT_S, TimeUnit.SECONDS));
            });
            driver.on("crash", words -> String.valueOf(withCrash(spark)));
            driver.run();
        }
    }

    /** The sum of the squares from one, one number a task. */
    private static long squares(JavaSparkContext spark, int tasks, long pauseMs) {
        return spark.parallelize(numbers(tasks), tasks).map(number -> {
            Thread.sleep(pauseMs);
            return (long) number * number;
        }).reduce(Long::sum);
    }

    /** The same of two, the first of which ends its whole executor when it is tried for the first time. */
    private static long withCrash(JavaSparkContext spark) {
        return spark.parallelize(numbers(2), 2).map(number -> {
            if (number == 1 && TaskContext.get().attemptNumber() == 0) Runtime.getRuntime().halt(1);
            return (long) number * number;
        }).reduce(Long::sum);
    }

    private static List<Integer> numbers(int count) {
        List<Integer> numbers = new ArrayList<>();
        for (int number = 1; number <= count; number++) numbers.add(number);
        return numbers;
    }
}
