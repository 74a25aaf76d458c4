/* What the C client does across connections, processes and replicas: close, hand-over, move, expiry. */
#include "harness.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* A client in a process of its own, to be frozen or killed. */
typedef struct {
    pid_t id;
    int output;
    clientid_t client_id;
    int timeout_ms;
    long long silent_since_ms;
} victim_t;

/* Holds an ephemeral, says since when at the earliest it is silent, and prints `expired` when its library says so. */
int run_victim(const char *hosts, const char *path, int timeout_ms) {
    session_t *session = open_session(hosts, timeout_ms);
    create_node(session, path, "", ZOO_EPHEMERAL, NULL);
    long long silent_since_ms = now_ms();
    read_node(session, path);
    const clientid_t *id = zoo_client_id(session->handle);
    printf("%lld %d %lld ", (long long)id->client_id, zoo_recv_timeout(session->handle), silent_since_ms);
    for (size_t index = 0; index < sizeof id->passwd; index++) printf("%02x", (unsigned char)id->passwd[index]);
    printf("\n");
    fflush(stdout);
    while (!has_state(session, 0, ZOO_EXPIRED_SESSION_STATE)) usleep(20000);
    printf("expired\n");
    return 0;
}

static void read_line(victim_t *victim, char *line, size_t size) {
    size_t length = 0;
    struct pollfd readable = {victim->output, POLLIN, 0};
    while (length + 1 < size) {
        if (poll(&readable, 1, WAIT_MS) <= 0) fail("the other process says nothing within %d ms", WAIT_MS);
        if (read(victim->output, line + length, 1) != 1) fail("the other process ended");
        if (line[length] == '\n') break;
        length++;
    }
    line[length] = '\0';
}

static void start_victim(victim_t *victim, const char *hosts, const char *path, const char *timeout_ms) {
    int ends[2];
    if (pipe(ends) != 0) fail("no pipe");
    victim->id = fork();
    if (victim->id < 0) fail("no fork");
    if (victim->id == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        /* The sockets of the library's threads are not the child's. */
        for (int file = 3; file < 1024; file++) close(file);
        execl("/proc/self/exe", "c-checks", "victim", hosts, path, timeout_ms, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    victim->output = ends[0];
    char line[TEXT_MAX];
    char password[TEXT_MAX];
    long long id;
    read_line(victim, line, sizeof line);
    int facts = sscanf(line, "%lld %d %lld %s", &id, &victim->timeout_ms, &victim->silent_since_ms, password);
    if (facts != 4 || strlen(password) != 2 * sizeof victim->client_id.passwd) fail("the other process: %s", line);
    victim->client_id.client_id = id;
    for (size_t index = 0; index < sizeof victim->client_id.passwd; index++) {
        unsigned int byte;
        if (sscanf(password + 2 * index, "%2x", &byte) != 1) fail("not a password: %s", password);
        victim->client_id.passwd[index] = (char)byte;
    }
}

static void end_victim(victim_t *victim) {
    kill(victim->id, SIGKILL);
    waitpid(victim->id, NULL, 0);
    close(victim->output);
}

/* A client that has created the check's znode. */
static session_t *open_root(const place_t *place) {
    session_t *session = open_session(place->hosts, 10000);
    create_node(session, place->path, "root", ZOO_PERSISTENT, NULL);
    return session;
}

static void watch_exists(session_t *watcher, const char *path, events_t *events) {
    expect_code("the ephemeral is there", ZOK, zoo_wexists(watcher->handle, path, on_event, events, NULL));
}

static void closes(const place_t *place) {
    session_t *watcher = open_root(place);
    session_t *owner = open_session(place->hosts, 30000);
    const char *path = at(place, "/e");
    create_node(owner, path, "", ZOO_EPHEMERAL, NULL);
    sync_node(watcher, place->path);
    events_t *events = new_events();
    watch_exists(watcher, path, events);
    long long before = now_ms();
    close_session(owner);
    expect_event(events, "deleted", path);
    if (now_ms() - before >= 3000) fail("gone within 3000 ms, saw %lld", now_ms() - before);
}

static void hand_over(const place_t *place) {
    open_root(place);
    const char *path = at(place, "/e");
    victim_t victim;
    start_victim(&victim, place->hosts, path, "10000");
    end_victim(&victim);
    session_t *heir = claim_session(place->hosts, 10000, &victim.client_id);
    UNTIL("the heir is connected", has_state(heir, 0, ZOO_CONNECTED_STATE));
    expect_number("session of the heir", victim.client_id.client_id, zoo_client_id(heir->handle)->client_id);
    expect_number("owner", victim.client_id.client_id, stat_node(heir, path).ephemeralOwner);
    clientid_t wrong = victim.client_id;
    memcpy(wrong.passwd, "wrong password!!", sizeof wrong.passwd);
    session_t *thief = claim_session(place->hosts, 10000, &wrong);
    UNTIL("the thief's session is expired", has_state(thief, 0, ZOO_EXPIRED_SESSION_STATE));
    /* The wrong password may cost the heir its connection, which it learns late; never its session. */
    UNTIL("the heir is served", zoo_exists(heir->handle, place->path, 0, NULL) == ZOK);
    sync_node(heir, place->path);
    expect_number("owner after it", victim.client_id.client_id, stat_node(heir, path).ephemeralOwner);
}

static void wait_for_move(session_t *mover) {
    int from = mover->state_count;
    move_proxy();
    UNTIL("the client saw the cut", has_state(mover, from, ZOO_CONNECTING_STATE));
    UNTIL("the client came back", has_state(mover, from, ZOO_CONNECTED_STATE));
}

static void move(const place_t *place) {
    session_t *other = open_root(place);
    session_t *mover = open_session(place->proxy, 10000);
    const char *path = at(place, "/e");
    sync_node(mover, place->path);
    create_node(mover, path, "", ZOO_EPHEMERAL, NULL);
    int64_t session = zoo_client_id(mover->handle)->client_id;
    wait_for_move(mover);
    expect_number("session id", session, zoo_client_id(mover->handle)->client_id);
    expect_number("owner as the client reads it", session, stat_node(mover, path).ephemeralOwner);
    expect_code("set", ZOK, zoo_set(mover->handle, place->path, "moved", 5, -1));
    sync_node(other, place->path);
    expect_number("owner as another client reads it", session, stat_node(other, path).ephemeralOwner);
    expect_text("a write after the move", "moved", read_node(other, place->path));
}

static void move_watch(const place_t *place) {
    session_t *other = open_root(place);
    session_t *mover = open_session(place->proxy, 10000);
    sync_node(mover, place->path);
    events_t *data = new_events();
    events_t *exist = new_events();
    events_t *child = new_events();
    const char *later = at(place, "/later");
    char buffer[TEXT_MAX];
    int length = sizeof buffer;
    struct String_vector names;
    expect_code("get", ZOK, zoo_wget(mover->handle, place->path, on_event, data, buffer, &length, NULL));
    expect_code("before", ZNONODE, zoo_wexists(mover->handle, later, on_event, exist, NULL));
    expect_code("children", ZOK, zoo_wget_children(mover->handle, place->path, on_event, child, &names));
    deallocate_String_vector(&names);
    wait_for_move(mover);
    expect_code("set", ZOK, zoo_set(other->handle, place->path, "x", 1, -1));
    expect_event(data, "changed", place->path);
    create_node(other, later, "", ZOO_PERSISTENT, NULL);
    expect_event(exist, "created", later);
    expect_event(child, "child", place->path);
}

static void expiry(const place_t *place) {
    session_t *watcher = open_root(place);
    const char *path = at(place, "/e");
    victim_t victim;
    start_victim(&victim, place->hosts, path, "4000");
    kill(victim.id, SIGSTOP);
    sync_node(watcher, place->path);
    events_t *events = new_events();
    watch_exists(watcher, path, events);
    expect_event(events, "deleted", path);
    long long silent_ms = now_ms() - victim.silent_since_ms;
    expect_number("negotiated timeout, ms", 4000, victim.timeout_ms);
    if (silent_ms < 4000) fail("not before 4000 ms of silence, saw %lld", silent_ms);
    if (silent_ms > 15000) fail("within 15000 ms of silence, saw %lld", silent_ms);
    kill(victim.id, SIGCONT);
    char line[TEXT_MAX];
    read_line(&victim, line, sizeof line);
    expect_text("what the client says on its return", "expired", line);
    end_victim(&victim);
}

const entry_t SESSION_CHECKS[] = {
    {"close", closes, NULL},
    {"hand-over", hand_over, NULL},
    {"move", move, NULL},
    {"move-watch", move_watch, NULL},
    {"expiry", expiry, NULL},
    {NULL, NULL, NULL},
};
