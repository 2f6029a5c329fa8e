#include "footage/convert/exif.h"
#include "support/footage.h"
#include <string.h>

static void write_block(const struct exif *e, struct buf *out)
{
    struct err err;
    buf_init(out, 2 * EXIF_BYTES_MAX);
    assert_ok(exif_write(e, out, &err));
    assert_memory_equal(buf_data(out), EXIF_HEAD, EXIF_HEAD_BYTES);
}

static void parse(struct exif *e, const struct buf *payload)
{
    const char *why;
    if (!exif_parse(e, buf_data(payload) + EXIF_HEAD_BYTES, payload->used - EXIF_HEAD_BYTES, &why))
        fail_msg("%s", why);
    assert_int_equal(e->damaged, 0);
}

static void has_numbers(const struct exif *e, enum exif_dir dir, uint16_t tag,
                        const uint32_t *number, uint32_t n)
{
    const struct exif_entry *entry = exif_find(e, dir, tag);
    assert_non_null(entry);
    for (uint32_t i = 0; i < n; i++)
        assert_int_equal(exif_number(e, entry, i), number[i]);
}

static void has_text(const struct exif *e, enum exif_dir dir, uint16_t tag, const char *text)
{
    const struct exif_entry *entry = exif_find(e, dir, tag);
    assert_non_null(entry);
    assert_int_equal(entry->type, EXIF_ASCII);
    assert_int_equal(entry->n, strlen(text) + 1);
    assert_memory_equal(entry->value, text, entry->n);
}

static void test_facts_can_be_read_back(void **state)
{
    (void)state;
    struct exif e, back;
    struct buf out;
    struct media_facts facts = footage_facts();
    facts.lat_deg = -54.70042;
    facts.lon_deg = -0.99999999999; /* rounds to a whole degree, not to 60 seconds */
    e = (struct exif){0};
    exif_set_facts(&e, &facts, 1280, 720);
    write_block(&e, &out);
    parse(&back, &out);
    assert_int_equal(exif_orientation(&back), 1);
    has_text(&back, EXIF_IFD0, 0x010f, "Teltonika");
    has_text(&back, EXIF_IFD0, 0x0110, "DualCam");
    has_text(&back, EXIF_PHOTO, 0x9003, "2024:11:29 09:23:45");
    has_text(&back, EXIF_PHOTO, 0x9011, "+02:00");
    has_text(&back, EXIF_PHOTO, 0x9291, "250");
    has_text(&back, EXIF_GPS, 1, "S");
    has_text(&back, EXIF_GPS, 3, "W");
    has_text(&back, EXIF_GPS, 29, "2024:11:29");
    has_numbers(&back, EXIF_GPS, 2, (const uint32_t[]){54, 1, 42, 1, 15120, 10000}, 6);
    has_numbers(&back, EXIF_GPS, 4, (const uint32_t[]){1, 1, 0, 1, 0, 10000}, 6);
    has_numbers(&back, EXIF_GPS, 7, (const uint32_t[]){7, 1, 23, 1, 45250, 1000}, 6);
    buf_clear(&out);
}

static void test_what_is_not_known_is_not_said(void **state)
{
    (void)state;
    struct exif e;
    struct media_facts facts = {.lat_deg = 91, .has_position = true};
    e = (struct exif){0};
    exif_set_facts(&e, &facts, 16, 16);
    assert_int_equal(e.dir[EXIF_GPS].n, 0);
    assert_null(exif_find(&e, EXIF_IFD0, 0x010f));
    assert_null(exif_find(&e, EXIF_PHOTO, 0x9003));
    assert_null(exif_find(&e, EXIF_PHOTO, 0x9286));
    assert_non_null(exif_find(&e, EXIF_IFD0, 0x0131));
}

/* Big-endian: orientation 6, an artist, a value that lies outside, a tag twice; IFD1. */
static const uint8_t old_block[] = {
    'M',  'M',  0, 42, 0, 0, 0,    16,   's', 'o', 'm', 'e', 'o',  'n',  'e', 0,  0, 4,
    0x01, 0x12, 0, 3,  0, 0, 0,    1,    0,   6,   0,   0,   0x01, 0x3b, 0,   2,  0, 0,
    0,    8,    0, 0,  0, 8, 0x01, 0x3b, 0,   2,   0,   0,   0,    8,    0,   0,  0, 8,
    0x02, 0x00, 0, 2,  0, 0, 0,    99,   0,   0,   0,   8,   0,    0,    0,   70, 0, 0,
};

static void test_old_entries_stay_and_damaged_ones_go(void **state)
{
    (void)state;
    struct exif e, back;
    struct buf out;
    const char *why;
    struct media_facts facts = footage_facts();
    assert_true(exif_parse(&e, old_block, sizeof old_block, &why));
    assert_int_equal(e.damaged, 2);
    exif_set_facts(&e, &facts, 1280, 720);
    write_block(&e, &out);
    /* the old bytes have not moved, so what points at them still does */
    assert_memory_equal(buf_data(&out) + EXIF_HEAD_BYTES + 8, old_block + 8, sizeof old_block - 8);
    parse(&back, &out);
    assert_true(back.big);
    assert_int_equal(exif_orientation(&back), 6);
    has_text(&back, EXIF_IFD0, 0x013b, "someone");
    has_text(&back, EXIF_IFD0, 0x0110, "DualCam");
    assert_int_equal(back.thumbnail_at, 70);
    assert_null(exif_find(&back, EXIF_IFD0, 0x011a)); /* not ours to add */
    buf_clear(&out);
}

static void test_writing_again_gives_the_same_entries(void **state)
{
    (void)state;
    struct exif e, back;
    struct buf first, second;
    struct media_facts facts = footage_facts();
    e = (struct exif){0};
    exif_set_facts(&e, &facts, 1280, 720);
    write_block(&e, &first);
    parse(&e, &first);
    exif_set_facts(&e, &facts, 1280, 720);
    write_block(&e, &second);
    parse(&back, &second);
    for (int dir = 0; dir < EXIF_N_DIRS; dir++) {
        assert_int_equal(back.dir[dir].n, e.dir[dir].n);
        for (int i = 0; i < back.dir[dir].n; i++) {
            const struct exif_entry *a = &e.dir[dir].entry[i], *b = &back.dir[dir].entry[i];
            assert_int_equal(a->tag, b->tag);
            assert_int_equal(a->n, b->n);
            if (dir != EXIF_IFD0 || (a->tag != 0x8769 && a->tag != 0x8825))
                assert_memory_equal(a->value, b->value, a->n);
        }
    }
    buf_clear(&first);
    buf_clear(&second);
}

static void test_broken_blocks_are_refused_and_empty(void **state)
{
    (void)state;
    struct exif e;
    const char *why;
    uint8_t block[sizeof old_block];
    for (size_t n = 0; n < 66; n++) { /* the directory ends at 66 */
        assert_false(exif_parse(&e, old_block, n, &why));
        assert_non_null(why);
        assert_int_equal(e.dir[EXIF_IFD0].n, 0);
        assert_int_equal(exif_orientation(&e), 1);
    }
    memcpy(block, old_block, sizeof block);
    memset(block + 4, 0xff, 4);
    assert_false(exif_parse(&e, block, sizeof block, &why));
    assert_non_null(strstr(why, "outside"));
}

static void test_a_full_segment_is_a_limit(void **state)
{
    (void)state;
    static uint8_t block[EXIF_BYTES_MAX - 6];
    struct exif e;
    struct buf out;
    struct err err;
    const char *why;
    struct media_facts facts = footage_facts();
    memcpy(block, old_block, sizeof old_block);
    assert_true(exif_parse(&e, block, sizeof block, &why));
    exif_set_facts(&e, &facts, 1280, 720);
    buf_init(&out, 2 * EXIF_BYTES_MAX);
    assert_err(ERR_LIMIT, exif_write(&e, &out, &err));
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_can_be_read_back),
        cmocka_unit_test(test_what_is_not_known_is_not_said),
        cmocka_unit_test(test_old_entries_stay_and_damaged_ones_go),
        cmocka_unit_test(test_writing_again_gives_the_same_entries),
        cmocka_unit_test(test_broken_blocks_are_refused_and_empty),
        cmocka_unit_test(test_a_full_segment_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
