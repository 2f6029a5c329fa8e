/* The log: what a line is, whatever is in it. */
#include "dashspool/log.h"
#include "support/support.h"
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE_MOST = 4096 };

struct log_file {
    char *dir;
    char path[300];
    int fd, kept;
};

/* What is on stderr from here on goes to a file. */
static void begin(struct log_file *f)
{
    f->dir = support_tmp_dir();
    snprintf(f->path, sizeof f->path, "%s/log", f->dir);
    f->kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    f->fd = open(f->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(f->kept >= 0 && f->fd >= 0);
    assert_true(dup2(f->fd, STDERR_FILENO) >= 0);
}

/* The bytes that were said since; buf_clear() them. With a NUL behind. */
static struct buf end(struct log_file *f)
{
    struct err err;
    assert_true(dup2(f->kept, STDERR_FILENO) >= 0);
    close(f->kept);
    close(f->fd);
    struct buf b = support_read(f->path);
    assert_ok(buf_append(&b, "", 1, &err));
    b.used--;
    support_tmp_remove(&f->dir);
    log_setup(LOG_LEVEL_INFO, false);
    return b;
}

static const char *text_of(const struct buf *b)
{
    return (const char *)buf_data(b);
}

/* One line with these fields, without its time and its pid. */
static char *one_line(bool json, const struct log_field *fields)
{
    struct log_file f;
    char tail[40];
    begin(&f);
    log_setup(LOG_LEVEL_INFO, json);
    log_event(LOG_LEVEL_INFO, "test", "words", fields);
    struct buf b = end(&f);
    const char *text = text_of(&b), *from = strstr(text, json ? "\"level\"" : "level=");
    int n = snprintf(tail, sizeof tail, json ? ",\"pid\":%d}\n" : " pid=%d\n", (int)getpid());
    assert_non_null(from);
    assert_int_equal(strlen(text), b.used);
    assert_true(b.used <= LINE_MOST && b.used > (size_t)n);
    assert_string_equal(text + b.used - n, tail);
    assert_ptr_equal(strchr(text, '\n'), text + b.used - 1);
    char *line = strndup(from, b.used - (size_t)n - (size_t)(from - text));
    buf_clear(&b);
    return line;
}

#define line_is(expected, json, ...)                           \
    do {                                                       \
        char *line_ = one_line(json, LOG_FIELDS(__VA_ARGS__)); \
        assert_string_equal(line_, expected);                  \
        free(line_);                                           \
    } while (0)

#define HEAD      "level=info stage=test msg=\"words\" "
#define HEAD_JSON "\"level\":\"info\",\"stage\":\"test\",\"msg\":\"words\","

static void test_fields_of_every_type(void **state)
{
    struct err err;
    (void)state;
    err_set(&err, ERR_IO, "no \"room\"");
    line_is(HEAD "id=a-b bytes=-5 yes=true no=false", false, LOG_TEXT("id", "a-b"),
            LOG_INT("bytes", -5), LOG_BOOL("yes", true), LOG_BOOL("no", false));
    line_is(HEAD_JSON "\"id\":\"a-b\",\"bytes\":-5,\"yes\":true,\"no\":false", true,
            LOG_TEXT("id", "a-b"), LOG_INT("bytes", -5), LOG_BOOL("yes", true),
            LOG_BOOL("no", false));
    line_is(HEAD "reason=\"no \\\"room\\\"\" error=io", false, LOG_ERR(&err));
    line_is(HEAD "least=-9223372036854775808 most=9223372036854775807", false,
            LOG_INT("least", INT64_MIN), LOG_INT("most", INT64_MAX));
    line_is(HEAD "a=0.08 b=12 c=-0.5 d=0 e=0.001 f=100", false, LOG_SECONDS("a", 0.0801),
            LOG_SECONDS("b", 11.9999), LOG_SECONDS("c", -0.5), LOG_SECONDS("d", 0.0004),
            LOG_SECONDS("e", 0.0005), LOG_SECONDS("f", 100));
    line_is(HEAD "a=1", false, LOG_TEXT("none", NULL), LOG_TEXT("empty", ""), LOG_INT("a", 1),
            LOG_INT_IF(false, "b", 2), LOG_SECONDS("nan", strtod("nan", NULL)),
            LOG_SECONDS("inf", strtod("-inf", NULL)));
}

static void test_values_are_quoted_where_logfmt_needs_it(void **state)
{
    static const char *const bare[] = {"a",         "10.0.0.1:7160", "[::1]:1",
                                       "/a/b.h265", "{x}",           "a,b'c"};
    static const char *const quoted[][2] = {{"a b", "a b"},
                                            {"a=b", "a=b"},
                                            {"\"", "\\\""},
                                            {"\\", "\\\\"},
                                            {"é", "é"},
                                            {"a\nlevel=error", "a\\nlevel=error"},
                                            {"\xe2\x80\xae", "\\u202e"},
                                            {"\xf0\x9f\x9a\x97", "\xf0\x9f\x9a\x97"}};
    char expected[200];
    (void)state;
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++) {
        snprintf(expected, sizeof expected, HEAD "k=%s", bare[i]);
        line_is(expected, false, LOG_TEXT("k", bare[i]));
    }
    for (size_t i = 0; i < sizeof quoted / sizeof *quoted; i++) {
        snprintf(expected, sizeof expected, HEAD "k=\"%s\"", quoted[i][1]);
        line_is(expected, false, LOG_TEXT("k", quoted[i][0]));
    }
}

/* The text of field k, as a reader of JSON has it. */
static json_t *read_json(const char *line)
{
    char whole[LINE_MOST + 16];
    json_error_t why;
    snprintf(whole, sizeof whole, "{%s}", line);
    json_t *root = json_loads(whole, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        fail_msg("%s: %s", why.text, whole);
    return root;
}

/* logfmt's quoted values are strings of JSON: read by it, too. NULL: k is not there. */
static char *read_value(const char *line)
{
    const char *at = strstr(line, " k=");
    if (!at)
        return NULL;
    at += 3;
    if (*at != '"')
        return strndup(at, strcspn(at, " "));
    json_t *v = json_loads(at, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
    assert_non_null(v);
    char *text = strdup(json_string_value(v));
    json_decref(v);
    return text;
}

static void is_read_as(const char *value, const char *expected)
{
    char *logfmt = one_line(false, LOG_FIELDS(LOG_TEXT("k", value), LOG_INT("after", 1)));
    char *json = one_line(true, LOG_FIELDS(LOG_TEXT("k", value), LOG_INT("after", 1)));
    json_t *root = read_json(json);
    char *text = read_value(logfmt);
    assert_string_equal(json_string_value(json_object_get(root, "k")), expected);
    assert_int_equal(json_integer_value(json_object_get(root, "after")), 1);
    assert_string_equal(text, expected);
    assert_string_equal(logfmt + strlen(logfmt) - strlen(" after=1"), " after=1");
    json_decref(root);
    free(text);
    free(logfmt);
    free(json);
}

static void test_every_byte_comes_back_or_is_told_to_be_none(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char value[] = {'a', (char)c, 'z', '\0'}, expected[8];
        snprintf(expected, sizeof expected, c < 0x80 ? "a%cz" : "a\xef\xbf\xbdz", c);
        is_read_as(value, expected);
        /* nothing but printable ASCII and UTF-8 is on the wire */
        char *line = one_line(false, LOG_FIELDS(LOG_TEXT("k", value)));
        for (const char *p = line; *p; p++)
            assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
        free(line);
    }
    is_read_as("a\0b", "a"); /* a text ends there */
}

static void test_what_is_no_utf_8(void **state)
{
    (void)state;
    is_read_as("\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x97", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x97");
    is_read_as("\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd");                 /* too long for its value */
    is_read_as("\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* likewise */
    is_read_as("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    is_read_as("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    is_read_as("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"); /* ends too early */
    is_read_as("\xf0\x9f\x9a", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    is_read_as("\xe2\x82x", "\xef\xbf\xbd\xef\xbf\xbdx");
    is_read_as("\xc2\x9b"
               "2J",
               "\xc2\x9b"
               "2J"); /* a CSI of 8 bits: escaped on the wire */
    char *line = one_line(false, LOG_FIELDS(LOG_TEXT("k", "\xc2\x9b"
                                                          "2J")));
    assert_non_null(strstr(line, "k=\"\\u009b2J\""));
    free(line);
}

/* A value of n bytes is cut at the end of a character, and still a value. */
static void is_cut(const char *unit, size_t n)
{
    char *value = calloc(n + 1, strlen(unit));
    for (size_t i = 0; i < n; i++)
        memcpy(value + i * strlen(unit), unit, strlen(unit));
    for (int json = 0; json < 2; json++) {
        char *line = one_line(json, LOG_FIELDS(LOG_TEXT("k", value), LOG_INT("after", 1)));
        char *text = NULL;
        if (json) {
            json_t *root = read_json(line);
            text = strdup(json_string_value(json_object_get(root, "k")));
            json_decref(root);
        } else {
            text = read_value(line);
        }
        size_t have = strlen(text), mark = strlen("…");
        assert_in_range(have, 100, 800);
        assert_string_equal(text + have - mark, "…");
        assert_int_equal((have - mark) % strlen(unit), 0);
        assert_memory_equal(text, value, have - mark);
        assert_null(strstr(line, "cut"));
        free(text);
        free(line);
    }
    free(value);
}

static void test_long_values_are_cut_with_a_mark(void **state)
{
    (void)state;
    is_cut("x", 801);
    is_cut("x", 5000);
    is_cut("\"", 5000);
    is_cut("\x1b", 5000);
    is_cut("é", 5000);
    is_cut("\xf0\x9f\x9a\x97", 5000);
    is_cut("\xe2\x80\xae", 5000);
    char fits[701];
    memset(fits, 'x', sizeof fits - 1);
    fits[sizeof fits - 1] = '\0';
    is_read_as(fits, fits);
}

static void test_a_full_line_says_that_fields_are_missing(void **state)
{
    char value[1000];
    (void)state;
    memset(value, '\x1b', sizeof value - 1);
    value[sizeof value - 1] = '\0';
#define MANY(k)                                                             \
    LOG_TEXT(k "a", value), LOG_TEXT(k "b", value), LOG_TEXT(k "c", value), \
        LOG_TEXT(k "d", value), LOG_TEXT(k "e", value), LOG_TEXT(k "f", value)
    char *json = one_line(true, LOG_FIELDS(MANY("x"), MANY("y"), LOG_TEXT("last", "word")));
    json_t *root = read_json(json);
    assert_true(json_is_true(json_object_get(root, "cut")));
    assert_non_null(json_object_get(root, "xd"));
    assert_null(json_object_get(root, "yf"));
    json_decref(root);
    free(json);
    char *line = one_line(false, LOG_FIELDS(MANY("x"), MANY("y")));
    assert_non_null(strstr(line, " cut=true"));
    free(line);
    /* a short one may still find room; a line of any fill is whole */
    for (size_t n = 0; n < sizeof value; n += 7) {
        value[n] = '\0';
        json = one_line(true, LOG_FIELDS(MANY("x"), LOG_TEXT("last", "word")));
        json_decref(read_json(json));
        free(json);
        value[n] = '\x1b';
    }
}

static void test_levels(void **state)
{
    struct log_file f;
    enum log_level level = LOG_LEVEL_INFO;
    (void)state;
    begin(&f);
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        log_setup((enum log_level)i, false);
        log_error("t", "one");
        log_warn("t", "two");
        log_info("t", "three");
        log_debug("t", "four", LOG_INT("a", 4));
    }
    struct buf b = end(&f);
    static const char *const words[] = {"error stage=t msg=\"one\"", "warn stage=t msg=\"two\"",
                                        "info stage=t msg=\"three\"",
                                        "debug stage=t msg=\"four\" a=4"};
    for (int i = 0; i < 4; i++) {
        int n = 0;
        for (const char *p = text_of(&b); (p = strstr(p, words[i])); p++)
            n++;
        assert_int_equal(n, 4 - i);
    }
    buf_clear(&b);
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++) {
        assert_true(log_level_parse(log_level_name((enum log_level)i), &level));
        assert_int_equal(level, i);
    }
    assert_false(log_level_parse("verbose", &level));
    assert_false(log_level_parse("", &level));
}

/* What comes out of a pipe that stderr is, with $JOURNAL_STREAM naming it, or the next inode. */
static void say_to_pipe(int beside, bool json, char out[LINE_MOST])
{
    int fd[2], kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    struct stat st;
    char stream[64];
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(fstat(fd[1], &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino + (unsigned)beside);
    assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
    assert_true(dup2(fd[1], STDERR_FILENO) >= 0);
    log_setup(LOG_LEVEL_DEBUG, json);
    bool plain = log_is_plain();
    log_error("t", "one");
    log_warn("t", "two");
    log_info("t", "three");
    log_debug("t", "four");
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(fd[1]);
    ssize_t n = read(fd[0], out, LINE_MOST - 1);
    assert_true(n > 0);
    out[n] = '\0';
    close(fd[0]);
    unsetenv("JOURNAL_STREAM");
    log_setup(LOG_LEVEL_INFO, false);
    assert_int_equal(plain, beside && !json);
}

static void test_the_journal_gets_priorities_and_no_time(void **state)
{
    char out[LINE_MOST], expected[400];
    int pid = (int)getpid();
    (void)state;
    say_to_pipe(0, false, out);
    snprintf(expected, sizeof expected,
             "<3>level=error stage=t msg=\"one\" pid=%d\n<4>level=warn stage=t msg=\"two\" pid=%d\n"
             "<6>level=info stage=t msg=\"three\" pid=%d\n"
             "<7>level=debug stage=t msg=\"four\" pid=%d\n",
             pid, pid, pid, pid);
    assert_string_equal(out, expected);
    say_to_pipe(0, true, out);
    assert_memory_equal(out, "<3>{\"time\":\"", 12);
    assert_non_null(strstr(out, "}\n<7>{\"time\":\""));
    say_to_pipe(1, false, out);
    assert_memory_equal(out, "time=20", 7);
    assert_null(strchr(out, '<'));
}

enum { THREADS = 8, LINES = 2000 };

static void *say_much(void *arg)
{
    char value[301];
    int self = *(int *)arg;
    memset(value, 'a' + self, sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < LINES; i++)
        log_info("t", "one of many", LOG_INT("thread", self), LOG_INT("line", i),
                 LOG_TEXT("value", value));
    return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
    struct log_file f;
    pthread_t thread[THREADS];
    int number[THREADS], next[THREADS] = {0};
    json_error_t why;
    (void)state;
    begin(&f);
    log_setup(LOG_LEVEL_INFO, true);
    for (int i = 0; i < THREADS; i++) {
        number[i] = i;
        assert_int_equal(pthread_create(&thread[i], NULL, say_much, &number[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    struct buf b = end(&f);
    for (const char *line = text_of(&b); *line; line = strchr(line, '\n') + 1) {
        json_t *root = json_loads(line, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &why);
        if (!root)
            fail_msg("%s: %.500s", why.text, line);
        long long t = json_integer_value(json_object_get(root, "thread"));
        assert_in_range(t, 0, THREADS - 1);
        assert_int_equal(json_integer_value(json_object_get(root, "line")), next[t]++);
        json_decref(root);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(next[i], LINES);
    buf_clear(&b);
}

/* The first n lines that a peer asks for, or fewer. */
static int lines_of(const char *peer, int n)
{
    int may = 0;
    for (int i = 0; i < n; i++)
        may += log_may(LOG_LEVEL_INFO, peer);
    return may;
}

static void test_no_peer_and_not_all_of_them_can_fill_a_log(void **state)
{
    enum { MANY = 100000 };
    struct log_file f;
    char peer[32];
    int all = 0, n;
    (void)state;
    log_setup(LOG_LEVEL_INFO, false);
    for (int i = 0; i < MANY; i++)
        assert_false(log_may(LOG_LEVEL_DEBUG, "10.0.0.1:1")); /* nobody asked: not counted */
    n = lines_of("10.0.0.1:1", MANY);
    if (n < 4000 || n > MANY / 2)
        fail_msg("%d lines of one peer", n);
    assert_true(lines_of("10.0.0.1:2", MANY) < 1000); /* another port is no other peer */
    assert_true(lines_of("[2001:db8::1]:1", 100) == 100);
    for (int i = 0; i < 200; i++) {
        snprintf(peer, sizeof peer, "10.1.0.%d:1", i);
        all += lines_of(peer, 1000);
    }
    if (all < 10000 || all > 60000)
        fail_msg("%d lines of all peers", all);
    begin(&f);
    log_left_out("test");
    log_left_out("test");
    struct buf b = end(&f);
    assert_has(text_of(&b), "level=warn stage=test msg=\"log lines left out\" lines=");
    assert_has(text_of(&b), " peer=10.1.0.199:1 ");
    assert_ptr_equal(strchr(text_of(&b), '\n'), text_of(&b) + b.used - 1); /* once */
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_of_every_type),
        cmocka_unit_test(test_values_are_quoted_where_logfmt_needs_it),
        cmocka_unit_test(test_every_byte_comes_back_or_is_told_to_be_none),
        cmocka_unit_test(test_what_is_no_utf_8),
        cmocka_unit_test(test_long_values_are_cut_with_a_mark),
        cmocka_unit_test(test_a_full_line_says_that_fields_are_missing),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_the_journal_gets_priorities_and_no_time),
        cmocka_unit_test(test_lines_of_threads_do_not_mix),
        cmocka_unit_test(test_no_peer_and_not_all_of_them_can_fill_a_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
