/* objects: a store that lies, stalls, floods or cuts off harms nobody, and is not asked for ever.
 * What no real store can be brought to say is said by a server that has a script. */
#include "dashspool/cfg.h"
#include "dashspool/clock.h"
#include "dashspool/objects.h"
#include "support/scripted.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define OK         "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define PART       "HTTP/1.1 206 Partial Content\r\nConnection: close\r\n"
#define EMPTY      "Content-Length: 0\r\n\r\n"
#define NOTHING    OK EMPTY
#define ERROR(status, code)                                                                     \
    "HTTP/1.1 " status "\r\nConnection: close\r\n\r\n<?xml version=\"1.0\"?><Error><Code>" code \
    "</Code><Message>so\u202e it\x07 is</Message></Error>"
#define SAYS(says)   \
    {                \
        .text = says \
    }
#define N(a) (sizeof(a) / sizeof *(a))

static char *dir;
static struct site *site;
static struct objects *store;
static struct scripted server;
static int64_t begun_us;

static void open_site(const char *endpoint, const char *more)
{
    struct cfg *cfg = NULL;
    struct err err;
    char text[1000];
    snprintf(text, sizeof text,
             "[site]\ndatabase = host=nowhere\nobjects = s3://bucket/p\nendpoint = %s\n%s",
             endpoint, more);
    support_write(support_path(dir, "05-site.conf"), text, strlen(text));
    assert_ok(cfg_load(&cfg, dir, &site_cfg_section, 1, &err));
    assert_ok(site_load(&site, cfg, &err));
    cfg_free(&cfg);
    assert_ok(objects_open(&store, site, &err));
    objects_patience(store, 3000);
}

/* The store is this script from now on. */
static void script(const struct scripted_answer *answers, size_t n)
{
    char endpoint[60];
    scripted_begin(&server, answers, n);
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server.port);
    open_site(endpoint, "");
    begun_us = clock_mono_us();
}

static void end_script(void)
{
    objects_close(&store);
    site_free(&site);
    scripted_end(&server);
}

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    setenv("AWS_ACCESS_KEY_ID", "ID", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    unsetenv("AWS_SESSION_TOKEN");
    unsetenv("http_proxy");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const struct objects_put abc = {
    .key = "masters/x", .fd = -1, .data = "abc", .n = 3, .sha256 = ABC_SHA256};

static char taken[1000];
static int take(void *arg, const void *data, size_t n, struct err *err)
{
    (void)arg;
    size_t used = strlen(taken);
    if (used + n >= sizeof taken)
        return err_set(err, ERR_LIMIT, "more than was to come");
    memcpy(taken + used, data, n);
    taken[used + n] = '\0';
    return ERR_OK;
}

static int get(int64_t from, int64_t n, struct err *err)
{
    taken[0] = '\0';
    return objects_get(store, "masters/x", from, n, take, NULL, err);
}

/* A request was not repeated, and nobody waited for long. */
static void assert_once(void)
{
    assert_int_equal(1, atomic_load(&server.n));
}

static void test_a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct err err;
    struct scripted other;
    char text[300];
    const struct scripted_answer nothing[] = {SAYS(NOTHING)};
    static const char *const statuses[] = {"301 Moved", "302 Found", "307 Temporary", "308 X"};
    scripted_begin(&other, nothing, 1);
    for (size_t i = 0; i < N(statuses); i++) {
        snprintf(text, sizeof text,
                 "HTTP/1.1 %s\r\nConnection: close\r\nLocation: http://127.0.0.1:%d/bucket/p/x\r\n"
                 "Content-Length: 0\r\n\r\n",
                 statuses[i], other.port);
        const struct scripted_answer answers[] = {SAYS(text)};
        script(answers, 1);
        assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
        assert_has(err.text, "elsewhere");
        assert_err(ERR_CONFIG, get(0, -1, &err));
        assert_int_equal(2, atomic_load(&server.n));
        end_script();
    }
    assert_int_equal(0, atomic_load(&other.n));
    scripted_end(&other);
}

static void test_another_region_is_signed_for_once(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer by_head[] = {
        SAYS("HTTP/1.1 301 X\r\nConnection: close\r\nx-amz-bucket-region: eu-central-1\r\n" EMPTY),
        SAYS(NOTHING)};
    static const struct scripted_answer by_body[] = {
        SAYS("HTTP/1.1 400 X\r\nConnection: close\r\n\r\n<Error><Code>AuthorizationHeaderMalformed"
             "</Code><Region>eu-west-3</Region></Error>"),
        SAYS(NOTHING)};
    static const struct scripted_answer hostile[] = {SAYS(
        "HTTP/1.1 301 X\r\nConnection: close\r\nx-amz-bucket-region: evil.example/\r\n" EMPTY)};
    script(by_head, 2);
    assert_ok(objects_put(store, &abc, &err));
    assert_has(server.head[0], "/us-east-1/s3/aws4_request");
    assert_has(server.head[1], "/eu-central-1/s3/aws4_request");
    end_script();
    script(by_body, 2);
    assert_ok(objects_put(store, &abc, &err));
    assert_has(server.head[1], "/eu-west-3/s3/aws4_request");
    end_script();
    script(by_body, 1); /* for ever */
    assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
    assert_int_equal(2, atomic_load(&server.n));
    end_script();
    script(hostile, 1);
    assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
    assert_once();
    end_script();
}

static void test_a_wrong_clock_is_corrected_once(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer answers[] = {
        SAYS("HTTP/1.1 403 X\r\nConnection: close\r\nDate: Tue, 01 Jan 2030 10:20:30 GMT\r\n\r\n"
             "<Error><Code>RequestTimeTooSkewed</Code></Error>"),
        SAYS(NOTHING)};
    script(answers, 2);
    assert_ok(objects_put(store, &abc, &err));
    assert_has(server.head[1], "x-amz-date: 20300101T1020");
    end_script();
    script(answers, 1);
    assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
    assert_int_equal(2, atomic_load(&server.n));
    end_script();
    /* HEAD has no body that could say why. */
    static const struct scripted_answer head[] = {
        SAYS(
            "HTTP/1.1 403 X\r\nConnection: close\r\nDate: Tue, 01 Jan 2030 10:20:30 GMT\r\n" EMPTY),
        SAYS(OK "Content-Length: 3\r\n\r\n")};
    struct objects_facts facts;
    script(head, 2);
    assert_ok(objects_head(store, "masters/x", &facts, &err));
    assert_int_equal(facts.bytes, 3);
    end_script();
}

static void test_what_may_go_better_is_tried_again(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer answers[] = {
        SAYS(ERROR("503 Slow", "SlowDown")),
        SAYS(ERROR("500 X", "InternalError")),
        SAYS(ERROR("409 X", "OperationAborted")),
        SAYS(ERROR("400 X", "RequestTimeout")),
        SAYS(OK "\r\n<Error><Code>InternalError</Code></Error>"), /* the status came too early */
        SAYS("rubbish that is no HTTP\r\n\r\n"),
        SAYS("HTTP/1.1 200 OK\r\nContent-Len"),
        SAYS(NOTHING)};
    script(answers, N(answers));
    objects_patience(store, 60000);
    assert_ok(objects_put(store, &abc, &err));
    assert_int_equal(N(answers), atomic_load(&server.n));
    for (size_t i = 0; i < N(answers); i++) {
        assert_has(server.head[i], "PUT /bucket/p/masters/x HTTP/1.1");
        assert_has(server.head[i], "x-amz-content-sha256: " ABC_SHA256);
        assert_int_equal(server.body_bytes[i], 3);
    }
    end_script();
}

static void test_patience_ends(void **state)
{
    (void)state;
    struct err err;
    static const struct {
        struct scripted_answer answer;
        int code;
    } cases[] = {
        {SAYS(ERROR("503 Slow", "SlowDown")), ERR_BUSY},
        {SAYS(ERROR("429 Many", "TooManyRequests")), ERR_BUSY},
        {SAYS(ERROR("500 X", "InternalError")), ERR_IO},
        {SAYS(""), ERR_IO},
        {{.text = "", .hold = 1}, ERR_IO},
        {{.text = "HTTP/1.1 200 OK\r\nx-slow: aaaaaaaaa", .drip_ms = 300, .repeat = -1}, ERR_IO},
        {{.text = OK "Content-Length: 3\r\n\r\n", .hold = 1}, ERR_IO},
    };
    for (size_t i = 0; i < N(cases); i++) {
        script(&cases[i].answer, 1);
        objects_patience(store, 1000);
        assert_err(cases[i].code, objects_put(store, &abc, &err));
        assert_true(err_is_temporary(err.code));
        assert_err(cases[i].code, get(0, -1, &err));
        assert_true(clock_mono_us() - begun_us < 60 * INT64_C(1000000));
        end_script();
    }
    open_site("http://127.0.0.1:1", ""); /* nobody is there */
    objects_patience(store, 500);
    assert_err(ERR_IO, objects_put(store, &abc, &err));
    objects_close(&store);
    site_free(&site);
}

static void test_a_slow_body_ends(void **state)
{
    (void)state;
    struct err err;
    static char text[600];
    snprintf(text, sizeof text, OK "ETag: \"a\"\r\nContent-Length: 400\r\n\r\n%0400d", 0);
    const struct scripted_answer slow[] = {{.text = text, .drip_ms = 200}};
    script(slow, 1);
    objects_patience(store, 1000);
    assert_err(ERR_IO, get(0, -1, &err));
    assert_true(clock_mono_us() - begun_us < 60 * INT64_C(1000000));
    end_script();
}

static void test_what_is_refused_is_refused_at_once(void **state)
{
    (void)state;
    struct err err;
    static const struct {
        const char *answer;
        int code;
    } cases[] = {
        {ERROR("403 X", "AccessDenied"), ERR_CONFIG},
        {ERROR("403 X", "SignatureDoesNotMatch"), ERR_CONFIG},
        {ERROR("404 X", "NoSuchBucket"), ERR_CONFIG},
        {ERROR("400 X", "InvalidRequest"), ERR_UNSUPPORTED},
        {ERROR("400 X", "EntityTooLarge"), ERR_LIMIT},
        {ERROR("501 X", "NotImplemented"), ERR_UNSUPPORTED},
        {"HTTP/1.1 204 X\r\nConnection: close\r\n\r\n", ERR_OK},
        {"HTTP/1.1 418 Teapot\r\nConnection: close\r\n\r\n<html>", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < N(cases); i++) {
        const struct scripted_answer answers[] = {SAYS(cases[i].answer)};
        script(answers, 1);
        assert_err(cases[i].code, objects_put(store, &abc, &err));
        assert_once();
        for (const char *p = err.text; *p; p++)
            assert_true((unsigned char)*p >= ' ');
        end_script();
    }
}

static void test_a_get_goes_on_where_it_was_cut(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer answers[] = {
        SAYS(OK "ETag: \"one\"\r\nContent-Length: 10\r\n\r\n0123"),
        SAYS(PART "ETag: \"one\"\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n45"),
        SAYS(ERROR("503 X", "SlowDown")),
        SAYS(PART "ETag: \"one\"\r\nContent-Range: bytes 6-9/10\r\nContent-Length: 4\r\n\r\n6789"),
    };
    script(answers, N(answers));
    objects_patience(store, 60000);
    assert_ok(get(0, -1, &err));
    assert_string_equal(taken, "0123456789");
    assert_null(strstr(server.head[0], "\r\nrange:"));
    assert_has(server.head[1], "range: bytes=4-");
    assert_has(server.head[1], "if-match: \"one\"");
    assert_has(server.head[3], "range: bytes=6-");
    end_script();

    static const struct scripted_answer ranged[] = {
        SAYS(PART "Content-Range: bytes 5-7/10\r\nContent-Length: 3\r\n\r\n5"),
        SAYS(PART "Content-Range: bytes 6-7/10\r\nContent-Length: 2\r\n\r\n67"),
    };
    script(ranged, 2);
    assert_ok(get(5, 3, &err));
    assert_string_equal(taken, "567");
    assert_has(server.head[0], "range: bytes=5-7");
    assert_has(server.head[1], "range: bytes=6-7");
    end_script();
}

static void test_an_answer_that_does_not_fit_is_none(void **state)
{
    (void)state;
    struct err err;
    static const struct {
        const char *first, *second;
        int64_t from, n;
        int code;
    } cases[] = {
        {OK "Connection: close\r\n\r\n0123", NULL, 0, -1, ERR_MALFORMED}, /* how long? */
        {OK "Content-Length: 10\r\n\r\n0123456789", NULL, 2, 3, ERR_UNSUPPORTED},
        {PART "Content-Range: bytes 0-2/10\r\nContent-Length: 3\r\n\r\n012", NULL, 2, 3,
         ERR_MALFORMED},
        {PART "Content-Range: bytes 2-9/10\r\nContent-Length: 8\r\n\r\n23456789", NULL, 2, 3,
         ERR_MALFORMED},
        {PART "Content-Range: bytes 2-4/10\r\nContent-Length: 5\r\n\r\n23456", NULL, 2, 3,
         ERR_MALFORMED},
        {PART "Content-Range: bytes 4-2/10\r\nContent-Length: 3\r\n\r\n234", NULL, 2, 3,
         ERR_MALFORMED},
        {PART "Content-Range: bytes 99999999999999999999-2/10\r\nContent-Length: 3\r\n\r\n234",
         NULL, 2, 3, ERR_MALFORMED},
        {PART "Content-Length: 3\r\n\r\n234", NULL, 2, 3, ERR_MALFORMED},
        {PART "Content-Range: bytes 0-2/3\r\nContent-Length: 3\r\n\r\n012", NULL, 0, -1,
         ERR_MALFORMED},
        {OK "ETag: \"one\"\r\nContent-Length: 10\r\n\r\n0123",
         PART "ETag: \"two\"\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789", 0,
         -1, ERR_IO},
        {OK "Content-Length: 10\r\n\r\n0123",
         PART "Content-Range: bytes 4-7/8\r\nContent-Length: 4\r\n\r\n4567", 0, -1, ERR_MALFORMED},
        {OK "Content-Length: 10\r\n\r\n0123", OK "Content-Length: 10\r\n\r\n0123456789", 0, -1,
         ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < N(cases); i++) {
        const struct scripted_answer answers[] = {
            SAYS(cases[i].first), SAYS(cases[i].second ? cases[i].second : cases[i].first)};
        script(answers, 2);
        objects_patience(store, 60000);
        err = (struct err){0};
        if (get(cases[i].from, cases[i].n, &err) != cases[i].code)
            fail_msg("case %zu: %s: %s", i, err_name(err.code), err.text);
        assert_true(strlen(taken) <= 4);
        end_script();
    }
}

static void test_floods_end(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer floods[] = {
        {.before = OK,
         .text = "x-a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
         .repeat = -1},
        {.text = "HTTP/1.1 100 Continue\r\n\r\n", .repeat = -1},
        {.text = OK "\r\n" OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK OK, .repeat = -1},
        {.text = "HTTP/1.1 500 X\r\nConnection: close\r\n\r\n" OK OK OK OK OK OK, .repeat = -1},
    };
    for (size_t i = 0; i < N(floods); i++) {
        script(&floods[i], 1);
        assert_err(i < 2 ? ERR_MALFORMED : ERR_LIMIT, objects_put(store, &abc, &err));
        assert_once();
        end_script();
    }
    /* One line without an end: curl has its own bound. */
    static const struct scripted_answer line = {.text = "HTTP/1.1 200 aaaaaaaaaaaaaaaaaaaaaaaaaa",
                                                .repeat = -1};
    script(&line, 1);
    assert_true(objects_put(store, &abc, &err) < 0);
    end_script();
}

static int count(void *arg, const char *key, int64_t bytes, int64_t modified_us, struct err *err)
{
    (void)key, (void)modified_us, (void)err;
    assert_true(bytes >= 0);
    ++*(int *)arg;
    return ERR_OK;
}

#define LIST(inside)                                                                         \
    OK "\r\n<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/" \
       "2006-03-01/\">" inside "</ListBucketResult>"
#define KEY(key) "<Contents><Key>" key "</Key><Size>4</Size></Contents>"

static void test_a_list_goes_on_page_by_page(void **state)
{
    (void)state;
    struct err err;
    int n = 0;
    static const struct scripted_answer answers[] = {
        SAYS(LIST(KEY("p/a/1") KEY(
            "p/a/A &amp; B") "<IsTruncated>true</IsTruncated>"
                             "<NextContinuationToken>a+/= b</NextContinuationToken>")),
        SAYS(LIST(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>c</NextContinuationToken>")),
        SAYS(ERROR("503 X", "SlowDown")),
        SAYS(LIST(KEY("p/a/b") "<IsTruncated>false</IsTruncated>"))};
    script(answers, N(answers));
    objects_patience(store, 60000);
    assert_ok(objects_list(store, "a/", "", count, &n, &err));
    assert_int_equal(n, 2); /* that of somebody else is none of ours */
    assert_has(server.head[0], "GET /bucket?list-type=2&prefix=p%2Fa%2F HTTP/1.1");
    assert_has(server.head[1], "continuation-token=a%2B%2F%3D%20b&list-type=2&");
    end_script();
}

static void test_hostile_lists_are_refused(void **state)
{
    (void)state;
    struct err err;
    static char deep[20000], large[2 << 20];
    int n;
    static const char *const lists[] = {
        LIST(KEY("other/a")),
        LIST(KEY("p/a/2") KEY("p/a/1")),
        LIST(KEY("p/a/1") KEY("p/a/1")),
        LIST(KEY("")),
        LIST("<Contents></Contents>"),
        LIST("<Contents><Key>p/a/1</Key><Size>-4</Size></Contents>"),
        LIST("<Contents><Key>p/a/1</Key><Size>99999999999999999999</Size></Contents>"),
        LIST(
            "<Contents><Key>p/a/1</Key><Size>4</Size><LastModified>soon</LastModified></Contents>"),
        LIST("<IsTruncated>true</IsTruncated>"),
        LIST("<Contents>"),
        LIST("") "<x/>",
        LIST("&evil;"),
        OK "\r\n<Something/>",
        OK "\r\n{\"Contents\": []}",
        OK "\r\n",
        OK "\r\n<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>"
           "<ListBucketResult><Contents><Key>p/a/&b;</Key></Contents></ListBucketResult>",
        OK "\r\n<!DOCTYPE l [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
           "<ListBucketResult><Contents><Key>p/a/&x;</Key></Contents></ListBucketResult>",
        OK "\r\n<!DOCTYPE l SYSTEM \"http://127.0.0.1:1/x\"><ListBucketResult/>",
        deep,
        large,
        /* always the same page */
        LIST(KEY("p/a/1") "<IsTruncated>true</IsTruncated><NextContinuationToken>c"
                          "</NextContinuationToken>"),
    };
    int used = snprintf(deep, sizeof deep, OK "\r\n<ListBucketResult>");
    for (int i = 0; i < 5000; i++)
        used += snprintf(deep + used, sizeof deep - (size_t)used, "<a>");
    used = snprintf(large, sizeof large, OK "\r\n<ListBucketResult><Contents><Key>p/a/");
    memset(large + used, 'a', (1 << 20));
    snprintf(large + used + (1 << 20), 100, "</Key></Contents></ListBucketResult>");
    for (size_t i = 0; i < N(lists); i++) {
        const struct scripted_answer answers[] = {SAYS(lists[i])};
        script(answers, 1);
        n = 0;
        err = (struct err){0};
        if (objects_list(store, "a/", "", count, &n, &err) != ERR_MALFORMED)
            fail_msg("list %zu: %s: %s", i, err_name(err.code), err.text);
        end_script();
    }
}

static void test_a_store_without_conditions_is_asked_once(void **state)
{
    (void)state;
    struct err err;
    struct objects_put put = abc;
    put.by_content = true;
    static const struct scripted_answer answers[] = {SAYS(ERROR("501 X", "NotImplemented")),
                                                     SAYS(NOTHING)};
    script(answers, 2);
    assert_ok(objects_put(store, &put, &err));
    assert_ok(objects_put(store, &put, &err));
    assert_int_equal(3, atomic_load(&server.n));
    assert_has(server.head[0], "if-none-match: *");
    assert_null(strstr(server.head[1], "if-none-match"));
    assert_null(strstr(server.head[2], "if-none-match"));
    end_script();
}

static void test_nothing_is_retained_where_that_would_replace_the_object(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer answers[][1] = {
        {SAYS(LIST(""))}, /* a store that does not know the question */
        {SAYS(OK "\r\n<ObjectLockConfiguration/>")},
        {SAYS(OK "\r\n<ObjectLockConfiguration><ObjectLockEnabled>no</ObjectLockEnabled>"
                 "</ObjectLockConfiguration>")},
        {SAYS(ERROR("404 X", "ObjectLockConfigurationNotFoundError"))},
        {SAYS(ERROR("501 X", "NotImplemented"))},
        {SAYS(OK "\r\n")},
    };
    for (size_t i = 0; i < N(answers); i++) {
        script(answers[i], 1);
        assert_err(ERR_UNSUPPORTED, objects_retain(store, "masters/x", 1, &err));
        assert_err(ERR_UNSUPPORTED, objects_retain(store, "masters/x", 1, &err));
        assert_once();
        assert_has(server.head[0], "GET /bucket?object-lock= ");
        end_script();
    }
}

static void test_a_file_that_is_shorter_than_was_said_is_not_stored(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer answers[] = {SAYS(NOTHING)};
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(3, fwrite("abc", 1, 3, file));
    assert_int_equal(0, fflush(file));
    script(answers, 1);
    struct objects_put put = {.key = "masters/x", .fd = fileno(file), .n = 4, .sha256 = ABC_SHA256};
    assert_err(ERR_MALFORMED, objects_put(store, &put, &err));
    assert_has(err.text, "shorter");
    end_script();
    fclose(file);
}

static bool soon(void *arg)
{
    return clock_mono_us() > *(int64_t *)arg;
}

static void test_who_is_told_to_end_does_not_wait(void **state)
{
    (void)state;
    struct err err;
    static const struct scripted_answer silent[] = {{.text = "", .hold = 1}};
    script(silent, 1);
    int64_t until_us = clock_mono_us() + 200000;
    objects_patience(store, 600000);
    objects_stop(store, soon, &until_us);
    assert_err(ERR_AGAIN, objects_put(store, &abc, &err));
    assert_true(clock_mono_us() - begun_us < 60 * INT64_C(1000000));
    end_script();
}

static void test_credentials_that_changed_are_taken(void **state)
{
    (void)state;
    struct err err;
    static const char before[] = "[default]\naws_access_key_id = OLD\naws_secret_access_key = x\n",
                      after[] = "[default]\naws_access_key_id = NEW\naws_secret_access_key = y\n";
    static const struct scripted_answer answers[] = {
        SAYS(NOTHING), SAYS(ERROR("403 X", "InvalidAccessKeyId")), SAYS(NOTHING),
        SAYS(ERROR("403 X", "InvalidAccessKeyId"))};
    char more[600], endpoint[60];
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    support_write(support_path(dir, "keys"), before, strlen(before));
    assert_int_equal(0, chmod(support_path(dir, "keys"), 0600));
    scripted_begin(&server, answers, N(answers));
    snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server.port);
    snprintf(more, sizeof more, "credentials = %s\n", support_path(dir, "keys"));
    open_site(endpoint, more);
    assert_ok(objects_put(store, &abc, &err));
    support_write(support_path(dir, "keys"), after, strlen(after));
    assert_ok(objects_put(store, &abc, &err));
    assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
    assert_int_equal(4, atomic_load(&server.n));
    assert_has(server.head[1], "Credential=OLD/");
    assert_has(server.head[2], "Credential=NEW/");
    end_script();
}

#define JSON(text) "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" text

static void test_an_instance_says_who_it_is(void **state)
{
    (void)state;
    struct err err;
    struct scripted metadata;
    char url[60];
    static const struct scripted_answer nothing[] = {SAYS(NOTHING)};
    static const struct scripted_answer good[] = {
        SAYS(JSON("TOKEN==")), SAYS(JSON("role-of-it\n")),
        SAYS(JSON("{\"Code\": \"Success\", \"AccessKeyId\": \"IKEY\", \"SecretAccessKey\": \"IS\", "
                  "\"Token\": \"ITOKEN\", \"Expiration\": \"2099-01-01T00:00:00Z\"}"))};
    static const struct scripted_answer bad[][3] = {
        {SAYS("HTTP/1.1 404 X\r\n\r\n"), SAYS(""), SAYS("")},
        {SAYS(JSON("")), SAYS(JSON("")), SAYS(JSON(""))},
        {SAYS(JSON("a\r\nb: c")), SAYS(JSON("r")), SAYS(JSON("{}"))},
        {SAYS(JSON("t")), SAYS(JSON("r")), SAYS(JSON("{}"))},
        {SAYS(JSON("t")), SAYS(JSON("r")), SAYS(JSON("no JSON"))},
        {SAYS(JSON("t")), SAYS(JSON("r")),
         SAYS(JSON(
             "{\"AccessKeyId\": \"a\\r\\nb\", \"SecretAccessKey\": \"b\", \"Token\": \"c\"}"))},
        {SAYS(JSON("t")), SAYS(JSON("r")), {.text = JSON("{{{{{{{{{{"), .repeat = -1}},
    };
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    scripted_begin(&metadata, good, 3);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", metadata.port);
    setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
    script(nothing, 1);
    assert_ok(objects_put(store, &abc, &err));
    assert_ok(objects_put(store, &abc, &err)); /* they do for a while */
    assert_has(server.head[1], "Credential=IKEY/");
    assert_has(server.head[1], "x-amz-security-token: ITOKEN");
    assert_has(server.head[1], "x-amz-date;x-amz-meta-sha256;x-amz-security-token,");
    assert_int_equal(3, atomic_load(&metadata.n));
    assert_has(metadata.head[0], "PUT /latest/api/token");
    assert_has(metadata.head[1], "X-aws-ec2-metadata-token: TOKEN==");
    assert_has(metadata.head[2], "GET /latest/meta-data/iam/security-credentials/role-of-it ");
    end_script();
    scripted_end(&metadata);
    for (size_t i = 0; i < N(bad); i++) {
        scripted_begin(&metadata, bad[i], 3);
        snprintf(url, sizeof url, "http://127.0.0.1:%d", metadata.port);
        setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", url, 1);
        script(nothing, 1);
        assert_err(ERR_CONFIG, objects_put(store, &abc, &err));
        assert_has(err.text, "no credentials");
        assert_int_equal(0, atomic_load(&server.n));
        end_script();
        scripted_end(&metadata);
    }
    unsetenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_redirect_is_not_followed),
        TEST(test_another_region_is_signed_for_once),
        TEST(test_a_wrong_clock_is_corrected_once),
        TEST(test_what_may_go_better_is_tried_again),
        TEST(test_patience_ends),
        TEST(test_a_slow_body_ends),
        TEST(test_what_is_refused_is_refused_at_once),
        TEST(test_a_get_goes_on_where_it_was_cut),
        TEST(test_an_answer_that_does_not_fit_is_none),
        TEST(test_floods_end),
        TEST(test_a_list_goes_on_page_by_page),
        TEST(test_hostile_lists_are_refused),
        TEST(test_a_store_without_conditions_is_asked_once),
        TEST(test_nothing_is_retained_where_that_would_replace_the_object),
        TEST(test_a_file_that_is_shorter_than_was_said_is_not_stored),
        TEST(test_who_is_told_to_end_does_not_wait),
        TEST(test_credentials_that_changed_are_taken),
        TEST(test_an_instance_says_who_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
