import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionInfo;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Uses Kafka as it is told on its standard input.
 *
 * <pre>KafkaProgram BOOTSTRAP SASL_BOOTSTRAP ZOOKEEPER</pre>
 */
final class KafkaProgram {
    private static final long WAIT_S = 120;

    private final String plain;
    private final String sasl;
    private final Admin admin;
    private KafkaLoad load;

    private KafkaProgram(String plain, String sasl) {
        this.plain = plain;
        this.sasl = sasl;
        this.admin = Admin.create(settings(plain));
    }

    public static void main(String[] arguments) throws Exception {
        KafkaProgram program = new KafkaProgram(arguments[0], arguments[1]);
        Znodes znodes = new Znodes(arguments[2]);
        try {
            Driver driver = new Driver();
            Znodes.teach(driver, znodes);
            program.teachTopics(driver);
            program.teachMessages(driver);
            program.teachAccess(driver);
            driver.run();
        } finally {
            znodes.close();
            program.admin.close();
        }
    }

    private void teachTopics(Driver driver) {
        driver.on("create", words -> {
            NewTopic topic = new NewTopic(words.get(0), Integer.parseInt(words.get(1)), (short) 3);
            admin.createTopics(List.of(topic)).all().get(WAIT_S, TimeUnit.SECONDS);
            return "created";
        });
        driver.on("delete", words -> {
            admin.deleteTopics(words).all().get(WAIT_S, TimeUnit.SECONDS);
            return "deleted";
        });
        driver.on("topics", words -> {
            Set<String> names = admin.listTopics().names().get(WAIT_S, TimeUnit.SECONDS);
            return String.join(" ", new TreeSet<>(names));
        });
        driver.on("describe", words -> describe(words.get(0)));
        driver.on("elect", words -> {
            // This call alone does not ask who is controller now, where its client has known another one.
            try (Admin fresh = Admin.create(settings(plain))) {
                var elected = fresh.electLeaders(ElectionType.PREFERRED, null).partitions();
                return elected.get(WAIT_S, TimeUnit.SECONDS).size() + " partitions";
            }
        });
        driver.on("reassign", words -> {
            TopicPartition partition = new TopicPartition(words.get(0), Integer.parseInt(words.get(1)));
            List<Integer> replicas = new ArrayList<>();
            for (String id : words.get(2).split(",")) replicas.add(Integer.valueOf(id));
            var wanted = Map.of(partition, Optional.of(new NewPartitionReassignment(replicas)));
            admin.alterPartitionReassignments(wanted).all().get(WAIT_S, TimeUnit.SECONDS);
            return "asked";
        });
        driver.on("configure", words -> {
            ConfigResource.Type type = ConfigResource.Type.valueOf(words.get(0));
            AlterConfigOp change =
                new AlterConfigOp(new ConfigEntry(words.get(2), words.get(3)), AlterConfigOp.OpType.SET);
            Map<ConfigResource, Collection<AlterConfigOp>> changes =
                Map.of(new ConfigResource(type, words.get(1)), List.of(change));
            admin.incrementalAlterConfigs(changes).all().get(WAIT_S, TimeUnit.SECONDS);
            return "configured";
        });
        driver.on("configured", words -> {
            ConfigResource resource =
                new ConfigResource(ConfigResource.Type.valueOf(words.get(0)), words.get(1));
            var all = admin.describeConfigs(List.of(resource)).all().get(WAIT_S, TimeUnit.SECONDS);
            return all.get(resource).get(words.get(2)).value();
        });
    }

    private void teachMessages(Driver driver) {
        driver.on("load", words -> {
            int count = Integer.parseInt(words.get(1));
            load = new KafkaLoad(settings(plain), words.get(0), count, Integer.parseInt(words.get(2)));
            load.start();
            return "started";
        });
        driver.on("acknowledged", words -> String.valueOf(load.acknowledgedCount()));
        driver.on("finish", words -> load.finish());
        driver.on("read", words -> load.read());
        driver.on("send", words -> send(settings(plain), words.get(0), Integer.parseInt(words.get(1))));
        driver.on("send-as", words -> {
            Properties as = settings(sasl);
            as.put("security.protocol", "SASL_PLAINTEXT");
            as.put("sasl.mechanism", "SCRAM-SHA-256");
            as.put("sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required "
                + "username=\"" + words.get(0) + "\" password=\"" + words.get(1) + "\";");
            return send(as, words.get(2), 10);
        });
    }

    private void teachAccess(Driver driver) {
        driver.on("user", words -> {
            ScramCredentialInfo info = new ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096);
            var user = new UserScramCredentialUpsertion(words.get(0), info, words.get(1));
            admin.alterUserScramCredentials(List.of(user)).all().get(WAIT_S, TimeUnit.SECONDS);
            return "made";
        });
        driver.on("allow", words -> {
            admin.createAcls(rights(words.get(0), words.get(1))).all().get(WAIT_S, TimeUnit.SECONDS);
            return "allowed";
        });
        driver.on("forbid", words -> {
            List<AclBindingFilter> filters =
                rights(words.get(0), words.get(1)).stream().map(AclBinding::toFilter).collect(Collectors.toList());
            var gone = admin.deleteAcls(filters).all().get(WAIT_S, TimeUnit.SECONDS);
            return String.valueOf(gone.size());
        });
    }

    /** "partition:leader:replicas in sync" of each partition, in their order. */
    private String describe(String topic) throws Exception {
        Map<String, TopicDescription> all =
            admin.describeTopics(List.of(topic)).allTopicNames().get(WAIT_S, TimeUnit.SECONDS);
        List<String> lines = new ArrayList<>();
        for (TopicPartitionInfo partition : all.get(topic).partitions()) {
            String inSync =
                partition.isr().stream().map(node -> node.idString()).sorted().collect(Collectors.joining(","));
            String leader = partition.leader() == null ? "-1" : partition.leader().idString();
            lines.add(partition.partition() + ":" + leader + ":" + inSync);
        }
        return String.join(" ", lines);
    }

    private static String send(Properties settings, String topic, int bytes) throws Exception {
        settings.put("acks", "all");
        settings.put("max.block.ms", "20000");
        settings.put("key.serializer", ByteArraySerializer.class.getName());
        settings.put("value.serializer", ByteArraySerializer.class.getName());
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(settings)) {
            ProducerRecord<byte[], byte[]> record = new ProducerRecord<>(topic, new byte[bytes]);
            return "offset " + producer.send(record).get(WAIT_S, TimeUnit.SECONDS).offset();
        }
    }

    private static List<AclBinding> rights(String user, String topic) {
        ResourcePattern resource = new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL);
        List<AclBinding> rights = new ArrayList<>();
        for (AclOperation operation : List.of(AclOperation.WRITE, AclOperation.DESCRIBE)) {
            String principal = "User:" + user;
            rights.add(new AclBinding(
                resource, new AccessControlEntry(principal, "*", operation, AclPermissionType.ALLOW)));
        }
        return rights;
    }

    private static Properties settings(String bootstrap) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        return settings;
    }
}
