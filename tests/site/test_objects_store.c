/* objects: with a real S3 store, what goes in comes out, is kept while it must be, and is gone when
 * it is deleted. */
#define _GNU_SOURCE /* memfd_create() */
#include "dashspool/clock.h"
#include "dashspool/objects.h"
#include "support/engines.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LARGE = 6 << 20, MANY = 1050 };

static struct objects *store;
static char bucket[100];

static void use(const char *name, const char *secret)
{
    struct err err;
    objects_close(&store);
    engines_end();
    assert_int_equal(0, setenv("DASHSPOOL_TEST_BUCKET", name, 1));
    assert_int_equal(0, setenv("AWS_SECRET_ACCESS_KEY", secret, 1));
    engines_use_site();
    assert_ok(objects_open(&store, site_used(), &err));
}

static const char *named(const char *variable)
{
    const char *value = getenv(variable);
    assert_non_null(value);
    return value;
}

static int set_up(void **state)
{
    struct err err;
    (void)state;
    engines_use_site();
    snprintf(bucket, sizeof bucket, "%s", site_bucket(site_used()));
    assert_ok(objects_open(&store, site_used(), &err));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    objects_close(&store);
    engines_end();
    setenv("DASHSPOOL_TEST_BUCKET", bucket, 1);
    return 0;
}

static const char *key_of(const void *data, size_t n)
{
    static char key[OBJECTS_KEY_ROOM];
    char hex[HASH_HEX_ROOM];
    struct err err;
    assert_ok(hash_text(data, n, hex, &err));
    assert_ok(objects_key(key, "masters", hex, "", &err));
    return key;
}

static struct objects_put text(const char *key, const char *data, char hex[HASH_HEX_ROOM])
{
    struct err err;
    assert_ok(hash_text(data, strlen(data), hex, &err));
    return (struct objects_put){
        .key = key, .fd = -1, .data = data, .n = (int64_t)strlen(data), .sha256 = hex};
}

struct taken {
    uint8_t *bytes;
    size_t n, room;
};

static int take(void *arg, const void *data, size_t n, struct err *err)
{
    struct taken *t = arg;
    (void)err;
    assert_true(n <= t->room - t->n);
    memcpy(t->bytes + t->n, data, n);
    t->n += n;
    return ERR_OK;
}

static void must_get(const char *key, int64_t from, int64_t n, const void *expected, size_t bytes)
{
    struct err err;
    struct taken t = {malloc(bytes + 100), 0, bytes + 100};
    assert_non_null(t.bytes);
    assert_ok(objects_get(store, key, from, n, take, &t, &err));
    assert_int_equal(t.n, bytes);
    assert_memory_equal(t.bytes, expected, bytes);
    free(t.bytes);
}

static void test_a_file_comes_back_whole_and_in_parts(void **state)
{
    (void)state;
    struct err err;
    struct objects_facts facts;
    char hex[HASH_HEX_ROOM];
    uint8_t *bytes = malloc(LARGE + 10);
    assert_non_null(bytes);
    for (uint32_t i = 0, x = 1; i < LARGE + 10; i++, x = x * 1664525 + 1013904223)
        bytes[i] = (uint8_t)(x >> 24);
    int fd = memfd_create("master", 0), copy = memfd_create("copy", 0);
    assert_int_equal(LARGE + 10, write(fd, bytes, LARGE + 10));
    const char *key = key_of(bytes + 10, LARGE);
    assert_ok(hash_text(bytes + 10, LARGE, hex, &err));
    const struct objects_put put = {
        .key = key, .fd = fd, .from = 10, .n = LARGE, .sha256 = hex, .by_content = true};
    assert_err(ERR_NOTFOUND, objects_head(store, key, &facts, &err));
    assert_ok(objects_put(store, &put, &err));
    assert_ok(objects_put(store, &put, &err)); /* the answer was lost: again */
    assert_ok(objects_head(store, key, &facts, &err));
    assert_int_equal(facts.bytes, LARGE);
    assert_string_equal(facts.sha256, hex);
    assert_int_equal(facts.retain_until_us, 0);
    assert_true(llabs(facts.modified_us - clock_utc_us()) < 600 * INT64_C(1000000));
    must_get(key, 0, -1, bytes + 10, LARGE);
    must_get(key, 1000, 70000, bytes + 1010, 70000);
    must_get(key, LARGE - 5, -1, bytes + 5 + LARGE, 5);
    must_get(key, LARGE - 5, 100, bytes + 5 + LARGE, 5);
    must_get(key, 0, 1, bytes + 10, 1);
    must_get(key, 7, 0, bytes, 0);
    struct taken none = {bytes, 0, 0};
    assert_err(ERR_LIMIT, objects_get(store, key, LARGE, -1, take, &none, &err));
    assert_ok(objects_get_file(store, key, copy, hex, &err));
    assert_int_equal(LARGE, lseek(copy, 0, SEEK_END));
    close(fd);
    close(copy);
    free(bytes);
    assert_ok(objects_delete(store, key, &err));
    assert_ok(objects_delete(store, key, &err));
    assert_err(ERR_NOTFOUND, objects_head(store, key, &facts, &err));
}

static void test_nothing_is_an_object_too(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    struct objects_put put = text("packages/none", "", hex);
    assert_ok(objects_put(store, &put, &err));
    must_get("packages/none", 0, -1, "", 0);
}

static void test_bytes_of_another_hash_are_refused(void **state)
{
    (void)state;
    struct err err;
    struct objects_facts facts;
    char hex[HASH_HEX_ROOM];
    struct objects_put put = text("masters/x", "what was received", hex);
    put.data = "what was damagedd";
    assert_err(ERR_MALFORMED, objects_put(store, &put, &err));
    assert_has(err.text, "not those of the hash");
    assert_err(ERR_NOTFOUND, objects_head(store, "masters/x", &facts, &err));
}

static void test_a_damaged_object_is_told_and_put_anew(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM], other[HASH_HEX_ROOM];
    const char *key = key_of("original", 8);
    static const char *const wrong[] = {"originax", "orig"};
    struct objects_put put = text(key, "original", hex);
    put.by_content = true;
    int fd = memfd_create("copy", 0);
    for (int i = 0; i < 2; i++) {
        const struct objects_put damage = text(key, wrong[i], other);
        assert_ok(objects_put(store, &damage, &err));
        assert_err(ERR_MALFORMED, objects_get_file(store, key, fd, hex, &err));
        assert_has(err.text, "is damaged");
        assert_ok(objects_put(store, &put, &err));
        assert_ok(objects_get_file(store, key, fd, hex, &err));
        must_get(key, 0, -1, "original", 8);
    }
    close(fd);
}

struct seen {
    char last[100];
    int n;
};

static int count(void *arg, const char *key, int64_t bytes, int64_t modified_us, struct err *err)
{
    struct seen *s = arg;
    (void)err;
    assert_true(strcmp(key, s->last) > 0);
    assert_true(bytes == 4 && modified_us > 0);
    snprintf(s->last, sizeof s->last, "%s", key);
    s->n++;
    return ERR_OK;
}

static int delete_listed(void *arg, const char *key, int64_t bytes, int64_t modified_us,
                         struct err *err)
{
    (void)bytes, (void)modified_us;
    ++*(int *)arg;
    return objects_delete(store, key, err);
}

static int stop_at_three(void *arg, const char *key, int64_t bytes, int64_t modified_us,
                         struct err *err)
{
    (void)key, (void)bytes, (void)modified_us;
    return ++*(int *)arg == 3 ? err_set(err, ERR_AGAIN, "enough") : ERR_OK;
}

static void test_many_are_put_listed_in_order_and_deleted(void **state)
{
    (void)state;
    struct err err;
    static struct objects_put puts[MANY + 1];
    static char keys[MANY][100], hex[HASH_HEX_ROOM];
    struct seen seen = {"", 0};
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "copies/%02x/%d", (unsigned)(i * 7 % 256), i);
        puts[i] = text(keys[i], "four", hex);
    }
    puts[MANY] = text("copies/Bad Key", "four", hex);
    assert_err(ERR_MALFORMED, objects_put_all(store, puts, MANY + 1, &err));
    for (int i = 0; i < MANY; i++)
        assert_int_equal(puts[i].rc, ERR_OK);
    puts[0] = text("copiesx", "four", hex);
    assert_ok(objects_put_all(store, puts, 1, &err));
    assert_ok(objects_list(store, "copies/", "", count, &seen, &err));
    assert_int_equal(seen.n, MANY);
    seen.n = 0;
    snprintf(seen.last, sizeof seen.last, "copies/80");
    assert_ok(objects_list(store, "copies/", "copies/80", count, &seen, &err));
    assert_true(seen.n > MANY / 3 && seen.n < MANY * 2 / 3);
    int n = 0;
    assert_err(ERR_AGAIN, objects_list(store, "copies/", "", stop_at_three, &n, &err));
    assert_int_equal(n, 3);
    n = 0;
    assert_ok(objects_list(store, "copies/1", "", delete_listed, &n, &err));
    assert_true(n > 0);
    n = 0;
    assert_ok(objects_list(store, "copies/1", "", stop_at_three, &n, &err));
    assert_int_equal(n, 0);
}

static void test_who_may_not_is_told_at_once(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM], secret[300];
    struct objects_facts facts;
    struct objects_put put = text("packages/x", "abc", hex);
    snprintf(secret, sizeof secret, "%s", named("AWS_SECRET_ACCESS_KEY"));
    int64_t begun_us = clock_mono_us();
    use(bucket, "wrong");
    assert_err(ERR_CONFIG, objects_put(store, &put, &err));
    assert_has(err.text, "credentials");
    assert_err(ERR_CONFIG, objects_head(store, "packages/x", &facts, &err));
    use("no-such-bucket", secret);
    assert_err(ERR_CONFIG, objects_put(store, &put, &err));
    assert_has(err.text, "no such bucket");
    assert_true(clock_mono_us() - begun_us < 60 * INT64_C(1000000)); /* not tried again */
    static const char *const bad[] = {"", "/x", "x/", "a//b", "a/../b", "A", "a b", "a%20", "a\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put.key = bad[i];
        assert_err(ERR_MALFORMED, objects_put(store, &put, &err));
        assert_err(ERR_MALFORMED, objects_delete(store, bad[i], &err));
    }
}

static void test_a_locked_object_stays_and_others_leave_no_version(void **state)
{
    (void)state;
    struct err err;
    char hex[HASH_HEX_ROOM];
    struct objects_facts facts;
    int64_t until_us = (clock_utc_us() / 1000000 + 120) * 1000000;
    struct objects_put put = text("packages/kept", "evidence", hex);
    assert_ok(objects_put(store, &put, &err));
    assert_err(ERR_UNSUPPORTED, objects_retain(store, "packages/kept", until_us, &err));
    put.retain_until_us = until_us;
    assert_err(ERR_UNSUPPORTED, objects_put(store, &put, &err));

    use(named("DASHSPOOL_TEST_LOCKED_BUCKET"), named("AWS_SECRET_ACCESS_KEY"));
    assert_ok(objects_put(store, &put, &err));
    assert_ok(objects_head(store, "packages/kept", &facts, &err));
    assert_int_equal(facts.retain_until_us, until_us);
    assert_err(ERR_BUSY, objects_delete(store, "packages/kept", &err));
    assert_has(err.text, "kept by object lock");
    must_get("packages/kept", 0, -1, "evidence", 8);

    struct objects_put later = text("packages/later", "evidence", hex);
    assert_ok(objects_put(store, &later, &err));
    assert_ok(objects_retain(store, "packages/later", until_us, &err));
    assert_ok(objects_retain(store, "packages/later", until_us + 1000000, &err));
    assert_err(ERR_CONFIG, objects_retain(store, "packages/later", until_us, &err));
    assert_ok(objects_head(store, "packages/later", &facts, &err));
    assert_int_equal(facts.retain_until_us, until_us + 1000000);
    assert_err(ERR_BUSY, objects_delete(store, "packages/later", &err));

    struct objects_put twice = text("packages/twice", "old", hex);
    assert_ok(objects_put(store, &twice, &err));
    twice = text("packages/twice", "new", hex);
    assert_ok(objects_put(store, &twice, &err));
    assert_ok(objects_delete(store, "packages/twice", &err));
    assert_err(ERR_NOTFOUND, objects_head(store, "packages/twice", &facts, &err));
    assert_ok(objects_delete(store, "packages/twice", &err));
}

static void test_the_probe_says_what_is_so(void **state)
{
    (void)state;
    struct err err;
    struct objects_can can;
    char said[OBJECTS_CAN_ROOM];
    int n = 0;
    assert_ok(objects_probe(store, &can, &err));
    assert_true(can.if_none_match);
    assert_true(can.refuses_wrong_hash);
    assert_false(can.keeps_versions);
    assert_int_equal(can.lock, OBJECTS_LOCK_NONE);
    assert_true(llabs(can.clock_ahead_ms) < 5000);
    assert_has(objects_can_text(&can, said), "has no object lock");
    assert_ok(objects_list(store, "probe/", "", stop_at_three, &n, &err));
    assert_int_equal(n, 0); /* it leaves nothing */

    use(named("DASHSPOOL_TEST_LOCKED_BUCKET"), named("AWS_SECRET_ACCESS_KEY"));
    assert_ok(objects_probe(store, &can, &err));
    assert_true(can.keeps_versions);
    assert_int_equal(can.lock, OBJECTS_LOCK_WORKS);
    assert_has(objects_can_text(&can, said), "nobody deletes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(test_a_file_comes_back_whole_and_in_parts),
        TEST(test_nothing_is_an_object_too),
        TEST(test_bytes_of_another_hash_are_refused),
        TEST(test_a_damaged_object_is_told_and_put_anew),
        TEST(test_many_are_put_listed_in_order_and_deleted),
        TEST(test_who_may_not_is_told_at_once),
        TEST(test_a_locked_object_stays_and_others_leave_no_version),
        TEST(test_the_probe_says_what_is_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
