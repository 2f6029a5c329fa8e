#define _GNU_SOURCE
/* Children that convert, crash, hang, lie and use too much. This program is its own child: the
 * name of the copies tells it how to behave. */
#include "confine/message.h"
#include "confine/nursery.h"
#include "dashspool/sandbox.h"
#include "support/footage.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

static int lie(const struct message_request *q)
{
    static struct convert_result r;
    struct err err;
    r.n_outputs = 1;
    r.output[0].kind = CONVERT_WORKING;
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

static int misbehave(pid_t parent)
{
    static struct message_request q;
    struct err err;
    static const struct {
        const char *stem;
        int signum;
    } ends[] = {{"segv", SIGSEGV}, {"abort", SIGABRT}, {"kill", SIGKILL}, {"term", SIGTERM}};
    if (message_read_request(STDIN_FILENO, &q, &err) < 0 || lseek(STDIN_FILENO, 0, SEEK_SET) < 0)
        return 97;
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
    struct convert_facts facts = footage_facts();
    struct convert_options options = footage_options(CONVERT_WORKING | CONVERT_VIEWING);
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
          "killed by signal 11 (SIGSEGV), 50 % done; the original is untouched");
    fails("abort", none, ERR_MALFORMED, "signal 6 (SIGABRT)");
    fails("kill", none, ERR_NOMEM, "for want of memory");
    fails("term", none, ERR_AGAIN, "stopped by signal 15");
    fails("exit", none, ERR_IO, "ended with status 7 and no result");
    fails("look", none, ERR_IO, "ended with status 8");
}

static void test_a_child_that_lies_is_not_believed(void **state)
{
    (void)state;
    const struct confine_limits none = {0};
    fails("garbage", none, ERR_MALFORMED, "sent bytes that are no message");
    fails("liar", none, ERR_MALFORMED, "an output that was not asked for");
    fails("links", none, ERR_LIMIT, "symbolic links");
}

static void test_limits_end_a_conversion(void **state)
{
    (void)state;
    struct sandbox_report have;
    sandbox_probe(&have);
    fails("hang", (struct confine_limits){.wall_s = 1}, ERR_LIMIT, "ended after 1 s (timeout)");
    fails("long", (struct confine_limits){.cpu_s = 1}, ERR_LIMIT, "1 s of CPU time");
    fails("clip", (struct confine_limits){.file_bytes = 100000}, ERR_LIMIT,
          "grew beyond 100000 bytes");
    if (have.memory)
        fails("clip", (struct confine_limits){.memory_bytes = 24 << 20}, ERR_NOMEM, "");
}

static void test_the_same_copies_as_without(void **state)
{
    (void)state;
    struct convert_result confined, plain;
    struct confine_limits limits = {.memory_bytes = INT64_C(2) << 30};
    struct convert_facts facts = footage_facts();
    struct convert_options options = footage_options(CONVERT_WORKING | CONVERT_VIEWING);
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
    struct convert_facts facts = footage_facts();
    struct convert_options options = footage_options(CONVERT_WORKING);
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

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], CONFINE_COMMAND) == 0)
        return nursery_run(child);
    const struct CMUnitTest tests[] = {
#define STAGE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        STAGE(test_a_child_that_dies_is_told_by_how), STAGE(test_a_child_that_lies_is_not_believed),
        STAGE(test_limits_end_a_conversion),          STAGE(test_the_same_copies_as_without),
        STAGE(test_a_conversion_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
