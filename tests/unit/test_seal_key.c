/* Keys and certificates to sign with: how they are made, and which are refused. */
#include "dashspool/seal.h"
#include "support/certs.h"
#include "support/proc.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0 INT64_C(1732865025000000) /* 2024-11-29T07:23:45Z */

static char *dir;

static const char *in_dir(const char *name)
{
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static int make_dir(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static const struct seal_identity depot = {"Depot 7", "Ex\u00e4mple Ltd", 5, T0};

static void make(const char *cert, const char *key)
{
    struct err err;
    assert_ok(seal_keygen(in_dir(cert), in_dir(key), &depot, &err));
}

static void test_a_new_certificate_says_who_and_until_when(void **state)
{
    (void)state;
    struct err err;
    struct seal_signer s;
    make("c.pem", "k.pem");
    assert_ok(seal_cert_describe(&s, in_dir("c.pem"), &err));
    assert_string_equal(s.subject, "CN=Depot 7,O=Ex\u00e4mple Ltd");
    assert_string_equal(s.issuer, s.subject);
    assert_true(s.self_signed);
    assert_int_equal(s.from_us, T0);
    assert_int_equal(s.until_us, INT64_C(1890631425000000)); /* 2029-11-29T07:23:45Z */
    assert_int_equal(strlen(s.fingerprint), 64);
    assert_int_equal(strlen(s.serial), 32);
}

static void test_a_leap_day_has_a_day_five_years_on(void **state)
{
    (void)state;
    struct err err;
    struct seal_signer s;
    struct seal_identity who = {"x", NULL, 5, INT64_C(1709164800000000)}; /* 2024-02-29 */
    assert_ok(seal_keygen(in_dir("c.pem"), in_dir("k.pem"), &who, &err));
    assert_ok(seal_cert_describe(&s, in_dir("c.pem"), &err));
    assert_int_equal(s.until_us, INT64_C(1867017600000000)); /* 2029-03-01 */
}

static void test_only_the_owner_may_read_the_key(void **state)
{
    (void)state;
    struct stat st;
    mode_t before = umask(0);
    make("c.pem", "k.pem");
    umask(before);
    assert_int_equal(stat(in_dir("k.pem"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(stat(in_dir("c.pem"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
}

static void test_nothing_is_written_over_and_nothing_left_behind(void **state)
{
    (void)state;
    struct err err;
    support_write(in_dir("k.pem"), "mine", 4);
    assert_err(ERR_BUSY, seal_keygen(in_dir("c.pem"), in_dir("k.pem"), &depot, &err));
    assert_non_null(strstr(err.text, "k.pem already exists"));
    assert_false(support_exists(in_dir("c.pem")));
    struct buf kept = support_read(in_dir("k.pem"));
    assert_int_equal(kept.used, 4);
    buf_clear(&kept);
    support_write(in_dir("c.pem"), "mine", 4);
    assert_err(ERR_BUSY, seal_keygen(in_dir("c.pem"), in_dir("new.pem"), &depot, &err));
    assert_false(support_exists(in_dir("new.pem")));
    assert_int_equal(symlink(in_dir("else"), in_dir("link")), 0);
    assert_err(ERR_BUSY, seal_keygen(in_dir("d.pem"), in_dir("link"), &depot, &err));
    assert_false(support_exists(in_dir("else")));
}

static void test_identities_that_no_certificate_can_hold_are_refused(void **state)
{
    (void)state;
    struct err err;
    char name[66] = {0};
    const struct seal_identity bad[] = {
        {"", NULL, 1, T0},   {"x", "", 1, T0},      {"x", NULL, 0, T0},
        {"x", NULL, 31, T0}, {"\xff", NULL, 1, T0}, {memset(name, 'n', 65), NULL, 1, T0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_CONFIG, seal_keygen(in_dir("c.pem"), in_dir("k.pem"), &bad[i], &err));
    assert_non_null(strstr(err.text, "at most 64 characters"));
    assert_int_equal(support_entries(dir), 0);
}

static void expect_refused(int code, const char *cert, const char *key, int64_t now_us,
                           const char *words)
{
    struct err err;
    struct seal_key *k;
    assert_err(code, seal_key_open(&k, cert, key, now_us, &err));
    assert_null(k);
    if (!strstr(err.text, words))
        fail_msg("'%s' is not in: %s", words, err.text);
}

static void test_a_key_of_another_certificate_is_refused(void **state)
{
    (void)state;
    make("c.pem", "k.pem");
    make("c2.pem", "k2.pem");
    expect_refused(ERR_CONFIG, in_dir("c.pem"), in_dir("k2.pem"), T0,
                   "is not the key of the certificate");
}

static void test_a_certificate_is_used_while_it_is_valid(void **state)
{
    (void)state;
    struct err err;
    struct seal_key *k;
    make("c.pem", "k.pem");
    assert_ok(seal_key_open(&k, in_dir("c.pem"), in_dir("k.pem"), T0, &err));
    seal_key_free(&k);
    assert_null(k);
    expect_refused(ERR_CONFIG, in_dir("c.pem"), in_dir("k.pem"), T0 - 1, "not valid yet");
    expect_refused(ERR_CONFIG, in_dir("c.pem"), in_dir("k.pem"), INT64_C(1890631425000001),
                   "has expired");
}

static void test_files_that_are_something_else_are_named(void **state)
{
    (void)state;
    make("c.pem", "k.pem");
    support_write(in_dir("junk"), "-----BEGIN CERTIFICATE-----\nMIIB\n", 33);
    expect_refused(ERR_NOTFOUND, in_dir("none"), in_dir("k.pem"), T0, "none");
    expect_refused(ERR_CONFIG, in_dir("junk"), in_dir("k.pem"), T0, "junk: no certificate in PEM");
    expect_refused(ERR_CONFIG, in_dir("k.pem"), in_dir("k.pem"), T0, "no certificate in PEM");
    expect_refused(ERR_CONFIG, in_dir("c.pem"), in_dir("c.pem"), T0, "no private key in PEM");
    expect_refused(ERR_NOTFOUND, in_dir("c.pem"), in_dir("none"), T0, "none");
}

/* The text is said only where OpenSSL asked us instead of a terminal. */
static void test_a_key_with_a_passphrase_is_refused_and_nobody_asked(void **state)
{
    (void)state;
    certs_make_ca(dir, "ca");
    certs_lock_key(dir, "ca");
    expect_refused(ERR_CONFIG, in_dir("ca.pem"), in_dir("ca.key"), clock_utc_us(),
                   "the key is encrypted");
}

static void test_a_token_needs_its_provider(void **state)
{
    (void)state;
    make("c.pem", "k.pem");
    expect_refused(ERR_UNSUPPORTED, in_dir("c.pem"), "pkcs11:token=depot;object=seal", T0,
                   "pkcs11-provider");
}

static void test_weak_keys_are_refused(void **state)
{
    (void)state;
    static const char *const kinds[][3] = {
        {"rsa:1024", NULL, NULL},
        {"ed25519", NULL, NULL},
        {"ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"},
    };
    if (!proc_have("openssl"))
        skip();
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const char *const argv[] = {"openssl",   "req",           "-x509",   "-newkey",
                                    kinds[i][0], "-nodes",        "-subj",   "/CN=weak",
                                    "-out",      in_dir("w.pem"), "-keyout", in_dir("w.key"),
                                    kinds[i][1], kinds[i][2],     NULL};
        struct proc_result r = proc_run(argv);
        if (r.status != 0)
            fail_msg("%s", proc_err(&r));
        proc_clear(&r);
        expect_refused(ERR_UNSUPPORTED, in_dir("w.pem"), in_dir("w.key"), clock_utc_us() + 60000000,
                       "keys that sign are");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_certificate_says_who_and_until_when),
        TEST(test_a_leap_day_has_a_day_five_years_on),
        TEST(test_only_the_owner_may_read_the_key),
        TEST(test_nothing_is_written_over_and_nothing_left_behind),
        TEST(test_identities_that_no_certificate_can_hold_are_refused),
        TEST(test_a_key_of_another_certificate_is_refused),
        TEST(test_a_certificate_is_used_while_it_is_valid),
        TEST(test_files_that_are_something_else_are_named),
        TEST(test_a_key_with_a_passphrase_is_refused_and_nobody_asked),
        TEST(test_a_token_needs_its_provider),
        TEST(test_weak_keys_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
