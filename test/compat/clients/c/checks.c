/* What the C client does within one session: znodes, watches, transactions, access control. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGE = 1000000, PIPELINED = 100 };

static session_t *open_any(const place_t *place) {
    return open_session(place->hosts, 10000);
}

static session_t *open_root(const place_t *place) {
    session_t *session = open_any(place);
    create_node(session, place->path, "root", ZOO_PERSISTENT, NULL);
    return session;
}

static int create_code(session_t *session, const char *path) {
    return zoo_create(session->handle, path, "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
}

static int set_code(session_t *session, const char *path, const char *data, int version) {
    return zoo_set(session->handle, path, data, strlen(data), version);
}

static int get_code(session_t *session, const char *path) {
    char buffer[TEXT_MAX];
    int length = sizeof buffer;
    return zoo_get(session->handle, path, 0, buffer, &length, NULL);
}

static void connects(const place_t *place) {
    session_t *session = open_session(place->hosts, 4000);
    expect_number("negotiated timeout, ms", 4000, zoo_recv_timeout(session->handle));
    if (zoo_client_id(session->handle)->client_id == 0) fail("expected a session id that is not 0");
}

static void create_persistent(const place_t *place) {
    session_t *session = open_any(place);
    char path[TEXT_MAX];
    struct Stat stat;
    int code = zoo_create2(session->handle, place->path, "v", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path,
                           sizeof path, &stat);
    expect_code("create2", ZOK, code);
    expect_text("created path", place->path, path);
    expect_number("owner", 0, stat.ephemeralOwner);
    expect_number("data length", 1, stat.dataLength);
    create_node(session, at(place, "/a"), "", ZOO_PERSISTENT, NULL);
}

static void create_ephemeral(const place_t *place) {
    session_t *session = open_root(place);
    create_node(session, at(place, "/e"), "v", ZOO_EPHEMERAL, NULL);
    struct Stat stat = stat_node(session, at(place, "/e"));
    expect_number("owner", zoo_client_id(session->handle)->client_id, stat.ephemeralOwner);
}

static void sequential(const place_t *place, int mode, bool is_ephemeral) {
    session_t *session = open_root(place);
    for (int number = 0; number < 3; number++) {
        create_node(session, at(place, "/s-"), "", mode, at(place, "/s-%010d", number));
    }
    int64_t owner = is_ephemeral ? zoo_client_id(session->handle)->client_id : 0;
    expect_number("owner", owner, stat_node(session, at(place, "/s-%010d", 0)).ephemeralOwner);
}

static void create_persistent_sequential(const place_t *place) {
    sequential(place, ZOO_PERSISTENT_SEQUENTIAL, false);
}

static void create_ephemeral_sequential(const place_t *place) {
    sequential(place, ZOO_EPHEMERAL_SEQUENTIAL, true);
}

static void create_container(const place_t *place) {
    session_t *session = open_any(place);
    create_node(session, place->path, "v", ZOO_CONTAINER, NULL);
    create_node(session, at(place, "/child"), "", ZOO_PERSISTENT, NULL);
    struct Stat stat = stat_node(session, place->path);
    expect_number("owner", 0, stat.ephemeralOwner);
    expect_number("children", 1, stat.numChildren);
}

static void create_refused(const place_t *place) {
    session_t *session = open_root(place);
    create_node(session, at(place, "/e"), "", ZOO_EPHEMERAL, NULL);
    expect_code("create again", ZNODEEXISTS, create_code(session, place->path));
    expect_code("create below nothing", ZNONODE, create_code(session, at(place, "/no/child")));
    expect_code("create below an ephemeral", ZNOCHILDRENFOREPHEMERALS, create_code(session, at(place, "/e/c")));
}

static void null_data(const place_t *place) {
    session_t *session = open_any(place);
    int code = zoo_create(session->handle, place->path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    expect_code("create", ZOK, code);
    create_node(session, at(place, "/empty"), "", ZOO_PERSISTENT, NULL);
    char buffer[8];
    int length = sizeof buffer;
    expect_code("get", ZOK, zoo_get(session->handle, place->path, 0, buffer, &length, NULL));
    expect_number("length of no data", -1, length);
    length = sizeof buffer;
    expect_code("get", ZOK, zoo_get(session->handle, at(place, "/empty"), 0, buffer, &length, NULL));
    expect_number("length of empty data", 0, length);
}

static void get(const place_t *place) {
    session_t *session = open_root(place);
    create_node(session, at(place, "/c"), "", ZOO_PERSISTENT, NULL);
    expect_text("data", "root", read_node(session, place->path));
    struct Stat stat = stat_node(session, place->path);
    expect_number("version", 0, stat.version);
    expect_number("cversion", 1, stat.cversion);
    expect_number("aversion", 0, stat.aversion);
    expect_number("data length", 4, stat.dataLength);
    expect_number("children", 1, stat.numChildren);
    expect_number("mzxid = czxid", stat.czxid, stat.mzxid);
    if (stat.pzxid <= stat.czxid) fail("expected pzxid above czxid");
    if (stat.ctime <= 1577836800000LL || stat.ctime != stat.mtime) fail("expected ctime = mtime after 2020");
    expect_code("get nothing", ZNONODE, get_code(session, at(place, "/no")));
}

static void set(const place_t *place) {
    session_t *session = open_root(place);
    struct Stat stat;
    expect_code("set at 0", ZOK, zoo_set2(session->handle, place->path, "one", 3, 0, &stat));
    expect_number("version", 1, stat.version);
    expect_code("set at 0 again", ZBADVERSION, set_code(session, place->path, "two", 0));
    expect_text("data after the refused set", "one", read_node(session, place->path));
    expect_code("set at any", ZOK, zoo_set2(session->handle, place->path, "three", 5, -1, &stat));
    expect_number("version", 2, stat.version);
    if (stat.mzxid <= stat.czxid) fail("expected mzxid above czxid");
    expect_code("set nothing", ZNONODE, set_code(session, at(place, "/no"), "", -1));
}

static void delete(const place_t *place) {
    session_t *session = open_root(place);
    create_node(session, at(place, "/c"), "", ZOO_PERSISTENT, NULL);
    expect_code("delete with a child", ZNOTEMPTY, zoo_delete(session->handle, place->path, -1));
    expect_code("delete at 7", ZBADVERSION, zoo_delete(session->handle, at(place, "/c"), 7));
    expect_code("delete at 0", ZOK, zoo_delete(session->handle, at(place, "/c"), 0));
    expect_code("delete again", ZNONODE, zoo_delete(session->handle, at(place, "/c"), -1));
    expect_code("delete", ZOK, zoo_delete(session->handle, place->path, -1));
    expect_code("exists afterwards", ZNONODE, zoo_exists(session->handle, place->path, 0, NULL));
}

static void exists(const place_t *place) {
    session_t *session = open_any(place);
    expect_code("absent", ZNONODE, zoo_exists(session->handle, place->path, 0, NULL));
    create_node(session, place->path, "root", ZOO_PERSISTENT, NULL);
    expect_number("version", 0, stat_node(session, place->path).version);
}

static int by_name(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void children(const place_t *place) {
    session_t *session = open_root(place);
    for (const char *name = "bac"; *name != '\0'; name++) {
        create_node(session, at(place, "/%c", *name), "", ZOO_PERSISTENT, NULL);
    }
    expect_code("delete", ZOK, zoo_delete(session->handle, at(place, "/b"), -1));
    struct String_vector names;
    struct Stat stat;
    expect_code("children", ZOK, zoo_get_children2(session->handle, place->path, 0, &names, &stat));
    expect_number("names", 2, names.count);
    qsort(names.data, names.count, sizeof *names.data, by_name);
    expect_text("first", "a", names.data[0]);
    expect_text("second", "c", names.data[1]);
    expect_number("numChildren", 2, stat.numChildren);
    expect_number("cversion", 4, stat.cversion);
    deallocate_String_vector(&names);
    expect_code("of a leaf", ZOK, zoo_get_children(session->handle, at(place, "/a"), 0, &names));
    expect_number("names of a leaf", 0, names.count);
    deallocate_String_vector(&names);
    expect_code("of nothing", ZNONODE, zoo_get_children(session->handle, at(place, "/no"), 0, &names));
}

static void sync_reads(const place_t *place) {
    char first[TEXT_MAX];
    snprintf(first, sizeof first, "%s", place->hosts);
    char *second = strchr(first, ',');
    if (second == NULL) fail("expected several hosts, saw %s", first);
    *second++ = '\0';
    char *rest = strchr(second, ',');
    if (rest != NULL) *rest = '\0';
    session_t *writer = open_session(first, 10000);
    session_t *reader = open_session(second, 10000);
    create_node(writer, place->path, "root", ZOO_PERSISTENT, NULL);
    for (int count = 0; count < 20; count++) {
        char value[16];
        snprintf(value, sizeof value, "%d", count);
        expect_code("set", ZOK, set_code(writer, place->path, value, -1));
        sync_node(reader, place->path);
        expect_text("value read after sync", value, read_node(reader, place->path));
    }
}

static session_t *open_watcher(const place_t *place) {
    session_t *watcher = open_any(place);
    sync_node(watcher, place->path);
    return watcher;
}

static void watch_get(session_t *watcher, const char *path, events_t *events) {
    char buffer[TEXT_MAX];
    int length = sizeof buffer;
    expect_code("get", ZOK, zoo_wget(watcher->handle, path, on_event, events, buffer, &length, NULL));
}

static void watch_data(const place_t *place) {
    session_t *writer = open_root(place);
    session_t *watcher = open_watcher(place);
    events_t *events = new_events();
    watch_get(watcher, place->path, events);
    expect_code("set", ZOK, set_code(writer, place->path, "one", -1));
    expect_code("set", ZOK, set_code(writer, place->path, "two", -1));
    expect_event(events, "changed", place->path);
    expect_fence(place, writer, watcher);
    expect_number("events of two sets", 1, event_count(events));
    watch_get(watcher, place->path, events);
    expect_code("delete", ZOK, zoo_delete(writer->handle, place->path, -1));
    expect_event(events, "deleted", place->path);
}

static void watch_exist(const place_t *place) {
    session_t *writer = open_root(place);
    session_t *watcher = open_watcher(place);
    events_t *events = new_events();
    const char *path = at(place, "/later");
    expect_code("before", ZNONODE, zoo_wexists(watcher->handle, path, on_event, events, NULL));
    create_node(writer, path, "", ZOO_PERSISTENT, NULL);
    expect_code("set", ZOK, set_code(writer, path, "x", -1));
    expect_event(events, "created", path);
    expect_fence(place, writer, watcher);
    expect_number("events", 1, event_count(events));
}

static void watch_child(const place_t *place) {
    session_t *writer = open_root(place);
    session_t *watcher = open_watcher(place);
    events_t *events = new_events();
    struct String_vector names;
    int code = zoo_wget_children(watcher->handle, place->path, on_event, events, &names);
    expect_code("children", ZOK, code);
    expect_number("children before", 0, names.count);
    deallocate_String_vector(&names);
    expect_code("set", ZOK, set_code(writer, place->path, "not a child", -1));
    create_node(writer, at(place, "/a"), "", ZOO_PERSISTENT, NULL);
    create_node(writer, at(place, "/b"), "", ZOO_PERSISTENT, NULL);
    expect_event(events, "child", place->path);
    expect_fence(place, writer, watcher);
    expect_number("events of two creates", 1, event_count(events));
}

static void remove_watch(const place_t *place) {
    session_t *writer = open_root(place);
    session_t *watcher = open_watcher(place);
    events_t *events = new_events();
    watch_get(watcher, place->path, events);
    int code = zoo_remove_watches(watcher->handle, place->path, ZWATCHTYPE_DATA, on_event, events, 0);
    expect_code("remove", ZOK, code);
    int told = event_count(events);
    expect_code("set", ZOK, set_code(writer, place->path, "x", -1));
    expect_fence(place, writer, watcher);
    expect_number("events after the removal", told, event_count(events));
}

static void multi_success(const place_t *place) {
    session_t *session = open_root(place);
    create_node(session, at(place, "/old"), "", ZOO_PERSISTENT, NULL);
    zoo_op_t ops[5];
    zoo_op_result_t results[5];
    char first[TEXT_MAX];
    char second[TEXT_MAX];
    struct Stat stat;
    zoo_check_op_init(&ops[0], place->path, 0);
    zoo_create_op_init(&ops[1], at(place, "/new"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, first, sizeof first);
    zoo_create_op_init(&ops[2], at(place, "/s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL_SEQUENTIAL, second,
                       sizeof second);
    zoo_set_op_init(&ops[3], at(place, "/new"), "2", 1, 0, &stat);
    zoo_delete_op_init(&ops[4], at(place, "/old"), -1);
    expect_code("multi", ZOK, zoo_multi(session->handle, 5, ops, results));
    for (int index = 0; index < 5; index++) expect_code("operation", ZOK, results[index].err);
    expect_text("created", at(place, "/new"), first);
    expect_text("created", at(place, "/s-%010d", 2), second);
    expect_number("version in the result of set", 1, stat.version);
    expect_number("one zxid for all", stat.czxid, stat.mzxid);
    expect_text("data", "2", read_node(session, at(place, "/new")));
    expect_code("old", ZNONODE, zoo_exists(session->handle, at(place, "/old"), 0, NULL));
}

static void multi_failure(const place_t *place) {
    session_t *session = open_root(place);
    zoo_op_t ops[3];
    zoo_op_result_t results[3];
    zoo_create_op_init(&ops[0], at(place, "/new"), "1", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    zoo_check_op_init(&ops[1], place->path, 7);
    zoo_create_op_init(&ops[2], at(place, "/other"), "2", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    expect_code("multi", ZBADVERSION, zoo_multi(session->handle, 3, ops, results));
    expect_code("before the failing one", ZOK, results[0].err);
    expect_code("the failing one", ZBADVERSION, results[1].err);
    expect_code("after it", ZRUNTIMEINCONSISTENCY, results[2].err);
    expect_number("children", 0, stat_node(session, place->path).numChildren);
}

static void create_with(session_t *session, const char *path, int permissions, const char *scheme, const char *id) {
    struct ACL entry = {permissions, {(char *)scheme, (char *)id}};
    struct ACL_vector acl = {1, &entry};
    expect_code(path, ZOK, zoo_create(session->handle, path, "v", 1, &acl, ZOO_PERSISTENT, NULL, 0));
}

static void acl_world(const place_t *place) {
    session_t *session = open_root(place);
    const char *path = at(place, "/ro");
    create_with(session, path, ZOO_PERM_READ, "world", "anyone");
    expect_text("data", "v", read_node(session, path));
    expect_code("set", ZNOAUTH, set_code(session, path, "w", -1));
    expect_code("create below", ZNOAUTH, create_code(session, at(place, "/ro/c")));
    expect_code("set the ACL", ZNOAUTH, zoo_set_acl(session->handle, path, -1, &ZOO_OPEN_ACL_UNSAFE));
    struct ACL_vector acl;
    struct Stat stat;
    expect_code("get the ACL", ZOK, zoo_get_acl(session->handle, path, &acl, &stat));
    expect_number("entries", 1, acl.count);
    expect_number("permissions", ZOO_PERM_READ, acl.data[0].perms);
    expect_text("scheme", "world", acl.data[0].id.scheme);
    deallocate_ACL_vector(&acl);
}

static void on_authenticated(int code, const void *data) {
    *(volatile int *)data = code;
}

static void authenticate(session_t *session, const char *credential) {
    static volatile int code;
    code = 1;
    int asked = zoo_add_auth(session->handle, "digest", credential, strlen(credential), on_authenticated,
                             (const void *)&code);
    expect_code("zoo_add_auth", ZOK, asked);
    UNTIL("authentication answers", code != 1);
    expect_code("authentication", ZOK, code);
}

static void acl_digest(const place_t *place) {
    session_t *owner = open_root(place);
    const char *path = at(place, "/mine");
    authenticate(owner, "user:secret");
    create_with(owner, path, ZOO_PERM_ALL, "auth", "");
    struct ACL_vector acl;
    struct Stat stat;
    expect_code("get the ACL", ZOK, zoo_get_acl(owner->handle, path, &acl, &stat));
    expect_number("entries", 1, acl.count);
    expect_text("scheme", "digest", acl.data[0].id.scheme);
    session_t *other = open_watcher(place);
    expect_code("get of a stranger", ZNOAUTH, get_code(other, path));
    authenticate(other, "user:wrong");
    expect_code("get with a wrong password", ZNOAUTH, get_code(other, path));
    authenticate(other, "user:secret");
    expect_text("data with the right one", "v", read_node(other, path));
    acl.data[0].perms = ZOO_PERM_READ;
    expect_code("set the ACL", ZOK, zoo_set_acl(other->handle, path, 0, &acl));
    deallocate_ACL_vector(&acl);
    expect_code("set after", ZNOAUTH, set_code(owner, path, "w", -1));
}

static void acl_ip(const place_t *place) {
    session_t *session = open_root(place);
    create_with(session, at(place, "/own"), ZOO_PERM_ALL, "ip", "127.0.0.1");
    create_with(session, at(place, "/other"), ZOO_PERM_ALL, "ip", "10.9.8.7");
    expect_text("data", "v", read_node(session, at(place, "/own")));
    expect_code("get", ZNOAUTH, get_code(session, at(place, "/other")));
}

static void config(const place_t *place) {
    char text[4096];
    int length = sizeof text - 1;
    session_t *session = open_any(place);
    expect_code("getconfig", ZOK, zoo_getconfig(session->handle, 0, text, &length, NULL));
    text[length < 0 ? 0 : length] = '\0';
    set_detail(text);
}

static void large_value(const place_t *place) {
    static char written[LARGE];
    static char seen[LARGE];
    session_t *session = open_any(place);
    for (int index = 0; index < LARGE; index++) written[index] = (char)(index * 7 % 251);
    int code = zoo_create(session->handle, place->path, written, LARGE, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0);
    expect_code("create", ZOK, code);
    int length = LARGE;
    expect_code("get", ZOK, zoo_get(session->handle, place->path, 0, seen, &length, NULL));
    expect_number("length", LARGE, length);
    if (memcmp(written, seen, LARGE) != 0) fail("the bytes read are not those written");
    written[LARGE - 1]++;
    expect_code("set", ZOK, zoo_set(session->handle, place->path, written, LARGE, 0));
    session_t *other = open_watcher(place);
    expect_code("get", ZOK, zoo_get(other->handle, place->path, 0, seen, &length, NULL));
    if (memcmp(written, seen, LARGE) != 0) fail("another client does not read the second value");
}

/* Written by the library's completion thread; read by the check once all are there. */
static char answers[3 * PIPELINED][TEXT_MAX];
static volatile int answer_count;

static void note(const char *what, int code, const char *value) {
    if (answer_count == 3 * PIPELINED) return;
    snprintf(answers[answer_count], TEXT_MAX, "%s %d %s", what, code, value);
    answer_count++;
}

static void on_set(int code, const struct Stat *stat, const void *data) {
    (void)data;
    char version[16];
    snprintf(version, sizeof version, "%d", stat == NULL ? -1 : stat->version);
    note("set", code, version);
}

static void on_get(int code, const char *value, int length, const struct Stat *stat, const void *data) {
    (void)stat;
    (void)data;
    char text[16];
    snprintf(text, sizeof text, "%.*s", length < 0 ? 0 : length, value == NULL ? "" : value);
    note("get", code, text);
}

static void on_created(int code, const char *value, const void *data) {
    (void)data;
    note("create", code, value == NULL ? "" : value);
}

static void pipeline(const place_t *place) {
    session_t *session = open_root(place);
    zhandle_t *handle = session->handle;
    char expected[TEXT_MAX];
    answer_count = 0;
    for (int count = 0; count < PIPELINED; count++) {
        int length = snprintf(expected, sizeof expected, "%d", count);
        expect_code("aset", ZOK, zoo_aset(handle, place->path, expected, length, -1, on_set, NULL));
        expect_code("aget", ZOK, zoo_aget(handle, place->path, 0, on_get, NULL));
        int code = zoo_acreate(handle, at(place, "/s-"), "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_SEQUENTIAL,
                               on_created, NULL);
        expect_code("acreate", ZOK, code);
    }
    UNTIL("300 answers", answer_count == 3 * PIPELINED);
    for (int count = 0; count < PIPELINED; count++) {
        snprintf(expected, sizeof expected, "set 0 %d", count + 1);
        expect_text("answer", expected, answers[3 * count]);
        snprintf(expected, sizeof expected, "get 0 %d", count);
        expect_text("answer", expected, answers[3 * count + 1]);
        snprintf(expected, sizeof expected, "create 0 %s", at(place, "/s-%010d", count));
        expect_text("answer", expected, answers[3 * count + 2]);
    }
}

const entry_t NODE_CHECKS[] = {
    {"connect", connects, NULL},
    {"create-persistent", create_persistent, NULL},
    {"create-ephemeral", create_ephemeral, NULL},
    {"create-persistent-sequential", create_persistent_sequential, NULL},
    {"create-ephemeral-sequential", create_ephemeral_sequential, NULL},
    {"create-container", create_container, NULL},
    {"create-refused", create_refused, NULL},
    {"null-data", null_data, NULL},
    {"get", get, NULL},
    {"set", set, NULL},
    {"delete", delete, NULL},
    {"exists", exists, NULL},
    {"children", children, NULL},
    {"sync", sync_reads, NULL},
    {"watch-data", watch_data, NULL},
    {"watch-exist", watch_exist, NULL},
    {"watch-child", watch_child, NULL},
    {"watch-recursive", NULL, "the C client 3.8 has no call for persistent watches (addWatch)"},
    {"remove-watch", remove_watch, NULL},
    {"multi-success", multi_success, NULL},
    {"multi-failure", multi_failure, NULL},
    {"acl-world", acl_world, NULL},
    {"acl-digest", acl_digest, NULL},
    {"acl-ip", acl_ip, NULL},
    {"config", config, NULL},
    {"large-value", large_value, NULL},
    {"pipeline", pipeline, NULL},
    {NULL, NULL, NULL},
};
