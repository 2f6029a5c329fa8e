/* The PROXY header, version 2, at evil lengths and with whatever else a peer may send. */
#include "dashspool/listen.h"
#include "intake/link/proxy.h"
#include "support/balancer.h"
#include "support/support.h"
#include <stdlib.h>
#include <string.h>

static const char behind[] = "what the device says";

/* Feeds it in pieces; what is left behind it must be what was behind it. */
static int feed(const uint8_t *header, size_t n, size_t piece, char name[LISTEN_NAME_ROOM],
                struct err *err)
{
    uint8_t all[BALANCER_HEADER_ROOM + sizeof behind];
    char host[LISTEN_NAME_ROOM];
    struct proxy_header h = {.state = PROXY_EXPECTED};
    struct sockaddr_storage from;
    size_t bytes = 99, whole = n + sizeof behind;
    memcpy(all, header, n);
    memcpy(all + n, behind, sizeof behind);
    name[0] = '\0';
    for (size_t at = 0; at < whole;) {
        size_t left = whole - at < piece ? whole - at : piece, given = left;
        uint8_t *exact = malloc(left); /* so that a byte too many is seen */
        memcpy(exact, all + at, left);
        const uint8_t *data = exact;
        int rc = proxy_feed(&h, &data, &left, &from, &bytes, err);
        bool rest_is_ours = h.state != PROXY_DONE || at + given - left == n;
        bool used_up = h.state == PROXY_DONE || left == 0;
        free(exact);
        if (rc < 0)
            return rc;
        assert_true(rest_is_ours && used_up);
        at += given - left;
        if (h.state == PROXY_DONE) {
            if (bytes > 0)
                listen_name((struct sockaddr *)&from, bytes, name, host);
            return ERR_OK;
        }
    }
    return err_set(err, ERR_AGAIN, "not whole");
}

static void test_the_address_is_the_clients_whatever_the_pieces(void **state)
{
    (void)state;
    struct err err;
    uint8_t h[BALANCER_HEADER_ROOM];
    char name[LISTEN_NAME_ROOM];
    static const size_t tlvs[] = {0, 1, 200, 1900};
    for (size_t t = 0; t < 4; t++)
        for (size_t piece = 1; piece < 2100; piece += piece < 60 ? 1 : 97) {
            size_t n = balancer_header(h, "203.0.113.7", 4711, tlvs[t]);
            assert_ok(feed(h, n, piece, name, &err));
            assert_string_equal(name, "203.0.113.7:4711");
            n = balancer_header(h, "2001:db8::7", 65535, tlvs[t]);
            assert_ok(feed(h, n, piece, name, &err));
            assert_string_equal(name, "[2001:db8::7]:65535");
        }
}

static void test_a_balancer_may_speak_for_itself(void **state)
{
    (void)state;
    struct err err;
    uint8_t h[BALANCER_HEADER_ROOM];
    char name[LISTEN_NAME_ROOM];
    size_t n = balancer_header(h, "203.0.113.7", 4711, 0);
    h[12] = 0x20; /* LOCAL, with or without addresses */
    assert_ok(feed(h, n, 7, name, &err));
    assert_string_equal(name, "");
    h[13] = h[14] = h[15] = 0;
    assert_ok(feed(h, 16, 7, name, &err));
    assert_string_equal(name, "");
    h[12] = 0x21; /* PROXY of an unknown client */
    assert_ok(feed(h, 16, 7, name, &err));
    assert_string_equal(name, "");
}

static void test_what_is_no_header_is_refused(void **state)
{
    (void)state;
    struct err err;
    uint8_t h[BALANCER_HEADER_ROOM];
    char name[LISTEN_NAME_ROOM];
    static const struct {
        size_t at;
        uint8_t byte;
        const char *says;
    } wrong[] = {
        {0, 'P', "version 1"},          {0, 0x16, "no PROXY header"},
        {11, 0, "no PROXY header"},     {12, 0x11, "0x11 are unknown"},
        {12, 0x31, "0x31 are unknown"}, {12, 0x22, "0x22 are unknown"},
        {13, 0x12, "neither TCP4"},     {13, 0x31, "neither TCP4"},
        {13, 0x01, "neither TCP4"},     {13, 0x22, "neither TCP4"},
        {13, 0x21, "too short"},        {15, 11, "too short"},
        {14, 0xff, "more than 4096"},   {14, 0x10, "more than 4096"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        for (size_t piece = 1; piece < 40; piece += 19) {
            size_t n = balancer_header(h, "203.0.113.7", 4711, 0);
            h[wrong[i].at] = wrong[i].byte;
            assert_err(ERR_MALFORMED, feed(h, n, piece, name, &err));
            assert_has(err.text, wrong[i].says);
        }
}

/* Not only once sixteen bytes are there: a device that speaks first would wait for ever. */
static void test_a_device_that_comes_past_the_balancer_is_told_at_its_first_byte(void **state)
{
    (void)state;
    struct err err;
    struct proxy_header h = {.state = PROXY_EXPECTED};
    struct sockaddr_storage from;
    const uint8_t byte = 0x00, *data = &byte;
    size_t n = 1, bytes;
    assert_err(ERR_MALFORMED, proxy_feed(&h, &data, &n, &from, &bytes, &err));
}

static void test_networks_name_addresses(void **state)
{
    (void)state;
    struct err err;
    struct networks all;
    assert_ok(networks_read(&all, "10.0.0.0/8, 192.0.2.1,fd00::/8", &err));
    assert_true(networks_have(&all, "10.255.0.1"));
    assert_true(networks_have(&all, "192.0.2.1"));
    assert_true(networks_have(&all, "::ffff:10.1.1.1"));
    assert_true(networks_have(&all, "fd12::1"));
    assert_false(networks_have(&all, "11.0.0.1"));
    assert_false(networks_have(&all, "192.0.2.2"));
    assert_false(networks_have(&all, "fe80::1"));
    assert_false(networks_have(&all, "?"));
    assert_ok(networks_read(&all, "", &err));
    assert_false(networks_have(&all, "10.0.0.1"));
    assert_err(ERR_CONFIG, networks_read(&all, "10.0.0.0/33", &err));
    assert_err(ERR_CONFIG, networks_read(&all, "balancer.example", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_address_is_the_clients_whatever_the_pieces),
        cmocka_unit_test(test_a_balancer_may_speak_for_itself),
        cmocka_unit_test(test_what_is_no_header_is_refused),
        cmocka_unit_test(test_a_device_that_comes_past_the_balancer_is_told_at_its_first_byte),
        cmocka_unit_test(test_networks_name_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
