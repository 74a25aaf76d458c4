import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.IntegerDeserializer;
import org.apache.kafka.common.serialization.IntegerSerializer;

/**
 * Messages that are numbers from nought, sent at a pace, each noted when it is acknowledged by all replicas in sync;
 * and a consumer that reads them all and holds them against the notes.
 */
final class KafkaLoad implements Runnable {
    private static final long READ_LIMIT_MS = 60_000;

    private final Properties settings;
    private final String topic;
    private final int count;
    private final long pauseNanos;
    private final BitSet acknowledged = new BitSet();
    private final List<String> failures = new ArrayList<>();
    private volatile boolean isHurried;
    private final Thread thread = new Thread(this, "load");

    KafkaLoad(Properties settings, String topic, int count, int perSecond) {
        this.settings = settings;
        this.topic = topic;
        this.count = count;
        this.pauseNanos = 1_000_000_000L / perSecond;
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    synchronized int acknowledgedCount() {
        return acknowledged.cardinality();
    }

    /** Sends the rest without pauses; returns when all have been acknowledged or given up. */
    String finish() throws InterruptedException {
        isHurried = true;
        thread.join();
        synchronized (this) {
            String first = failures.isEmpty() ? "" : " first: " + failures.get(0);
            return "acknowledged=" + acknowledged.cardinality() + " failed=" + failures.size() + first;
        }
    }

    @Override
    public void run() {
        long next = System.nanoTime();
        try (KafkaProducer<Integer, Integer> producer = new KafkaProducer<>(producerSettings())) {
            for (int number = 0; number < count; number++) {
                int sent = number;
                producer.send(new ProducerRecord<>(topic, sent, sent), (told, failure) -> note(sent, failure));
                next = Math.max(next + pauseNanos, System.nanoTime() - 1_000_000_000L);
                if (!isHurried) LockSupport.parkNanos(next - System.nanoTime());
            }
        }
    }

    /** Reads the topic to its end, in a group, and tells what is missing, twice there or out of order. */
    String read() {
        Map<TopicPartition, Integer> last = new HashMap<>();
        BitSet seen = new BitSet();
        int records = 0;
        int disordered = 0;
        long deadline = System.currentTimeMillis() + READ_LIMIT_MS;
        try (KafkaConsumer<Integer, Integer> consumer = new KafkaConsumer<>(consumerSettings())) {
            consumer.subscribe(List.of(topic));
            while (!covers(seen) && System.currentTimeMillis() < deadline) {
                for (ConsumerRecord<Integer, Integer> record : consumer.poll(Duration.ofMillis(200))) {
                    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
                    Integer before = last.put(partition, record.value());
                    if (before != null && before >= record.value()) disordered++;
                    seen.set(record.value());
                    records++;
                }
            }
            consumer.commitSync();
        }
        int missing;
        synchronized (this) {
            BitSet lost = (BitSet) acknowledged.clone();
            lost.andNot(seen);
            missing = lost.cardinality();
        }
        int twice = records - seen.cardinality();
        return "read=" + records + " missing=" + missing + " twice=" + twice + " disordered=" + disordered;
    }

    private synchronized boolean covers(BitSet seen) {
        BitSet lost = (BitSet) acknowledged.clone();
        lost.andNot(seen);
        return lost.isEmpty();
    }

    private synchronized void note(int number, Exception failure) {
        if (failure == null) acknowledged.set(number);
        else failures.add(failure.toString());
    }

    private Properties producerSettings() {
        Properties all = new Properties();
        all.putAll(settings);
        all.put("acks", "all");
        all.put("enable.idempotence", "true");
        all.put("delivery.timeout.ms", "120000");
        all.put("key.serializer", IntegerSerializer.class.getName());
        all.put("value.serializer", IntegerSerializer.class.getName());
        return all;
    }

    private Properties consumerSettings() {
        Properties all = new Properties();
        all.putAll(settings);
        all.put("group.id", "readers");
        all.put("auto.offset.reset", "earliest");
        all.put("enable.auto.commit", "false");
        all.put("key.deserializer", IntegerDeserializer.class.getName());
        all.put("value.deserializer", IntegerDeserializer.class.getName());
        return all;
    }
}
