import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The loop of a program that does what it is told, a line at a time: a word and its arguments come in, one line
 * "ok TEXT" or "error TEXT" goes out. All else on the standard output is the libraries' own and means nothing.
 */
final class Driver {
    private final Map<String, Verb> verbs = new LinkedHashMap<>();

    /** What a word does; what it returns stands behind "ok". */
    interface Verb {
        String run(List<String> arguments) throws Exception;
    }

    Driver on(String word, Verb verb) {
        verbs.put(word, verb);
        return this;
    }

    /** Until the standard input ends. */
    void run() throws IOException {
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            List<String> words = Arrays.asList(line.trim().split(" "));
            answer(words.get(0), words.subList(1, words.size()));
        }
    }

    private void answer(String word, List<String> arguments) {
        Verb verb = verbs.get(word);
        try {
            if (verb == null) throw new IllegalArgumentException("no such word: " + word);
            print("ok " + verb.run(arguments));
        } catch (Exception failure) {
            Throwable cause = failure;
            while (cause.getCause() != null && cause.getCause() != cause) cause = cause.getCause();
            print("error " + cause.getClass().getSimpleName() + ": " + cause.getMessage());
        }
    }

    private static void print(String line) {
        System.out.println(line.replace('\n', ' '));
        System.out.flush();
    }
}
