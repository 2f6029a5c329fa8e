/* Time stamps by an authority of our own (`openssl ts -reply`): requests, answers, and the way
 * between. */
#include "dashspool/seal.h"
#include "support/authority.h"
#include "support/certs.h"
#include "support/proc.h"
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char content[] = "{\"files\": []}\n";
#define N (sizeof content - 1)

static char *dir;
static struct buf request, answer; /* the usual ones */

static const char *in_dir(const char *name)
{
    static char path[16][600];
    static int turn;
    turn = (turn + 1) % 16;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static void run(const char *const argv[])
{
    struct proc_result r = proc_run(argv);
    if (r.status != 0)
        fail_msg("%s %s: %s", argv[0], argv[1], proc_err(&r));
    proc_clear(&r);
}

static struct buf reply(const char *config, const struct buf *to, bool token)
{
    return authority_reply(dir, config, to, token);
}

static struct buf ask(const void *data, size_t n, bool with_nonce)
{
    struct err err;
    struct buf out;
    buf_init(&out, SEAL_DER_MAX_BYTES);
    assert_ok(seal_ts_request(data, n, with_nonce, &out, &err));
    return out;
}

static int make_authority(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    if (!proc_have("openssl"))
        return 0;
    authority_make_cert(dir, "tsa", "extendedKeyUsage=critical,timeStamping");
    authority_make_cert(dir, "mail", "extendedKeyUsage=emailProtection");
    authority_configure(dir, "good.cnf", "tsa", "sha256");
    authority_configure(dir, "old.cnf", "tsa", "sha1"); /* RFC 2634: before RFC 5816 */
    request = ask(content, N, true);
    answer = reply("good.cnf", &request, false);
    support_write(in_dir("content"), content, N);
    return 0;
}

static int remove_authority(void **state)
{
    (void)state;
    buf_clear(&request);
    buf_clear(&answer);
    support_tmp_remove(&dir);
    return 0;
}

static int need_authority(void **state)
{
    (void)state;
    if (answer.used == 0) /* said on stderr already */
        skip();
    return 0;
}

static int judge(struct seal_stamp *out, const struct buf *tsr, const char *data, const char *ca,
                 struct err *err)
{
    struct seal_trust trust = {ca, 0};
    return seal_ts_check(out, buf_data(tsr), tsr->used, data, strlen(data), buf_data(&request),
                         request.used, &trust, err);
}

static void expect_refused(int code, const struct buf *tsr, const char *data, const char *words)
{
    struct err err;
    struct seal_stamp s;
    assert_err(code, judge(&s, tsr, data, NULL, &err));
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in: %s", words, err.text);
}

static void test_a_request_is_what_the_openssl_program_would_make(void **state)
{
    (void)state;
    const char *const argv[] = {"openssl", "ts",    "-query",    "-data", in_dir("content"),
                                "-sha256", "-cert", "-no_nonce", "-out",  in_dir("theirs"),
                                NULL};
    run(argv);
    struct buf theirs = support_read(in_dir("theirs")), mine = ask(content, N, false);
    assert_int_equal(mine.used, theirs.used);
    assert_memory_equal(buf_data(&mine), buf_data(&theirs), mine.used);
    buf_clear(&mine);
    buf_clear(&theirs);
}

static void test_nonces_differ(void **state)
{
    (void)state;
    struct buf a = ask(content, N, true), b = ask(content, N, true);
    assert_int_equal(a.used, b.used);
    assert_memory_not_equal(buf_data(&a), buf_data(&b), a.used);
    buf_clear(&a);
    buf_clear(&b);
}

static void test_a_stamp_says_when_and_by_whom(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp s;
    struct seal_signer c;
    int64_t now = clock_utc_us();
    assert_ok(judge(&s, &answer, content, in_dir("tsa.pem"), &err));
    assert_ok(seal_cert_describe(&c, in_dir("tsa.pem"), &err));
    assert_true(s.at_us <= now && s.at_us > now - INT64_C(120000000));
    assert_int_equal(s.accuracy_us, 1500100);
    assert_memory_equal(&s.authority, &c, sizeof c);
    assert_string_equal(s.authority.subject, "CN=tsa,O=Time");
    assert_string_equal(s.policy, "1.2.3.4.1");
    assert_string_equal(s.serial, "0a02");
    assert_true(s.trusted);
    assert_string_equal(s.why, "");
}

static void test_an_unknown_authority_is_not_trusted(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp s;
    assert_ok(judge(&s, &answer, content, in_dir("mail.pem"), &err));
    assert_false(s.trusted);
    assert_true(s.why[0]);
}

static void test_the_openssl_program_agrees(void **state)
{
    (void)state;
    support_write(in_dir("tsr"), buf_data(&answer), answer.used);
    support_write(in_dir("tsq"), buf_data(&request), request.used);
    const char *const by_data[] = {"openssl",         "ts",  "-verify",     "-data",
                                   in_dir("content"), "-in", in_dir("tsr"), "-CAfile",
                                   in_dir("tsa.pem"), NULL};
    const char *const by_request[] = {"openssl",         "ts",  "-verify",     "-queryfile",
                                      in_dir("tsq"),     "-in", in_dir("tsr"), "-CAfile",
                                      in_dir("tsa.pem"), NULL};
    run(by_data);
    run(by_request);
}

static void test_a_token_alone_is_a_stamp_too(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp s;
    struct buf token = reply("old.cnf", &request, true);
    assert_ok(judge(&s, &token, content, in_dir("tsa.pem"), &err));
    assert_true(s.trusted);
    assert_ok(seal_ts_check(&s, buf_data(&token), token.used, content, N, NULL, 0, NULL, &err));
    expect_refused(ERR_MALFORMED, &token, "other", "the time stamp does not match this package");
    buf_clear(&token);
}

static void test_other_content_is_named(void **state)
{
    (void)state;
    expect_refused(ERR_MALFORMED, &answer, "{\"files\": [ ]}\n",
                   "the time stamp does not match this package");
}

static void test_the_answer_to_another_request_is_named(void **state)
{
    (void)state;
    struct buf again = ask(content, N, true), kept = request;
    request = again;
    expect_refused(ERR_MALFORMED, &answer, content, "answers another request");
    buf_clear(&again);
    again = ask("other", 5, true);
    request = again;
    expect_refused(ERR_MALFORMED, &answer, content,
                   "the request for the time stamp does not match this package");
    request.used--;
    expect_refused(ERR_MALFORMED, &answer, content, "request for the time stamp cannot be read");
    buf_clear(&again);
    request = kept;
}

/* certReq is the last element: DEFAULT FALSE, so it is left out where no certificate is wanted. */
static void test_a_stamp_without_certificate_is_named(void **state)
{
    (void)state;
    const char *const argv[] = {"openssl", "ts",   "-query",        "-data", in_dir("content"),
                                "-sha256", "-out", in_dir("plain"), NULL};
    run(argv);
    struct buf plain = support_read(in_dir("plain")), tsr = reply("good.cnf", &plain, false);
    expect_refused(ERR_MALFORMED, &tsr, content, "carries no certificate");
    buf_clear(&plain);
    buf_clear(&tsr);
}

static void test_an_answer_that_grants_nothing_is_named(void **state)
{
    (void)state;
    const char *const argv[] = {"openssl", "ts",    "-query", "-data",        in_dir("content"),
                                "-sha1",   "-cert", "-out",   in_dir("sha1"), NULL};
    run(argv);
    struct buf query = support_read(in_dir("sha1")), tsr = reply("good.cnf", &query, false);
    expect_refused(ERR_UNSUPPORTED, &tsr, content, "did not grant the time stamp (badAlg)");
    buf_clear(&query);
    buf_clear(&tsr);
}

static struct buf reply_to_query(const char *digest)
{
    const char *const argv[] = {"openssl", "ts",    "-query", "-data",           in_dir("content"),
                                digest,    "-cert", "-out",   in_dir("by-them"), NULL};
    run(argv);
    struct buf query = support_read(in_dir("by-them")), tsr = reply("good.cnf", &query, true);
    buf_clear(&query);
    return tsr;
}

/* An authority may be asked by any program. */
static void test_a_stamp_over_another_length_of_sha2_counts(void **state)
{
    (void)state;
    static const char *const digests[] = {"-sha256", "-sha384", "-sha512"};
    struct seal_stamp s;
    struct err err;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        struct buf tsr = reply_to_query(digests[i]);
        assert_ok(seal_ts_check(&s, buf_data(&tsr), tsr.used, content, N, NULL, 0, NULL, &err));
        assert_string_equal(s.authority.subject, "CN=tsa,O=Time");
        assert_err(ERR_MALFORMED,
                   seal_ts_check(&s, buf_data(&tsr), tsr.used, "other", 5, NULL, 0, NULL, &err));
        assert_non_null(strstr(err.text, "the time stamp does not match this package"));
        buf_clear(&tsr);
    }
}

/* One that was made elsewhere: all of it is right, but for its content. */
static void test_a_stamp_over_an_unknown_file_is_read_and_named(void **state)
{
    (void)state;
    struct buf tsr = support_read(TEST_DATA "/seal/sha512-imprint.tsr");
    struct seal_stamp s;
    struct err err;
    assert_err(ERR_MALFORMED,
               seal_ts_check(&s, buf_data(&tsr), tsr.used, content, N, NULL, 0, NULL, &err));
    assert_string_equal(err.text, "the time stamp does not match this package");
    buf_clear(&tsr);
}

/* The statement of a true stamp, signed by another's certificate for e-mail. */
static void test_a_signature_is_no_stamp(void **state)
{
    (void)state;
    struct err err;
    const char *const argv[] = {"openssl",
                                "cms",
                                "-sign",
                                "-binary",
                                "-outform",
                                "DER",
                                "-nodetach",
                                "-in",
                                in_dir("tst"),
                                "-econtent_type",
                                "id-smime-ct-TSTInfo",
                                "-signer",
                                in_dir("mail.pem"),
                                "-inkey",
                                in_dir("mail.key"),
                                "-cades",
                                "-out",
                                in_dir("signed"),
                                NULL};
    struct buf token = reply("good.cnf", &request, true);
    support_write(in_dir("token"), buf_data(&token), token.used);
    const char *const extract[] = {"openssl", "cms",  "-verify",     "-noverify",
                                   "-inform", "DER",  "-in",         in_dir("token"),
                                   "-binary", "-out", in_dir("tst"), NULL};
    run(extract);
    run(argv);
    struct buf forged = support_read(in_dir("signed"));
    expect_refused(ERR_MALFORMED, &forged, content, "is not one for time stamps (CN=mail,O=Time)");
    struct seal_finding f;
    assert_err(ERR_MALFORMED, seal_check(&f, buf_data(&token), token.used, content, N, NULL, &err));
    buf_clear(&forged);
    buf_clear(&token);
}

static void test_every_changed_bit_is_noticed(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp s;
    uint8_t *bytes = malloc(answer.used);
    int granted_otherwise = 0;
    assert_non_null(bytes);
    for (size_t bit = 0; bit < answer.used * 8; bit++) {
        memcpy(bytes, buf_data(&answer), answer.used);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (seal_ts_check(&s, bytes, answer.used, content, N, buf_data(&request), request.used,
                          NULL, &err) == ERR_OK) {
            /* granted (0) and granted with modifications (1) lie outside of all that is signed */
            if (bytes[bit / 8] != 1 || buf_data(&answer)[bit / 8] != 0)
                fail_msg("byte %zu, bit %zu: still accepted", bit / 8, bit % 8);
            granted_otherwise++;
        }
    }
    free(bytes);
    assert_int_equal(granted_otherwise, 1);
}

static void test_what_is_cut_or_longer_is_malformed(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp s;
    for (size_t n = 0; n < answer.used; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, buf_data(&answer), n);
        assert_err(ERR_MALFORMED, seal_ts_check(&s, exact, n, content, N, NULL, 0, NULL, &err));
        free(exact);
    }
    assert_ok(buf_append(&answer, "", 1, &err));
    expect_refused(ERR_MALFORMED, &answer, content, "not a time stamp in DER");
    answer.used--;
}

/* ---- the way to an authority ---- */

/* A server of one connection: reads a request with its body, says `bytes`, and closes. */
struct server {
    pthread_t thread;
    int fd;
    char url[64];
    const void *bytes; /* NULL: says nothing until the client hangs up */
    size_t n;
    SSL_CTX *tls; /* NULL: plain */
    char heard[4096];
    size_t n_heard;
};

static bool has_body(const struct server *s)
{
    const char *end = strstr(s->heard, "\r\n\r\n"), *length = strstr(s->heard, "Content-Length: ");
    return end && length &&
           s->heard + s->n_heard >=
               end + 4 + strtoul(length + strlen("Content-Length: "), NULL, 10);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->fd, NULL, NULL), n;
    BIO *bio = BIO_new_socket(fd, BIO_CLOSE);
    if (s->tls)
        bio = BIO_push(BIO_new_ssl(s->tls, 0), bio);
    while (!has_body(s) && s->n_heard < sizeof s->heard - 1 &&
           (n = BIO_read(bio, s->heard + s->n_heard, (int)(sizeof s->heard - 1 - s->n_heard))) > 0)
        s->n_heard += (size_t)n;
    if (s->bytes && has_body(s)) {
        BIO_write(bio, s->bytes, (int)s->n);
        (void)BIO_flush(bio);
    }
    while (BIO_read(bio, &(char){0}, 1) > 0) /* until the client hangs up */
        ;
    BIO_free_all(bio);
    return NULL;
}

static void server_start(struct server *s, const char *scheme)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    snprintf(s->url, sizeof s->url, "%s://127.0.0.1:%d/tsa?x=1", scheme, ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->fd);
}

static struct buf http(const char *status, const char *type, size_t length, const struct buf *body)
{
    struct err err;
    struct buf out;
    char head[400];
    int n = snprintf(head, sizeof head,
                     "HTTP/1.0 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status, type,
                     length);
    buf_init(&out, 1 << 20);
    assert_ok(buf_append(&out, head, (size_t)n, &err));
    assert_ok(buf_append(&out, buf_data(body), body->used, &err));
    return out;
}

#define REPLY "application/timestamp-reply"

static void test_an_authority_is_asked_over_http(void **state)
{
    (void)state;
    struct err err;
    struct seal_stamp stamp;
    struct buf said = http("200 OK", REPLY, answer.used, &answer), got;
    struct server s = {.bytes = buf_data(&said), .n = said.used};
    buf_init(&got, SEAL_DER_MAX_BYTES);
    server_start(&s, "http");
    int rc = seal_ts_fetch(s.url, buf_data(&request), request.used, 20, &got, &err);
    server_end(&s);
    if (rc < 0)
        fail_msg("%s", err.text);
    assert_ok(judge(&stamp, &got, content, NULL, &err));
    assert_int_equal(strncmp(s.heard, "POST /tsa?x=1 HTTP/1.", 21), 0);
    assert_non_null(strstr(s.heard, "Content-Type: application/timestamp-query\r\n"));
    assert_memory_equal(strstr(s.heard, "\r\n\r\n") + 4, buf_data(&request), request.used);
    buf_clear(&got);
    buf_clear(&said);
}

static void expect_no_answer(struct server *s, const char *scheme, int timeout_s, const char *words)
{
    struct err err;
    struct buf got;
    buf_init(&got, SEAL_DER_MAX_BYTES);
    server_start(s, scheme);
    int rc = seal_ts_fetch(s->url, buf_data(&request), request.used, timeout_s, &got, &err);
    server_end(s);
    if (rc != ERR_IO || !strstr(err.text, s->url) || !strstr(err.text, words))
        fail_msg("'%s' is not in: %s", words, rc < 0 ? err.text : "success");
    assert_int_equal(got.used, 0);
    buf_clear(&got);
}

static void test_what_an_authority_can_do_wrong_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *status, *type, *words;
        size_t length; /* 0: the true one */
        uint8_t body[8];
        size_t n_body;
    } answers[] = {
        {"404 Not\033Found", REPLY, "404", 0, {0}, 0},
        {"200 OK", "text/html", "content type", 0, {0}, 0},
        {"200 OK", REPLY, "", 0, "<html>", 6},
        {"200 OK", REPLY, "", 2000, {0x30, 0x82, 0x10, 0x00, 1}, 5},
        {"200 OK", REPLY, "max resp len exceeded", 0, {0x30, 0x84, 0x40, 0, 0, 0}, 6},
        {"200 OK", REPLY, "max resp len exceeded", 1000000000, {0x30, 0x00}, 2},
        {"302 Found\r\nLocation: http://127.0.0.1:1/", REPLY, "", 0, {0}, 0},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct buf body;
        struct err err;
        buf_init(&body, 100);
        assert_ok(buf_append(&body, answers[i].body, answers[i].n_body, &err));
        struct buf said = http(answers[i].status, answers[i].type,
                               answers[i].length ? answers[i].length : body.used, &body);
        struct server s = {.bytes = buf_data(&said), .n = said.used};
        expect_no_answer(&s, "http", 1, answers[i].words);
        buf_clear(&said);
        buf_clear(&body);
    }
}

static void test_an_authority_that_says_nothing_is_not_waited_for_for_ever(void **state)
{
    (void)state;
    struct server s = {.bytes = NULL};
    int64_t began = clock_mono_us();
    expect_no_answer(&s, "http", 1, "timeout");
    assert_true(clock_mono_us() - began < 10000000);
}

static void test_an_authority_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct err err;
    struct buf got;
    struct server s = {.bytes = NULL};
    buf_init(&got, SEAL_DER_MAX_BYTES);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, but nobody listens */
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    snprintf(s.url, sizeof s.url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    assert_err(ERR_IO, seal_ts_fetch(s.url, buf_data(&request), request.used, 2, &got, &err));
    assert_non_null(strstr(err.text, "onnect"));
    close(fd);
    buf_clear(&got);
}

static void test_what_is_no_url_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "tsa.example.org",     "ftp://x/",       "http://",
        "http:///", "http://me:secret@x/", "http://x:99999/"};
    struct err err;
    struct buf got;
    buf_init(&got, 100);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (seal_ts_fetch(bad[i], "x", 1, 1, &got, &err) != ERR_CONFIG)
            fail_msg("'%s': %s", bad[i], err.text);
}

static void test_https_needs_a_certificate_that_is_known_and_of_that_host(void **state)
{
    (void)state;
    struct err err;
    struct buf said = http("200 OK", REPLY, answer.used, &answer), got;
    certs_make_ca(dir, "ca");
    certs_make(dir, "ca", "right", "IP:127.0.0.1");
    certs_make(dir, "ca", "wrong", "IP:127.0.0.2");
    for (int i = 0; i < 3; i++) {
        struct server s = {.bytes = buf_data(&said), .n = said.used};
        s.tls = SSL_CTX_new(TLS_server_method());
        assert_int_equal(SSL_CTX_use_certificate_file(
                             s.tls, in_dir(i == 2 ? "wrong.pem" : "right.pem"), SSL_FILETYPE_PEM),
                         1);
        assert_int_equal(SSL_CTX_use_PrivateKey_file(
                             s.tls, in_dir(i == 2 ? "wrong.key" : "right.key"), SSL_FILETYPE_PEM),
                         1);
        setenv("SSL_CERT_FILE", in_dir(i == 0 ? "tsa.pem" : "ca.pem"), 1);
        if (i == 1) {
            buf_init(&got, SEAL_DER_MAX_BYTES);
            server_start(&s, "https");
            int rc = seal_ts_fetch(s.url, buf_data(&request), request.used, 20, &got, &err);
            server_end(&s);
            if (rc < 0)
                fail_msg("%s", err.text);
            assert_int_equal(got.used, answer.used);
            buf_clear(&got);
        } else {
            expect_no_answer(&s, "https", 5, "certificate verify failed");
        }
        SSL_CTX_free(s.tls);
    }
    unsetenv("SSL_CERT_FILE");
    buf_clear(&said);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, need_authority)
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_is_what_the_openssl_program_would_make),
        cmocka_unit_test(test_nonces_differ),
        TEST(test_a_stamp_says_when_and_by_whom),
        TEST(test_an_unknown_authority_is_not_trusted),
        TEST(test_the_openssl_program_agrees),
        TEST(test_a_token_alone_is_a_stamp_too),
        TEST(test_other_content_is_named),
        TEST(test_the_answer_to_another_request_is_named),
        TEST(test_a_stamp_without_certificate_is_named),
        TEST(test_an_answer_that_grants_nothing_is_named),
        TEST(test_a_stamp_over_another_length_of_sha2_counts),
        cmocka_unit_test(test_a_stamp_over_an_unknown_file_is_read_and_named),
        TEST(test_a_signature_is_no_stamp),
        TEST(test_every_changed_bit_is_noticed),
        TEST(test_what_is_cut_or_longer_is_malformed),
        TEST(test_an_authority_is_asked_over_http),
        TEST(test_what_an_authority_can_do_wrong_is_named),
        TEST(test_an_authority_that_says_nothing_is_not_waited_for_for_ever),
        TEST(test_an_authority_that_is_not_there_is_named),
        cmocka_unit_test(test_what_is_no_url_is_named),
        TEST(test_https_needs_a_certificate_that_is_known_and_of_that_host),
    };
    return cmocka_run_group_tests(tests, make_authority, remove_authority);
}
