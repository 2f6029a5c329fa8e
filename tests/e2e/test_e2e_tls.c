/*
 * TLS, end to end: `simulate --tls` hands over to `receive`, certificates are checked on both
 * sides, and the receiver's is changed while a camera is there.
 */
#include "support/certs.h"
#include "support/world.h"
#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIP   TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO  TEST_SAMPLES "/photo-720p.jpg"
#define A_TEXT "352093081452251"
#define B_TEXT "352094082736916"

static struct world w;
static char ca[300], other_ca[300], camera_cert[300], camera_key[300], stray_cert[300],
    stray_key[300];

static void pem(char out[300], const char *name)
{
    snprintf(out, 300, "%s/%s", w.dir, name);
}

static int set_up(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "");
    certs_make_ca(w.dir, "ca");
    certs_make_ca(w.dir, "other-ca");
    certs_make(w.dir, "ca", "server", "IP:127.0.0.1");
    certs_make(w.dir, "ca", "camera", "DNS:camera.example");
    certs_make(w.dir, "other-ca", "stray", "DNS:camera.example");
    pem(ca, "ca.pem");
    pem(other_ca, "other-ca.pem");
    pem(camera_cert, "camera.pem");
    pem(camera_key, "camera.key");
    pem(stray_cert, "stray.pem");
    pem(stray_key, "stray.key");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void start(const char *more)
{
    char config[1500];
    snprintf(config, sizeof config,
             "tls_cert = %s/server.pem\ntls_key = %s/server.key\ncommit_ms = 20\n%s", w.dir, w.dir,
             more);
    world_configure(&w, config);
    world_start(&w);
}

#define SIMULATE(to, imei, ...)                                                         \
    PROC_RUN(w.binary, "simulate", "--to", world_address(to), "--imei", imei, "--time", \
             "2024-11-29T07:23:45Z", __VA_ARGS__)

/* The camera's transfers are this one, bit for bit. */
static void is_stored(const char *imei, const char *original)
{
    struct world_rows rows;
    world_settled_rows(&w, imei, &rows);
    assert_int_equal(rows.n, 1);
    assert_string_equal(catalogue_state_name(rows.row[0].state), "stored");
    struct buf expected = support_read(original), found = world_bytes(&w, &rows.row[0]);
    assert_int_equal(found.used, expected.used);
    assert_memory_equal(buf_data(&found), buf_data(&expected), expected.used);
    buf_clear(&expected);
    buf_clear(&found);
}

static void nothing_came_of(const char *imei)
{
    struct world_rows rows;
    world_rows(&w, imei, &rows);
    assert_int_equal(rows.n, 0);
}

/* ---- a TLS client of our own, for what `simulate` would not do ---- */

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    char name[32]; /* how the receiver's log calls it */
};

static void client_connect(struct client *c, int version)
{
    struct sockaddr_in self;
    socklen_t n = sizeof self;
    c->ctx = SSL_CTX_new(TLS_client_method());
    assert_non_null(c->ctx);
    assert_int_equal(SSL_CTX_set_cipher_list(c->ctx, "ALL:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(c->ctx, version), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(c->ctx, version), 1);
    c->ssl = SSL_new(c->ctx);
    assert_non_null(c->ssl);
    c->fd = world_dial(w.tls_port);
    assert_int_equal(getsockname(c->fd, (struct sockaddr *)&self, &n), 0);
    snprintf(c->name, sizeof c->name, "127.0.0.1:%u", ntohs(self.sin_port));
    assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
}

static void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    close(c->fd);
}

/* Shakes hands, says INIT with a photo, and hears the receiver's first four bytes. */
static bool client_is_answered(struct client *c)
{
    uint8_t init[WIRE_INIT_BYTES], answer[4];
    wire_init_put(init, 5, UINT64_C(352093081452251), 0x44000400);
    return SSL_connect(c->ssl) == 1 && SSL_write(c->ssl, init, sizeof init) == sizeof init &&
           SSL_read(c->ssl, answer, sizeof answer) == sizeof answer;
}

static void is_refused(int version, const char *why)
{
    struct client c;
    char line[200], rest[300];
    client_connect(&c, version);
    assert_false(client_is_answered(&c));
    snprintf(line, sizeof line, "msg=\"closed\" peer=%s reason=", c.name);
    proc_wait_for(&w.receiver, line, rest, sizeof rest);
    if (!strstr(rest, why))
        fail_msg("the line says '%s', and not '%s'", rest, why);
    assert_int_equal(world_log_lines(&w, c.name), 1);
    client_close(&c);
}

/* ---- transfers ---- */

static void test_a_transfer_over_tls_is_bit_exact(void **state)
{
    (void)state;
    start("");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", ca, "--rear", CLIP, "--fault", "crc=100"),
               0, "files uploaded: 1,");
    is_stored(A_TEXT, CLIP);
    expect_err(
        SIMULATE(w.tls_port, B_TEXT, "--tls", "--protocol", "6", "--enhanced", "--dsm", PHOTO), 0,
        "files uploaded: 1,");
    is_stored(B_TEXT, PHOTO);
    assert_int_equal(world_log_lines(&w, "tls=true"), 2);
}

static void test_a_transfer_goes_on_over_plain_tcp_where_tls_broke_off(void **state)
{
    (void)state;
    start("");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls", "--rear", CLIP, "--fault", "disconnect=300"),
               0, "files uploaded: 0,");
    expect_err(SIMULATE(w.port, A_TEXT, "--rear", CLIP), 0, "files uploaded: 1,");
    is_stored(A_TEXT, CLIP);
    struct world_rows rows;
    world_rows(&w, A_TEXT, &rows);
    assert_int_equal(world_resumed_at(&w, &rows.row[0]), 299 * WIRE_PACKET_BYTES);
}

static struct proc begin_simulate(const char *log_name, const char *imei, const char *port,
                                  const char *trusted, const char *fault)
{
    char log[600];
    snprintf(log, sizeof log, "%s/%s", w.dir, log_name);
    const char *const argv[] = {w.binary,
                                "simulate",
                                "--to",
                                world_address(port),
                                "--imei",
                                imei,
                                "--rear",
                                CLIP,
                                "--time",
                                "2024-11-29T07:23:45Z",
                                "--fault",
                                fault,
                                trusted ? "--tls-ca" : NULL,
                                trusted,
                                NULL};
    return proc_start(log, argv);
}

/* Both are in the middle of a file at the same time: each waits until the receiver asks again. */
static void test_plain_and_tls_cameras_are_served_side_by_side(void **state)
{
    (void)state;
    start("stall_s = 2\n");
    struct proc plain = begin_simulate("plain.log", A_TEXT, w.port, NULL, "silence=100");
    struct proc tls = begin_simulate("tls.log", B_TEXT, w.tls_port, ca, "silence=200");
    assert_int_equal(proc_stop(&plain, 0), 0);
    assert_int_equal(proc_stop(&tls, 0), 0);
    is_stored(A_TEXT, CLIP);
    is_stored(B_TEXT, CLIP);
}

/* ---- who is refused ---- */

static void test_older_versions_are_refused_with_one_line(void **state)
{
    (void)state;
    start("");
    is_refused(TLS1_1_VERSION, "unsupported protocol");
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (int i = 0; i < 2; i++) {
        struct client c;
        client_connect(&c, versions[i]);
        assert_true(client_is_answered(&c));
        assert_int_equal(SSL_version(c.ssl), versions[i]);
        client_close(&c);
    }
}

static void test_a_camera_without_the_certificate_that_is_wanted_is_refused(void **state)
{
    char config[400];
    (void)state;
    snprintf(config, sizeof config, "tls_client_ca = %s\n", ca);
    start(config);
    is_refused(TLS1_2_VERSION, "peer did not return a certificate");
    is_refused(TLS1_3_VERSION, "peer did not return a certificate");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls", "--rear", CLIP), 1, "certificate required");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-cert", stray_cert, "--tls-key", stray_key,
                        "--rear", CLIP),
               1, "127.0.0.1:");
    proc_wait_for(&w.receiver, "reason=\"TLS: certificate verify failed", NULL, 0);
    nothing_came_of(A_TEXT);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-cert", camera_cert, "--tls-key", camera_key,
                        "--rear", CLIP),
               0, "files uploaded: 1,");
    is_stored(A_TEXT, CLIP);
}

static void test_who_speaks_no_tls_gets_one_line(void **state)
{
    (void)state;
    start("");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--rear", CLIP), 1, "the server closed the connection");
    proc_wait_for(&w.receiver, "reason=\"not a TLS client", NULL, 0);
    expect_err(SIMULATE(w.port, A_TEXT, "--tls", "--rear", CLIP), 1, "TLS handshake");
    proc_wait_for(&w.receiver, "TLS; use the TLS port", NULL, 0);
    assert_int_equal(world_log_lines(&w, "127.0.0.1:"), 4); /* two say where it listens */
    nothing_came_of(A_TEXT);
}

static void test_who_only_connects_to_the_tls_port_is_closed(void **state)
{
    (void)state;
    start("init_s = 1\n");
    uint8_t heard;
    int fd = world_dial(w.tls_port);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_int_equal(recv(fd, &heard, 1, 0), 0);
    close(fd);
    proc_wait_for(&w.receiver, "reason=\"no INIT within 1 s", NULL, 0);
}

/* ---- what the simulated camera trusts ---- */

static void test_simulate_trusts_whom_it_is_told_to(void **state)
{
    (void)state;
    start("");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", other_ca, "--rear", CLIP), 1,
               "the receiver's certificate: unable to get local issuer certificate");
    proc_wait_for(&w.receiver, "reason=\"TLS: tlsv1 alert unknown ca", NULL, 0);
    certs_make(w.dir, "ca", "server", "IP:127.0.0.2");
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, "certificate reloaded", NULL, 0);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", ca, "--rear", CLIP), 1,
               "the receiver's certificate: IP address mismatch");
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", CLIP, "--rear", CLIP), 1, CLIP);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-cert", camera_cert, "--rear", CLIP), 2,
               "--tls-cert and --tls-key must be given together");
    nothing_came_of(A_TEXT);
}

/* ---- the certificate changes ---- */

/* As certbot has it: a name is a link to another file in a folder beside. */
static void test_a_new_certificate_is_behind_a_link(void **state)
{
    (void)state;
    static const char *const ends[] = {"pem", "key"};
    char settings[600], made[400], link[400], target[400];
    assert_int_equal(mkdir(support_path(w.dir, "live"), 0755), 0);
    assert_int_equal(mkdir(support_path(w.dir, "archive"), 0755), 0);
    for (int round = 0; round < 2; round++) {
        certs_make(w.dir, round == 0 ? "ca" : "other-ca", "linked", "IP:127.0.0.1");
        for (size_t i = 0; i < 2; i++) {
            snprintf(made, sizeof made, "%s/linked.%s", w.dir, ends[i]);
            snprintf(target, sizeof target, "%s/archive/%d.%s", w.dir, round, ends[i]);
            snprintf(link, sizeof link, "%s/live/linked.%s", w.dir, ends[i]);
            assert_int_equal(rename(made, target), 0);
            (void)unlink(link);
            assert_int_equal(symlink(target, link), 0);
        }
        if (round == 0) {
            snprintf(settings, sizeof settings,
                     "tls_cert = %s/live/linked.pem\ntls_key = %s/live/linked.key\n", w.dir, w.dir);
            world_configure(&w, settings);
            world_start(&w);
        }
    }
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, "certificate reloaded", NULL, 0);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", other_ca, "--rear", CLIP), 0,
               "files uploaded: 1,");
}

static void test_a_new_certificate_is_for_new_connections_and_leaves_the_others(void **state)
{
    (void)state;
    start("stall_s = 2\n");
    struct proc running = begin_simulate("a.log", A_TEXT, w.tls_port, ca, "silence=200");
    world_wait_stored(&w, A_TEXT, 199 * WIRE_PACKET_BYTES);
    assert_int_equal(kill(running.pid, SIGSTOP), 0); /* it stays in the middle of its file */
    certs_make(w.dir, "other-ca", "server", "IP:127.0.0.1");
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, "certificate reloaded", NULL, 0);
    expect_err(SIMULATE(w.tls_port, B_TEXT, "--tls-ca", ca, "--rear", CLIP), 1,
               "the receiver's certificate");
    expect_err(SIMULATE(w.tls_port, B_TEXT, "--tls-ca", other_ca, "--rear", CLIP), 0,
               "files uploaded: 1,");
    is_stored(B_TEXT, CLIP);
    struct world_rows rows;
    world_rows(&w, A_TEXT, &rows);
    assert_int_equal(rows.row[0].state, CATALOGUE_RECEIVING);
    assert_int_equal(kill(running.pid, SIGCONT), 0);
    assert_int_equal(proc_stop(&running, 0), 0);
    is_stored(A_TEXT, CLIP);
    world_rows(&w, A_TEXT, &rows);
    assert_int_equal(rows.row[0].connections, 1);
}

static void test_a_broken_new_certificate_changes_nothing_and_is_told(void **state)
{
    (void)state;
    char cert[300], key[300];
    pem(cert, "server.pem");
    pem(key, "server.key");
    start("");
    struct buf good_key = support_read(key);
    certs_make(w.dir, "ca", "third", "IP:127.0.0.1");
    char third[300];
    pem(third, "third.key");
    struct buf wrong_key = support_read(third);
    support_write(key, buf_data(&wrong_key), wrong_key.used); /* a key of another certificate */
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver,
                  "certificate reload failed, keeping the old certificate\" reason=", NULL, 0);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", ca, "--rear", CLIP), 0,
               "files uploaded: 1,");
    is_stored(A_TEXT, CLIP);

    support_write(key, buf_data(&good_key), good_key.used);
    support_write(cert, "-----BEGIN CERTIFICATE-----\nMIIB", 32);
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    char line[400];
    snprintf(line, sizeof line,
             "certificate reload failed, keeping the old certificate\" reason=\"%s", cert);
    proc_wait_for(&w.receiver, line, NULL, 0);
    expect_err(SIMULATE(w.tls_port, B_TEXT, "--tls-ca", ca, "--rear", CLIP), 0,
               "files uploaded: 1,");
    is_stored(B_TEXT, CLIP);
    buf_clear(&good_key);
    buf_clear(&wrong_key);
}

static void test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(void **state)
{
    (void)state;
    start("");
    certs_lock_key(w.dir, "server");
    assert_int_equal(kill(w.receiver.pid, SIGHUP), 0);
    proc_wait_for(&w.receiver, "server.key: the key is encrypted", NULL, 0);
    expect_err(SIMULATE(w.tls_port, A_TEXT, "--tls-ca", ca, "--rear", CLIP), 0,
               "files uploaded: 1,");
    is_stored(A_TEXT, CLIP);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes to sockets that the receiver has closed */
    const struct CMUnitTest tests[] = {
        T(test_a_transfer_over_tls_is_bit_exact),
        T(test_a_transfer_goes_on_over_plain_tcp_where_tls_broke_off),
        T(test_plain_and_tls_cameras_are_served_side_by_side),
        T(test_older_versions_are_refused_with_one_line),
        T(test_a_camera_without_the_certificate_that_is_wanted_is_refused),
        T(test_who_speaks_no_tls_gets_one_line),
        T(test_who_only_connects_to_the_tls_port_is_closed),
        T(test_simulate_trusts_whom_it_is_told_to),
        T(test_a_new_certificate_is_behind_a_link),
        T(test_a_new_certificate_is_for_new_connections_and_leaves_the_others),
        T(test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked),
        T(test_a_broken_new_certificate_changes_nothing_and_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
