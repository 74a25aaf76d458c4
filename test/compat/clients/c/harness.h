/* What every check of the C client uses: its clients, its expectations, and the line that says how it ended. */
#ifndef COMPAT_HARNESS_H
#define COMPAT_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

enum { WAIT_MS = 20000, TEXT_MAX = 512, EVENTS_MAX = 32, STATES_MAX = 64 };

/* Where a check works. */
typedef struct {
    const char *hosts;
    const char *proxy;
    const char *path;
} place_t;

/* The unmodified client, with the session states it told, in order. */
typedef struct {
    zhandle_t *handle;
    int states[STATES_MAX];
    volatile int state_count;
} session_t;

/* A watcher's context: the events it was told, as "type path". */
typedef struct {
    pthread_mutex_t mutex;
    char seen[EVENTS_MAX][TEXT_MAX];
    int count;
    int taken;
} events_t;

typedef void (*check_t)(const place_t *place);

/* A check by its id; the table ends with a null name. A reason instead of a function makes it n/a. */
typedef struct {
    const char *name;
    check_t run;
    const char *reason;
} entry_t;

extern const entry_t NODE_CHECKS[];
extern const entry_t SESSION_CHECKS[];

/* Ends the check as failed. Only for the main thread. */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* What the line's detail shall say of a check that went well. */
void set_detail(const char *text);
void expect_number(const char *what, long long expected, long long seen);
void expect_text(const char *what, const char *expected, const char *seen);
/* Compares codes of the library and shows them by name. */
void expect_code(const char *what, int expected, int seen);
/* place->path followed by the text; valid for the next 32 calls. */
const char *at(const place_t *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
long long now_ms(void);

/* Asks again until the condition holds. */
#define UNTIL(what, condition)                                                     \
    do {                                                                           \
        long long deadline = now_ms() + WAIT_MS;                                   \
        while (!(condition)) {                                                     \
            if (now_ms() > deadline) fail("not within %d ms: %s", WAIT_MS, what);  \
            usleep(20000);                                                         \
        }                                                                          \
    } while (0)

/* A client that is closed after the check; open_session waits until it is connected. */
session_t *claim_session(const char *hosts, int timeout_ms, const clientid_t *id);
session_t *open_session(const char *hosts, int timeout_ms);
void close_session(session_t *session);
bool has_state(const session_t *session, int from, int state);

void create_node(session_t *session, const char *path, const char *data, int mode, const char *created);
/* The data as text, in a buffer that the next call overwrites. */
const char *read_node(session_t *session, const char *path);
struct Stat stat_node(session_t *session, const char *path);
/* Has this client's replica deliver all that was committed before. */
void sync_node(session_t *session, const char *path);

/* Events live until the end of the check. */
events_t *new_events(void);
void on_event(zhandle_t *handle, int type, int state, const char *path, void *context);
void expect_event(events_t *events, const char *type, const char *path);
int event_count(events_t *events);
/* Events come in the order of the writes: once this one is there, all earlier ones are. */
void expect_fence(const place_t *place, session_t *writer, session_t *watcher);

/* Has the proxy cut its connections and lead to another replica. */
void move_proxy(void);
/* The other process of hand-over and expiry. */
int run_victim(const char *hosts, const char *path, int timeout_ms);

#endif
