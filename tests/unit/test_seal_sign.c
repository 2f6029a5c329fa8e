/* Signatures: what is accepted, here and by the openssl program, and what is noticed. */
#include "dashspool/seal.h"
#include "support/certs.h"
#include "support/proc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char content[] = "{\"files\": [{\"path\": \"master.h265\", \"sha256\": \"0011\"}]}\n";
#define N (sizeof content - 1)

static char *dir;
static char cert[600], key[600], other_cert[600], other_key[600];
static struct seal_key *signer, *other;
static struct buf sealed;

static const char *in_dir(const char *name)
{
    static char path[4][600];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static struct buf sign(struct seal_key *k, const void *data, size_t n, int64_t signed_us)
{
    struct err err;
    struct buf out;
    buf_init(&out, SEAL_DER_MAX_BYTES);
    assert_ok(seal_sign(k, data, n, signed_us, &out, &err));
    return out;
}

static int make_keys(void **state)
{
    (void)state;
    struct err err;
    int64_t now = clock_utc_us();
    struct seal_identity who = {"Depot 7", NULL, 1, now}, twin = {"Depot 8", NULL, 1, now};
    dir = support_tmp_dir();
    snprintf(cert, sizeof cert, "%s/c.pem", dir);
    snprintf(key, sizeof key, "%s/k.pem", dir);
    snprintf(other_cert, sizeof other_cert, "%s/c2.pem", dir);
    snprintf(other_key, sizeof other_key, "%s/k2.pem", dir);
    assert_ok(seal_keygen(cert, key, &who, &err));
    assert_ok(seal_keygen(other_cert, other_key, &twin, &err));
    assert_ok(seal_key_open(&signer, cert, key, now, &err));
    assert_ok(seal_key_open(&other, other_cert, other_key, now, &err));
    sealed = sign(signer, content, N, SEAL_NO_TIME);
    support_write(in_dir("content"), content, N);
    return 0;
}

static int remove_keys(void **state)
{
    (void)state;
    buf_clear(&sealed);
    seal_key_free(&signer);
    seal_key_free(&other);
    support_tmp_remove(&dir);
    return 0;
}

static struct seal_finding check(const struct buf *p7s, const void *data, size_t n, const char *ca)
{
    struct err err;
    struct seal_finding f;
    struct seal_trust trust = {ca, clock_utc_us()};
    assert_ok(seal_check(&f, buf_data(p7s), p7s->used, data, n, &trust, &err));
    return f;
}

static void test_what_was_signed_is_intact_and_its_signer_named(void **state)
{
    (void)state;
    struct err err;
    struct seal_signer c;
    struct seal_finding f = check(&sealed, content, N, NULL);
    assert_true(f.intact);
    assert_true(f.bound);
    assert_false(f.trusted);
    assert_string_equal(f.why, "");
    assert_true(f.signed_us == SEAL_NO_TIME);
    assert_ok(seal_cert_describe(&c, cert, &err));
    assert_string_equal(f.signer.subject, "CN=Depot 7");
    assert_memory_equal(&f.signer, &c, sizeof c);
}

static void test_nothing_can_be_signed_too(void **state)
{
    (void)state;
    struct buf p7s = sign(signer, "", 0, SEAL_NO_TIME);
    assert_true(check(&p7s, NULL, 0, NULL).intact);
    assert_false(check(&p7s, "x", 1, NULL).intact);
    buf_clear(&p7s);
}

static void test_a_signing_time_is_stated_when_it_is_given(void **state)
{
    (void)state;
    struct buf p7s = sign(signer, content, N, INT64_C(1732865025000000));
    struct seal_finding f = check(&p7s, content, N, NULL);
    assert_true(f.intact);
    assert_int_equal(f.signed_us, INT64_C(1732865025000000));
    buf_clear(&p7s);
}

static void test_every_changed_bit_of_the_content_is_noticed(void **state)
{
    (void)state;
    char changed[N];
    for (size_t i = 0; i < N; i++) {
        memcpy(changed, content, N);
        changed[i] = (char)(changed[i] ^ 1 << i % 8);
        struct seal_finding f = check(&sealed, changed, N, cert);
        assert_false(f.intact);
        assert_false(f.trusted);
        assert_non_null(strstr(f.why, "the content was changed after it was signed"));
    }
    assert_false(check(&sealed, content, N - 1, NULL).intact);
}

static void test_every_changed_bit_of_the_signature_is_noticed(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    uint8_t *bytes = malloc(sealed.used);
    int named = 0;
    assert_non_null(bytes);
    for (size_t bit = 0; bit < sealed.used * 8; bit++) {
        memcpy(bytes, buf_data(&sealed), sealed.used);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int rc = seal_check(&f, bytes, sealed.used, content, N, NULL, &err);
        if (rc == ERR_OK && f.intact)
            fail_msg("byte %zu, bit %zu: still intact", bit / 8, bit % 8);
        if (rc == ERR_OK ? !f.why[0] : !err.text[0])
            fail_msg("byte %zu, bit %zu: no reason", bit / 8, bit % 8);
        named += rc == ERR_OK && strstr(f.why, "the signature was changed") != NULL;
    }
    free(bytes);
    assert_true(named >= 400); /* the signature's value alone has 500 bits */
}

static void test_a_signature_that_is_cut_or_longer_is_malformed(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    for (size_t n = 0; n < sealed.used; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        assert_non_null(exact);
        memcpy(exact, buf_data(&sealed), n);
        assert_err(ERR_MALFORMED, seal_check(&f, exact, n, content, N, NULL, &err));
        free(exact);
    }
    assert_ok(buf_append(&sealed, "", 1, &err));
    assert_err(ERR_MALFORMED,
               seal_check(&f, buf_data(&sealed), sealed.used, content, N, NULL, &err));
    sealed.used--;
    assert_non_null(strstr(err.text, "1 bytes too many"));
}

static void test_what_is_too_large_is_not_read(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    void *large = calloc(1, SEAL_DER_MAX_BYTES + 1);
    assert_non_null(large);
    assert_err(ERR_LIMIT, seal_check(&f, large, SEAL_DER_MAX_BYTES + 1, content, N, NULL, &err));
    assert_err(ERR_MALFORMED, seal_check(&f, large, SEAL_DER_MAX_BYTES, content, N, NULL, &err));
    free(large);
}

static void test_another_keys_signature_is_named(void **state)
{
    (void)state;
    struct buf p7s = sign(other, content, N, SEAL_NO_TIME);
    struct seal_finding mine = check(&sealed, content, N, cert),
                        theirs = check(&p7s, content, N, cert);
    assert_true(mine.trusted);
    assert_true(theirs.intact);
    assert_false(theirs.trusted);
    assert_true(theirs.why[0]);
    assert_string_equal(theirs.signer.subject, "CN=Depot 8");
    assert_string_not_equal(theirs.signer.fingerprint, mine.signer.fingerprint);
    buf_clear(&p7s);
}

/* The same signer and length, but the end of the value is that of other content. */
static void test_a_value_from_another_signature_is_noticed(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    struct buf p7s = sign(signer, "other", 5, SEAL_NO_TIME);
    for (int i = 0; p7s.used != sealed.used; i++) { /* ECDSA values have 70 to 72 bytes, mostly */
        assert_true(i < 20000);
        buf_clear(&p7s);
        p7s = sign(signer, "other", 5, SEAL_NO_TIME);
    }
    memcpy(p7s.mem + p7s.start, buf_data(&sealed), sealed.used - 30);
    assert_ok(seal_check(&f, buf_data(&p7s), p7s.used, content, N, NULL, &err));
    assert_false(f.intact);
    assert_non_null(strstr(f.why, "another key"));
    buf_clear(&p7s);
}

static void test_a_certificate_is_trusted_within_its_time_only(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    struct seal_trust late = {cert, clock_utc_us() + INT64_C(2) * 366 * 86400 * 1000000};
    assert_ok(seal_check(&f, buf_data(&sealed), sealed.used, content, N, &late, &err));
    assert_true(f.intact);
    assert_false(f.trusted);
    assert_non_null(strstr(f.why, "expired"));
}

static void test_a_ca_file_that_is_none_is_an_error(void **state)
{
    (void)state;
    struct err err;
    struct seal_finding f;
    struct seal_trust none = {in_dir("content"), 0}, missing = {in_dir("missing"), 0};
    assert_err(ERR_CONFIG, seal_check(&f, buf_data(&sealed), sealed.used, content, N, &none, &err));
    assert_err(ERR_NOTFOUND,
               seal_check(&f, buf_data(&sealed), sealed.used, content, N, &missing, &err));
}

static void test_a_chain_leads_to_its_ca(void **state)
{
    (void)state;
    struct err err;
    struct seal_key *k;
    certs_make_ca(dir, "ca");
    certs_make(dir, "ca", "leaf", "email:depot@example.org");
    assert_ok(seal_key_open(&k, in_dir("leaf.pem"), in_dir("leaf.key"), clock_utc_us(), &err));
    struct buf p7s = sign(k, content, N, SEAL_NO_TIME);
    struct seal_finding f = check(&p7s, content, N, in_dir("ca.pem"));
    assert_true(f.intact && f.bound && f.trusted);
    assert_false(f.signer.self_signed);
    assert_string_equal(f.signer.issuer, "CN=ca");
    f = check(&p7s, content, N, cert);
    assert_true(f.intact && f.bound);
    assert_false(f.trusted);
    buf_clear(&p7s);
    seal_key_free(&k);
}

/* ---- the certificate beside a signature ---- */

static void expect_pem(int code, const struct buf *pem, const struct buf *p7s, bool exact,
                       const char *words)
{
    struct err err = {0};
    int rc = seal_pem_check(buf_data(pem), pem->used, buf_data(p7s), p7s->used, exact, &err);
    if (rc != code || (words && !strstr(err.text, words)))
        fail_msg("%d: '%s'; expected %d: '%s'", rc, err.text, code, words ? words : "");
}

static void test_the_certificate_beside_must_be_the_signers(void **state)
{
    (void)state;
    struct err err;
    struct seal_signer who;
    struct buf pem, more;
    buf_init(&pem, SEAL_DER_MAX_BYTES);
    assert_ok(seal_key_pem(signer, &pem, &err));
    assert_ok(seal_key_describe(&who, signer, &err));
    assert_int_equal(strlen(who.fingerprint), 64);
    expect_pem(ERR_OK, &pem, &sealed, true, NULL);
    for (size_t i = 0; i < pem.used; i++) {
        pem.mem[pem.start + i] ^= 1;
        expect_pem(ERR_MALFORMED, &pem, &sealed, true, "");
        pem.mem[pem.start + i] ^= 1;
    }
    more = support_read(other_cert);
    expect_pem(ERR_MALFORMED, &more, &sealed, false, "not the certificate of who signed");
    assert_ok(buf_append(&more, buf_data(&pem), pem.used, &err));
    expect_pem(ERR_MALFORMED, &more, &sealed, false, "not the certificate of who signed");
    struct buf others = support_read(other_cert);
    assert_ok(buf_append(&pem, buf_data(&others), others.used, &err));
    expect_pem(ERR_MALFORMED, &pem, &sealed, false, "another certificate behind the signer's");
    pem.used -= others.used;
    assert_ok(buf_append(&pem, "a word\n", 7, &err));
    expect_pem(ERR_OK, &pem, &sealed, false, NULL);
    expect_pem(ERR_MALFORMED, &pem, &sealed, true, "not as it was written");
    pem.used = 0;
    expect_pem(ERR_MALFORMED, &pem, &sealed, false, "no certificate in PEM");
    buf_clear(&pem);
    buf_clear(&more);
    buf_clear(&others);
}

/* ---- the openssl program ---- */

static int openssl_verify(const char *p7s, const char *data, const char *ca)
{
    const char *const argv[] = {"openssl", "cms", "-verify", "-binary",   "-inform",
                                "DER",     "-in", p7s,       "-content",  data,
                                "-CAfile", ca,    "-out",    "/dev/null", NULL};
    struct proc_result r = proc_run(argv);
    int status = r.status;
    if (status != 0 && ca == cert && strcmp(data, in_dir("content")) == 0)
        fprintf(stderr, "%s\n", proc_err(&r));
    proc_clear(&r);
    return status;
}

static void test_the_openssl_program_agrees(void **state)
{
    (void)state;
    if (!proc_have("openssl"))
        skip();
    char p7s[600];
    snprintf(p7s, sizeof p7s, "%s/p7s", dir);
    support_write(p7s, buf_data(&sealed), sealed.used);
    support_write(in_dir("changed"), content, N - 1);
    assert_int_equal(openssl_verify(p7s, in_dir("content"), cert), 0);
    assert_int_not_equal(openssl_verify(p7s, in_dir("changed"), cert), 0);
    assert_int_not_equal(openssl_verify(p7s, in_dir("content"), other_cert), 0);
    struct buf timed = sign(signer, content, N, clock_utc_us());
    support_write(p7s, buf_data(&timed), timed.used);
    assert_int_equal(openssl_verify(p7s, in_dir("content"), cert), 0);
    buf_clear(&timed);
}

static struct buf openssl_sign(const char *with, const char *their_key, const char *option)
{
    const char *const argv[] = {
        "openssl", "cms", "-sign",  "-binary", "-outform", "DER",    "-in",  in_dir("content"),
        "-signer", with,  "-inkey", their_key, "-md",      "sha256", "-out", in_dir("theirs"),
        option,    NULL};
    struct proc_result r = proc_run(argv);
    if (r.status != 0)
        fail_msg("%s", proc_err(&r));
    proc_clear(&r);
    return support_read(in_dir("theirs"));
}

static void test_what_the_openssl_program_signs_is_accepted(void **state)
{
    (void)state;
    if (!proc_have("openssl"))
        skip();
    struct buf p7s = openssl_sign(cert, key, NULL);
    struct seal_finding f = check(&p7s, content, N, cert);
    assert_true(f.intact && f.trusted);
    assert_true(f.signed_us != SEAL_NO_TIME);
    buf_clear(&p7s);
}

static void test_forms_that_are_not_checked_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *option, *words;
        int code;
    } forms[] = {{"-nodetach", "content inside", ERR_UNSUPPORTED},
                 {"-nocerts", "no certificate", ERR_MALFORMED},
                 {"-noattr", "no signed attributes", ERR_UNSUPPORTED}};
    struct err err;
    struct seal_finding f;
    if (!proc_have("openssl"))
        skip();
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct buf p7s = openssl_sign(cert, key, forms[i].option);
        assert_err(forms[i].code, seal_check(&f, buf_data(&p7s), p7s.used, content, N, NULL, &err));
        if (!strstr(err.text, forms[i].words))
            fail_msg("%s: %s", forms[i].option, err.text);
        buf_clear(&p7s);
    }
}

/* A key whose private half anybody can compute. */
static void test_a_key_that_is_too_short_proves_nothing(void **state)
{
    (void)state;
    static const char *const keys[][4] = {{"rsa:512"},
                                          {"rsa:1024"},
                                          {"ec", "-pkeyopt", "ec_paramgen_curve:secp112r1"},
                                          {"ec", "-pkeyopt", "ec_paramgen_curve:prime192v1"},
                                          {"ec", "-pkeyopt", "ec_paramgen_curve:secp224r1"}};
    if (!proc_have("openssl"))
        skip();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        expect(PROC_RUN("openssl", "req", "-x509", "-nodes", "-subj", "/CN=weak", "-out",
                        in_dir("w.pem"), "-keyout", in_dir("w.key"), "-newkey", keys[i][0],
                        keys[i][1], keys[i][2]),
               0, "");
        struct buf p7s = openssl_sign(in_dir("w.pem"), in_dir("w.key"), NULL);
        struct seal_finding f = check(&p7s, content, N, in_dir("w.pem"));
        assert_false(f.intact || f.bound || f.trusted);
        assert_non_null(strstr(f.why, "is too short"));
        buf_clear(&p7s);
    }
}

/* … also between the signer and the CA. */
static void test_a_short_key_in_its_chain_is_not_trusted(void **state)
{
    (void)state;
    if (!proc_have("openssl"))
        skip();
    expect(PROC_RUN("env", "-C", dir, "sh", "-ec",
                    "openssl req -x509 -nodes -subj /CN=weak-ca -out wca.pem -keyout wca.key"
                    " -newkey rsa:1024 2>/dev/null;"
                    "openssl req -nodes -subj /CN=leaf -newkey rsa:2048 -keyout leaf.key"
                    " -out leaf.csr 2>/dev/null;"
                    "openssl x509 -req -in leaf.csr -CA wca.pem -CAkey wca.key -CAcreateserial"
                    " -out leaf.pem 2>/dev/null"),
           0, "");
    struct buf p7s = openssl_sign(in_dir("leaf.pem"), in_dir("leaf.key"), NULL);
    struct seal_finding f = check(&p7s, content, N, in_dir("wca.pem"));
    assert_true(f.intact && !f.trusted);
    assert_non_null(strstr(f.why, "too weak"));
    buf_clear(&p7s);
}

static void test_rsa_signs_the_same_bytes_each_time(void **state)
{
    (void)state;
    struct err err;
    struct seal_key *k;
    if (!proc_have("openssl"))
        skip();
    const char *const argv[] = {"openssl", "req",           "-x509",   "-newkey", "rsa:2048",
                                "-nodes",  "-subj",         "/CN=rsa", "-out",    in_dir("r.pem"),
                                "-keyout", in_dir("r.key"), NULL};
    struct proc_result r = proc_run(argv);
    assert_int_equal(r.status, 0);
    proc_clear(&r);
    assert_ok(seal_key_open(&k, in_dir("r.pem"), in_dir("r.key"), clock_utc_us(), &err));
    struct buf a = sign(k, content, N, SEAL_NO_TIME), b = sign(k, content, N, SEAL_NO_TIME);
    assert_int_equal(a.used, b.used);
    assert_memory_equal(buf_data(&a), buf_data(&b), a.used);
    assert_true(check(&a, content, N, in_dir("r.pem")).trusted);
    support_write(in_dir("r.p7s"), buf_data(&a), a.used);
    assert_int_equal(openssl_verify(in_dir("r.p7s"), in_dir("content"), in_dir("r.pem")), 0);
    buf_clear(&a);
    buf_clear(&b);
    seal_key_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_signed_is_intact_and_its_signer_named),
        cmocka_unit_test(test_nothing_can_be_signed_too),
        cmocka_unit_test(test_a_signing_time_is_stated_when_it_is_given),
        cmocka_unit_test(test_every_changed_bit_of_the_content_is_noticed),
        cmocka_unit_test(test_every_changed_bit_of_the_signature_is_noticed),
        cmocka_unit_test(test_a_signature_that_is_cut_or_longer_is_malformed),
        cmocka_unit_test(test_what_is_too_large_is_not_read),
        cmocka_unit_test(test_another_keys_signature_is_named),
        cmocka_unit_test(test_a_value_from_another_signature_is_noticed),
        cmocka_unit_test(test_a_certificate_is_trusted_within_its_time_only),
        cmocka_unit_test(test_a_ca_file_that_is_none_is_an_error),
        cmocka_unit_test(test_a_chain_leads_to_its_ca),
        cmocka_unit_test(test_the_certificate_beside_must_be_the_signers),
        cmocka_unit_test(test_the_openssl_program_agrees),
        cmocka_unit_test(test_what_the_openssl_program_signs_is_accepted),
        cmocka_unit_test(test_a_key_that_is_too_short_proves_nothing),
        cmocka_unit_test(test_a_short_key_in_its_chain_is_not_trusted),
        cmocka_unit_test(test_forms_that_are_not_checked_are_refused),
        cmocka_unit_test(test_rsa_signs_the_same_bytes_each_time),
    };
    return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
