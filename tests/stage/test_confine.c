#define _GNU_SOURCE
/* Children that convert, crash, hang, lie and use too much. This program is its own child: the
 * name of the copies tells it how to behave. */
#include "dashspool/sandbox.h"
#include "footage/confine/child.h"
#include "support/footage.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAR "rear-25fps-6s-silent.h265"

static char *dir;

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* ---- the child ---- */

static void leave_file(const struct message_request *q, const char *suffix)
{
    char path[4400];
    snprintf(path, sizeof path, "%s/%s.%s", q->stage_dir, q->stem, suffix);
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    if (fd < 0 || write(fd, "half", 4) != 4)
        _exit(98);
    close(fd);
}

enum { BLOCK = 100000 };

static void leave_block(const struct message_request *q, const char *suffix, bool deleted)
{
    static const char block[BLOCK];
    char path[4400];
    snprintf(path, sizeof path, "%s/%s.%s", q->stage_dir, q->stem, suffix);
    int fd = open(path, O_WRONLY | O_CREAT, 0640);
    if (fd < 0 || write(fd, block, sizeof block) != BLOCK || (deleted && unlink(path) < 0))
        _exit(98);
    if (!deleted)
        close(fd);
}

static int lie(const struct message_request *q)
{
    static struct convert_result r;
    struct err err;
    r.n_outputs = 1;
    r.output[0].kind = COPY_WORKING;
    bool link = strcmp(q->stem, "links") == 0;
    snprintf(r.output[0].path, sizeof r.output[0].path, "%s/%s.working.mp4",
             link ? q->out_dir : "/tmp", q->stem);
    if (link) {
        char path[4400];
        snprintf(path, sizeof path, "%s/%s.working.mp4", q->stage_dir, q->stem);
        if (symlink("/etc/passwd", path) < 0)
            _exit(98);
    }
    return message_send(STDOUT_FILENO, MESSAGE_RESULT, &r, sizeof r, &err) < 0;
}

/* The result of another job, or slices that cannot be. */
static int lie_about_slices(const struct message_request *q)
{
    static struct convert_result r;
    struct media_slices slices;
    struct err err;
    memset(&slices, 0, sizeof slices);
    memset(slices.sha256, strstr(q->path, "text") ? 'x' : 'a', sizeof slices.sha256 - 1);
    slices.pictures = strstr(q->path, "count") ? -1 : 1;
    if (strstr(q->path, "job"))
        return message_send(STDOUT_FILENO, MESSAGE_RESULT, &r, sizeof r, &err) < 0;
    return message_send(STDOUT_FILENO, MESSAGE_SLICES, &slices, sizeof slices, &err) < 0;
}

static int misbehave(pid_t parent)
{
    static struct message_request q;
    char suffix[16];
    struct err err;
    static const struct {
        const char *stem;
        int signum;
    } ends[] = {{"segv", SIGSEGV}, {"abort", SIGABRT}, {"kill", SIGKILL}, {"term", SIGTERM}};
    if (message_read_request(STDIN_FILENO, &q, &err) < 0 || lseek(STDIN_FILENO, 0, SEEK_SET) < 0)
        return 97;
    if (strstr(q.path, "/liar-"))
        return lie_about_slices(&q);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(q.stem, ends[i].stem) == 0) {
            double half = 0.5;
            leave_file(&q, "working.mp4");
            if (message_send(STDOUT_FILENO, MESSAGE_PROGRESS, &half, sizeof half, &err) < 0)
                return 96;
            signal(ends[i].signum, SIG_DFL);
            raise(ends[i].signum);
        }
    if (strcmp(q.stem, "hang") == 0)
        for (leave_file(&q, "working.mp4");;)
            pause();
    if (strcmp(q.stem, "many") == 0) /* no file is too long, all together are */
        for (int i = 0; i < 30; i++) {
            snprintf(suffix, sizeof suffix, "part%d", i);
            leave_block(&q, suffix, false);
        }
    if (strcmp(q.stem, "deleted") == 0)
        for (int i = 0;; i = i < 30 ? i + 1 : 30) {
            snprintf(suffix, sizeof suffix, "part%d", i);
            if (i < 30)
                leave_block(&q, suffix, true);
            else
                pause();
        }
    if (strcmp(q.stem, "spin") == 0)
        for (volatile uint64_t i = 1; i; i++)
            ;
    if (strcmp(q.stem, "exit") == 0)
        return 7;
    if (strcmp(q.stem, "garbage") == 0)
        return write(STDOUT_FILENO, &q, 4096) != 4096;
    if (strcmp(q.stem, "liar") == 0 || strcmp(q.stem, "links") == 0)
        return lie(&q);
    if (strcmp(q.stem, "look") == 0) /* what it has: stdio, nothing else, and a clean environment */
        return fcntl(3, F_GETFD) >= 0 || getenv("HOME") || strcmp(getenv("TZ"), "UTC") != 0 ? 9 : 8;
    child_convert(parent);
    return 95;
}

static void child(pid_t parent)
{
    _exit(misbehave(parent));
}

/* ---- the parent ---- */

static int convert(const char *stem, const struct confine_limits *limits, struct convert_result *r,
                   struct err *err)
{
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    if (strcmp(stem, "long") == 0)
        snprintf(options.preset, sizeof options.preset, "veryslow");
    *err = (struct err){0};
    return confine_convert(footage_sample(REAR), dir, stem, &facts, &options, limits, NULL, NULL, r,
                           err);
}

/* It fails like this, names the file once, leaves nothing; and the next conversion is fine. */
static void fails(const char *stem, struct confine_limits limits, int code, const char *says)
{
    struct convert_result r;
    struct err err;
    int rc = convert(stem, &limits, &r, &err);
    if (rc != code || !strstr(err.text, says) || !strstr(err.text, REAR ": "))
        fail_msg("%s: %s: '%s' instead of '%s'", stem, err_name(rc), err.text, says);
    if (support_entries(dir) != 0)
        fail_msg("%s leaves something", stem);
    assert_int_equal(r.n_outputs, 0);
}

static void test_a_child_that_dies_is_told_by_how(void **state)
{
    (void)state;
    const struct confine_limits none = {0};
    fails("segv", none, ERR_MALFORMED,
          "killed by signal 11 (SIGSEGV), 50 % done; the original is unchanged");
    fails("abort", none, ERR_MALFORMED, "signal 6 (SIGABRT)");
    fails("kill", none, ERR_NOMEM, "possibly out of memory");
    fails("term", none, ERR_AGAIN, "stopped by signal 15");
    fails("exit", none, ERR_IO, "exited with status 7 without a result");
    fails("look", none, ERR_IO, "exited with status 8");
}

static void test_a_child_that_lies_is_not_believed(void **state)
{
    (void)state;
    const struct confine_limits none = {0};
    fails("garbage", none, ERR_MALFORMED, "sent bytes that are not a message");
    fails("liar", none, ERR_MALFORMED, "an output that was not asked for");
    fails("links", none, ERR_LIMIT, "symbolic links");
}

static void test_limits_end_a_conversion(void **state)
{
    (void)state;
    struct sandbox_report have;
    sandbox_probe(&have);
    fails("hang", (struct confine_limits){.wall_s = 1}, ERR_LIMIT, "timed out after 1 s");
    fails("long", (struct confine_limits){.cpu_s = 1}, ERR_LIMIT, "exceeded its CPU limit of 1 s");
    fails("clip", (struct confine_limits){.file_bytes = 100000}, ERR_LIMIT,
          "exceeded its size limit of 100000 bytes");
    fails("many", (struct confine_limits){.file_bytes = 10 * BLOCK}, ERR_LIMIT,
          "exceeded their size limit of 1000000 bytes together");
    fails("deleted", (struct confine_limits){.file_bytes = 10 * BLOCK}, ERR_LIMIT, "together");
    if (have.memory)
        fails("clip", (struct confine_limits){.memory_bytes = 24 << 20}, ERR_NOMEM, "");
}

static void test_the_same_copies_as_without(void **state)
{
    (void)state;
    struct convert_result confined, plain;
    struct confine_limits limits = {.memory_bytes = INT64_C(2) << 30};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING | COPY_VIEWING);
    struct err err;
    assert_ok(convert("clip", &limits, &confined, &err));
    assert_int_equal(support_entries(dir), confined.n_outputs);
    assert_err(ERR_BUSY, convert("clip", &limits, &plain, &err));
    assert_int_equal(support_entries(dir), confined.n_outputs);
    options.overwrite = true;
    assert_ok(convert_file(footage_sample(REAR), dir, "clip", &facts, &options, NULL, NULL, &plain,
                           &err));
    assert_int_equal(plain.n_outputs, confined.n_outputs);
    assert_string_equal(plain.slices_sha256, confined.slices_sha256);
    assert_int_equal(strlen(plain.slices_sha256), 64);
    for (int i = 0; i < plain.n_outputs; i++) {
        assert_string_equal(plain.output[i].path, confined.output[i].path);
        assert_string_equal(plain.output[i].sha256, confined.output[i].sha256);
        assert_int_equal(plain.output[i].length_bytes, confined.output[i].length_bytes);
    }
}

static void test_a_conversion_can_be_stopped(void **state)
{
    (void)state;
    struct confine *c = NULL;
    struct confine_limits limits = {0};
    struct media_facts facts = footage_facts();
    struct convert_options options = footage_options(COPY_WORKING);
    struct convert_result r;
    struct err err;
    double done;
    assert_ok(
        confine_start(&c, footage_sample(REAR), dir, "hang", &facts, &options, &limits, &err));
    assert_int_equal(support_entries(dir), 1);
    assert_true(confine_step(c, &done));
    assert_err(ERR_AGAIN, confine_finish(&c, &r, &err));
    assert_null(c);
    assert_int_equal(support_entries(dir), 0);
}

/* ---- slices ---- */

static int slices(const char *path, const struct confine_limits *limits, struct media_slices *out,
                  struct err *err)
{
    struct confine *c = NULL;
    double done;
    *err = (struct err){0};
    int rc = confine_slices_start(&c, path, limits, err);
    if (rc < 0)
        return rc;
    while (confine_step(c, &done)) {
        struct pollfd p = {.fd = confine_fd(c), .events = POLLIN};
        poll(&p, 1, confine_wait_ms(c));
    }
    rc = confine_slices_finish(&c, out, err);
    assert_null(c);
    return rc;
}

static const char *in_dir(const char *name)
{
    static char path[4][700];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", dir, name);
    return p;
}

static void test_master_and_working_copy_have_the_same_slices(void **state)
{
    (void)state;
    const struct confine_limits none = {0};
    struct media_slices of_master, of_copy, of_view;
    struct convert_result r;
    struct err err;
    assert_ok(convert("clip", &none, &r, &err));
    assert_ok(slices(footage_sample(REAR), &none, &of_master, &err));
    assert_ok(slices(in_dir("clip.working.mp4"), &none, &of_copy, &err));
    assert_string_equal(of_master.sha256, r.slices_sha256);
    assert_string_equal(of_copy.sha256, r.slices_sha256);
    assert_true(of_copy.is_mp4 && !of_master.is_mp4);
    assert_int_equal(of_copy.pictures, r.pictures);
    assert_int_equal(of_master.pictures, r.pictures);
    assert_err(ERR_MALFORMED, slices(in_dir("clip.viewing-DERIVED.mp4"), &none, &of_view, &err));
    assert_non_null(strstr(err.text, "viewing-DERIVED.mp4: its pictures are h264"));
    assert_err(ERR_UNSUPPORTED, slices(footage_sample("photo-720p.jpg"), &none, &of_view, &err));
    assert_err(ERR_NOTFOUND, slices(in_dir("nothing"), &none, &of_view, &err));
    assert_int_equal(support_entries(dir), r.n_outputs); /* it wrote nothing */
}

/* A bit of a picture shows; whatever else is changed, the parent lives and hears of it. */
static void test_changed_films_do_no_harm(void **state)
{
    (void)state;
    const struct confine_limits limits = {.memory_bytes = INT64_C(1) << 30, .wall_s = 60};
    struct media_slices found;
    struct convert_result r;
    struct err err;
    uint32_t seed = 3;
    int read = 0, refused = 0;
    assert_ok(convert("clip", &limits, &r, &err));
    struct buf b = support_read(in_dir("clip.working.mp4"));
    uint8_t *bytes = b.mem + b.start;
    bytes[b.used / 2] ^= 1;
    support_write(in_dir("flipped.mp4"), bytes, b.used);
    assert_ok(slices(in_dir("flipped.mp4"), &limits, &found, &err));
    assert_string_not_equal(found.sha256, r.slices_sha256);
    bytes[b.used / 2] ^= 1;
    for (int i = 0; i < 60; i++) {
        uint8_t kept[8];
        size_t tail = 12000, at[8]; /* the index is at either end */
        for (int k = 0; k < 8; k++) {
            seed = seed * 1664525u + 1013904223u;
            size_t from = i % 2 ? 8 : b.used - tail;
            at[k] = from + (seed >> 8) % (tail - 8);
            kept[k] = bytes[at[k]];
            bytes[at[k]] = (uint8_t)(seed >> 20);
        }
        support_write(in_dir("broken.mp4"), bytes, b.used);
        if (slices(in_dir("broken.mp4"), &limits, &found, &err) == ERR_OK)
            read++;
        else
            refused += strstr(err.text, "broken.mp4: ") != NULL;
        for (int k = 7; k >= 0; k--)
            bytes[at[k]] = kept[k];
    }
    buf_clear(&b);
    assert_int_equal(read + refused, 60);
    assert_true(refused > 0);
}

static void test_slices_that_cannot_be_are_not_believed(void **state)
{
    (void)state;
    const struct confine_limits none = {0};
    static const char *const lies[] = {"liar-job", "liar-text", "liar-count"};
    struct media_slices found;
    struct err err;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        support_write(in_dir(lies[i]), "x", 1);
        assert_err(ERR_MALFORMED, slices(in_dir(lies[i]), &none, &found, &err));
        assert_non_null(strstr(err.text, i == 0 ? "the result of another job" : "impossible"));
        assert_string_equal(found.sha256, "");
    }
    support_write(in_dir("text"), "no film\n", 8);
    assert_err(ERR_MALFORMED, slices(in_dir("text"), &none, &found, &err));
    support_write(in_dir("film"),
                  "\0\0\0\x18"
                  "ftypisomabcdefghijklmnop",
                  28);
    assert_err(ERR_MALFORMED, slices(in_dir("film"), &none, &found, &err));
}

/* Whatever a caller that was taken over asks its children to read: not more than was said before.
 */
static void test_children_read_only_what_the_guard_let_them(void **state)
{
    (void)state;
    struct sandbox_report have;
    sandbox_probe(&have);
    if (have.landlock_abi == 0 || !have.seccomp)
        skip();
    char named[600], other[600];
    snprintf(named, sizeof named, "%s", in_dir("named.h265"));
    snprintf(other, sizeof other, "%s", in_dir("other.h265"));
    struct buf film = support_read(footage_sample(REAR));
    support_write(named, buf_data(&film), film.used);
    support_write(other, buf_data(&film), film.used);
    buf_clear(&film);
    assert_int_equal(mkdir(in_dir("out"), 0700), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *const nothing[] = {NULL}, *const children[] = {named, "", NULL},
                          *const out[] = {in_dir("out"), NULL};
        const struct confine_limits none = {0};
        struct media_slices found;
        struct err err;
        if (confine_guard("test", nothing, children, out, &have, &err) < 0)
            _exit(1);
        if (slices(named, &none, &found, &err) < 0)
            _exit(2);
        _exit(slices(other, &none, &found, &err) != ERR_OK && strstr(err.text, "denied") ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return forkserver_run(child);
    const struct CMUnitTest tests[] = {
#define STAGE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        STAGE(test_a_child_that_dies_is_told_by_how),
        STAGE(test_a_child_that_lies_is_not_believed),
        STAGE(test_limits_end_a_conversion),
        STAGE(test_the_same_copies_as_without),
        STAGE(test_a_conversion_can_be_stopped),
        STAGE(test_master_and_working_copy_have_the_same_slices),
        STAGE(test_changed_films_do_no_harm),
        STAGE(test_slices_that_cannot_be_are_not_believed),
        STAGE(test_children_read_only_what_the_guard_let_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
