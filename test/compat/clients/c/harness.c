/*
 * Runs the checks it is told to run with the C client and prints one JSON line for each.
 *
 *   c-checks HOSTS PROXY PREFIX CHECK...     the checks
 *   c-checks victim HOSTS PATH TIMEOUT_MS    a client for others to freeze or kill
 */
#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SESSIONS_MAX = 8, PATHS_MAX = 32, DETAIL_MAX = 4096 };

static jmp_buf check_end;
static char detail[DETAIL_MAX];
static session_t *sessions[SESSIONS_MAX];
static int session_count;
static events_t *events_used[SESSIONS_MAX];
static int events_count;

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    longjmp(check_end, 1);
}

void set_detail(const char *text) {
    snprintf(detail, sizeof detail, "%s", text);
}

void expect_number(const char *what, long long expected, long long seen) {
    if (expected != seen) fail("%s: expected %lld, saw %lld", what, expected, seen);
}

void expect_text(const char *what, const char *expected, const char *seen) {
    if (strcmp(expected, seen) != 0) fail("%s: expected \"%s\", saw \"%s\"", what, expected, seen);
}

void expect_code(const char *what, int expected, int seen) {
    if (expected != seen) {
        fail("%s: expected %d (%s), saw %d (%s)", what, expected, zerror(expected), seen, zerror(seen));
    }
}

const char *at(const place_t *place, const char *format, ...) {
    static char paths[PATHS_MAX][TEXT_MAX];
    static int next;
    char *path = paths[next++ % PATHS_MAX];
    int length = snprintf(path, TEXT_MAX, "%s", place->path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, TEXT_MAX - length, format, arguments);
    va_end(arguments);
    return path;
}

long long now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void on_session(zhandle_t *handle, int type, int state, const char *path, void *context) {
    (void)handle;
    (void)path;
    session_t *session = context;
    if (type != ZOO_SESSION_EVENT || session->state_count == STATES_MAX) return;
    session->states[session->state_count] = state;
    session->state_count++;
}

session_t *claim_session(const char *hosts, int timeout_ms, const clientid_t *id) {
    if (session_count == SESSIONS_MAX) fail("more than %d clients in a check", SESSIONS_MAX);
    session_t *session = calloc(1, sizeof *session);
    session->handle = zookeeper_init(hosts, on_session, timeout_ms, id, session, 0);
    if (session->handle == NULL) {
        free(session);
        fail("zookeeper_init failed for %s", hosts);
    }
    sessions[session_count++] = session;
    return session;
}

session_t *open_session(const char *hosts, int timeout_ms) {
    session_t *session = claim_session(hosts, timeout_ms, NULL);
    UNTIL("connected", has_state(session, 0, ZOO_CONNECTED_STATE));
    return session;
}

void close_session(session_t *session) {
    if (session->handle != NULL) zookeeper_close(session->handle);
    session->handle = NULL;
}

bool has_state(const session_t *session, int from, int state) {
    for (int index = from; index < session->state_count; index++) {
        if (session->states[index] == state) return true;
    }
    return false;
}

void create_node(session_t *session, const char *path, const char *data, int mode, const char *created) {
    char seen[TEXT_MAX] = "";
    int code = zoo_create(session->handle, path, data, strlen(data), &ZOO_OPEN_ACL_UNSAFE, mode, seen, sizeof seen);
    expect_code(path, ZOK, code);
    expect_text("created path", created == NULL ? path : created, seen);
}

const char *read_node(session_t *session, const char *path) {
    static char buffer[TEXT_MAX];
    int length = sizeof buffer - 1;
    expect_code(path, ZOK, zoo_get(session->handle, path, 0, buffer, &length, NULL));
    buffer[length < 0 ? 0 : length] = '\0';
    return buffer;
}

struct Stat stat_node(session_t *session, const char *path) {
    struct Stat stat;
    expect_code(path, ZOK, zoo_exists(session->handle, path, 0, &stat));
    return stat;
}

static void on_synced(int code, const char *value, const void *data) {
    (void)value;
    *(volatile int *)data = code;
}

void sync_node(session_t *session, const char *path) {
    /* Static: an answer that comes after the deadline must still find its place. */
    static volatile int code;
    code = 1;
    expect_code("zoo_async", ZOK, zoo_async(session->handle, path, on_synced, (const void *)&code));
    UNTIL("sync answers", code != 1);
    expect_code("sync", ZOK, code);
}

events_t *new_events(void) {
    if (events_count == SESSIONS_MAX) fail("more than %d watchers in a check", SESSIONS_MAX);
    events_t *events = calloc(1, sizeof *events);
    pthread_mutex_init(&events->mutex, NULL);
    events_used[events_count++] = events;
    return events;
}

static const char *type_name(int type) {
    if (type == ZOO_CREATED_EVENT) return "created";
    if (type == ZOO_DELETED_EVENT) return "deleted";
    if (type == ZOO_CHANGED_EVENT) return "changed";
    if (type == ZOO_CHILD_EVENT) return "child";
    return "other";
}

void on_event(zhandle_t *handle, int type, int state, const char *path, void *context) {
    (void)handle;
    (void)state;
    events_t *events = context;
    /* The library tells each watcher of the session's states too; those are the session's to note. */
    if (type == ZOO_SESSION_EVENT) return;
    pthread_mutex_lock(&events->mutex);
    if (events->count < EVENTS_MAX) {
        snprintf(events->seen[events->count++], TEXT_MAX, "%s %s", type_name(type), path);
    }
    pthread_mutex_unlock(&events->mutex);
}

int event_count(events_t *events) {
    pthread_mutex_lock(&events->mutex);
    int count = events->count;
    pthread_mutex_unlock(&events->mutex);
    return count;
}

void expect_event(events_t *events, const char *type, const char *path) {
    char expected[TEXT_MAX];
    snprintf(expected, sizeof expected, "%s %s", type, path);
    UNTIL(expected, event_count(events) > events->taken);
    expect_text("event", expected, events->seen[events->taken++]);
}

void expect_fence(const place_t *place, session_t *writer, session_t *watcher) {
    events_t *fence = new_events();
    const char *path = at(place, "-fence");
    expect_code("fence before", ZNONODE, zoo_wexists(watcher->handle, path, on_event, fence, NULL));
    create_node(writer, path, "", ZOO_PERSISTENT, NULL);
    expect_event(fence, "created", path);
}

void move_proxy(void) {
    char answer[TEXT_MAX] = "";
    printf("{\"ask\": \"move\"}\n");
    fflush(stdout);
    if (fgets(answer, sizeof answer, stdin) == NULL) fail("the suite does not answer");
    expect_text("answer of the suite", "moved\n", answer);
}

static void print_result(const char *name, const char *verdict) {
    printf("{\"check\": \"%s\", \"verdict\": \"%s\", \"detail\": \"", name, verdict);
    for (const char *c = detail; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if ((unsigned char)*c < 0x20) printf("\\u%04x", *c);
        else putchar(*c);
    }
    printf("\"}\n");
    fflush(stdout);
}

static void run(const entry_t *entry, const place_t *place) {
    printf("{\"begin\": \"%s\"}\n", entry->name);
    fflush(stdout);
    const char *volatile verdict = "ok";
    set_detail("");
    if (entry->run == NULL) {
        verdict = "n/a";
        set_detail(entry->reason);
    } else if (setjmp(check_end) == 0) {
        entry->run(place);
    } else {
        verdict = "fail";
    }
    for (; session_count > 0; session_count--) {
        close_session(sessions[session_count - 1]);
        free(sessions[session_count - 1]);
    }
    for (; events_count > 0; events_count--) free(events_used[events_count - 1]);
    print_result(entry->name, verdict);
}

static const entry_t *find(const entry_t *entries, const char *name) {
    for (const entry_t *entry = entries; entry->name != NULL; entry++) {
        if (strcmp(entry->name, name) == 0) return entry;
    }
    return NULL;
}

int main(int count, char **arguments) {
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    if (count == 5 && strcmp(arguments[1], "victim") == 0) {
        if (setjmp(check_end) == 0) return run_victim(arguments[2], arguments[3], atoi(arguments[4]));
        printf("failed: %s\n", detail);
        return 1;
    }
    for (int index = 4; index < count; index++) {
        char path[TEXT_MAX];
        snprintf(path, sizeof path, "%s-%s", arguments[3], arguments[index]);
        const place_t place = {arguments[1], arguments[2], path};
        const entry_t *entry = find(NODE_CHECKS, arguments[index]);
        if (entry == NULL) entry = find(SESSION_CHECKS, arguments[index]);
        if (entry != NULL) {
            run(entry, &place);
        } else {
            set_detail("the C program has no such check");
            print_result(arguments[index], "fail");
        }
    }
    return 0;
}
