/* A tracker's link: the same items however its bytes are cut, and what is no tracker's. */
#include "dashspool/avl.h"
#include "dashspool/text.h"
#include "support/vectors.h"
#include <string.h>

enum { ITEMS_MAX = 64 };

struct bytes {
    uint8_t data[4096];
    size_t n;
};

/* What is left of an item when its bytes are gone. */
struct seen {
    enum avl_item_type type;
    bool over;
    char imei[AVL_IMEI_ROOM];
    enum avl_reason reason;
    int codec, n;
    size_t raw_bytes;
    uint16_t crc; /* of its raw bytes */
};

static int load(void **state)
{
    (void)state;
    vectors_load("avl-vectors.tsv");
    return 0;
}

static void add(struct bytes *b, const void *data, size_t n)
{
    assert_true(b->n + n <= sizeof b->data);
    memcpy(b->data + b->n, data, n);
    b->n += n;
}

static void add_vector(struct bytes *b, const char *name)
{
    add(b, vector(name)->data, vector(name)->n);
}

static size_t take_all(struct avl_stream *s, struct seen *out, size_t n)
{
    struct avl_item item;
    while (avl_stream_next(s, &item)) {
        assert_true(n < ITEMS_MAX);
        struct seen *e = &out[n++];
        memset(e, 0, sizeof *e);
        e->type = item.type;
        e->over = item.over;
        memcpy(e->imei, item.imei, sizeof e->imei);
        e->reason = item.reason;
        e->codec = item.frame.codec;
        e->n = item.frame.n;
        if (item.over)
            continue; /* what has come of it depends on the cut */
        e->raw_bytes = item.raw_bytes;
        e->crc = avl_crc(item.raw, item.raw_bytes);
    }
    return n;
}

/* In two reads, the first of `first` bytes, and the rest in reads of `chunk`. */
static size_t play(const struct bytes *b, size_t first, size_t chunk, size_t length_max,
                   struct seen *out)
{
    struct err err;
    struct avl_stream s;
    size_t n = 0;
    avl_stream_init(&s, length_max);
    for (size_t at = 0, some = first; at < b->n; at += some, some = chunk) {
        if (some > b->n - at)
            some = b->n - at;
        assert_ok(avl_stream_feed(&s, b->data + at, some, &err));
        n = take_all(&s, out, n);
    }
    avl_stream_clear(&s);
    return n;
}

static struct seen only(const struct bytes *b, size_t length_max)
{
    struct seen whole[ITEMS_MAX], ones[ITEMS_MAX];
    assert_int_equal(play(b, b->n, b->n, length_max, whole), 1);
    assert_int_equal(play(b, 1, 1, length_max, ones), 1);
    assert_memory_equal(whole, ones, sizeof *whole);
    return whole[0];
}

static struct seen only_of(const char *data, size_t n)
{
    struct bytes b = {.n = 0};
    add(&b, data, n);
    return only(&b, AVL_LENGTH_MAX);
}

static void test_a_whole_session_at_every_split(void **state)
{
    (void)state;
    static const char *const session[] = {
        "ping",     "login",   "ping",           "ping",          "c8-1rec", "c12-camreq-rsp",
        "ping",     "c8-2rec", "c8e-tamper-crc", "c8e-2rec-nx",   "c13-rsp", "c14-nack",
        "c16-2rec", "c15",     "c14-ack",        "c8-1rec-short", "ping",
    };
    enum { N = sizeof session / sizeof *session };
    struct bytes b = {.n = 0};
    struct seen whole[ITEMS_MAX], cut[ITEMS_MAX];
    for (size_t i = 0; i < N; i++)
        add_vector(&b, session[i]);
    assert_int_equal(play(&b, b.n, b.n, AVL_LENGTH_MAX, whole), N);
    for (size_t i = 0; i < N; i++) {
        const struct vector *v = vector(session[i]);
        assert_int_equal(whole[i].raw_bytes, v->n);
        assert_int_equal(whole[i].crc, avl_crc(v->data, v->n));
        assert_false(whole[i].over);
    }
    assert_int_equal(whole[1].type, AVL_ITEM_LOGIN);
    assert_string_equal(whole[1].imei, "356307042441013");
    assert_int_equal(whole[5].codec, AVL_CODEC_12);
    assert_int_equal(whole[8].type, AVL_ITEM_REFUSED); /* and it goes on behind it */
    assert_int_equal(whole[9].n, 2);
    for (size_t first = 1; first < b.n; first++) {
        assert_int_equal(play(&b, first, b.n, AVL_LENGTH_MAX, cut), N);
        assert_memory_equal(cut, whole, N * sizeof *whole);
    }
    for (size_t chunk = 1; chunk < 80; chunk++) {
        assert_int_equal(play(&b, chunk, chunk, AVL_LENGTH_MAX, cut), N);
        assert_memory_equal(cut, whole, N * sizeof *whole);
    }
}

/* A frame of these bytes with the right length and CRC. */
static struct bytes frame(const char *content, size_t n)
{
    struct bytes b = {.n = 0};
    uint16_t crc = avl_crc(content, n);
    const uint8_t prefix[8] = {0, 0, 0, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n};
    const uint8_t suffix[4] = {0, 0, (uint8_t)(crc >> 8), (uint8_t)crc};
    add(&b, prefix, sizeof prefix);
    add(&b, content, n);
    add(&b, suffix, sizeof suffix);
    return b;
}

static void assert_refused(const struct bytes *b, enum avl_reason reason, bool over)
{
    struct seen whole[ITEMS_MAX], ones[ITEMS_MAX];
    struct bytes more = *b;
    struct avl_frame f;
    assert_int_equal(avl_frame_parse(b->data, b->n, AVL_LENGTH_MAX, &f), reason);
    add_vector(&more, "c8-1rec"); /* seen if and only if the stream goes on */
    size_t n = play(&more, more.n, more.n, AVL_LENGTH_MAX, whole);
    assert_int_equal(n, over ? 1 : 2);
    assert_int_equal(whole[0].type, AVL_ITEM_REFUSED);
    assert_int_equal(whole[0].reason, reason);
    assert_int_equal(whole[0].over, over);
    assert_int_equal(play(&more, 1, 1, AVL_LENGTH_MAX, ones), n);
    assert_memory_equal(whole, ones, n * sizeof *whole);
}

static void test_each_reason_to_refuse_a_frame(void **state)
{
    (void)state;
    const struct vector *good = vector("c8-1rec");
    const char *content = (const char *)good->data + 8;
    size_t n = good->n - AVL_AROUND_BYTES;
    struct bytes b = frame(content, n);
    assert_int_equal(only(&b, AVL_LENGTH_MAX).type, AVL_ITEM_FRAME);

    b.data[b.n - 3] = 1; /* the upper half of the CRC */
    b.data[b.n - 4] = 0;
    assert_refused(&b, AVL_BAD_CRC, false);
    b = frame(content, n);
    b.data[b.n - 1] ^= 1;
    assert_refused(&b, AVL_BAD_CRC, false);

    char changed[256];
    memcpy(changed, content, n);
    changed[n - 1] = 2;
    b = frame(changed, n);
    assert_refused(&b, AVL_BAD_COUNTS, false);
    changed[1] = 2; /* two are told, one is there */
    b = frame(changed, n);
    assert_refused(&b, AVL_BAD_END, false);
    changed[1] = changed[n - 1] = 0; /* none is told, one is there */
    b = frame(changed, n);
    assert_refused(&b, AVL_BAD_END, false);
    memcpy(changed, content, n);
    changed[0] = 7; /* GH3000 */
    b = frame(changed, n);
    assert_refused(&b, AVL_BAD_CODEC, false);
    memmove(changed + n, changed + n - 1, 1); /* a byte behind the record */
    changed[0] = 8;
    b = frame(changed, n + 1);
    assert_refused(&b, AVL_BAD_END, false);

    b = frame("", 0); /* very old firmware, but with a CRC */
    assert_refused(&b, AVL_BAD_LENGTH, true);
    b = frame("\x08", 2);
    assert_refused(&b, AVL_BAD_LENGTH, true);
    b = frame(content, n);
    b.data[3] = 1;
    b.data[2] = 1;
    assert_refused(&b, AVL_BAD_PREAMBLE, true);
}

static void test_a_frame_of_no_records_is_one(void **state)
{
    (void)state;
    struct bytes b = frame("\x08\0", 3);
    struct seen e = only(&b, AVL_LENGTH_MAX);
    assert_int_equal(e.type, AVL_ITEM_FRAME); /* answered with 0 */
    assert_int_equal(e.n, 0);
}

static void test_a_frame_of_the_largest_length_and_one_above(void **state)
{
    (void)state;
    static uint8_t out[AVL_LENGTH_MAX + AVL_AROUND_BYTES], text[AVL_LENGTH_MAX];
    struct err err;
    struct avl_stream s;
    struct avl_item item;
    struct avl_message m = {.codec = AVL_CODEC_12, .kind = AVL_MESSAGE_ANSWER, .data = text};
    m.n = AVL_LENGTH_MAX - 8;
    size_t n = avl_message_put(out, sizeof out, &m);
    assert_int_equal(n, sizeof out);
    avl_stream_init(&s, AVL_LENGTH_MAX);
    for (size_t at = 0; at < n; at += 1000) {
        assert_false(avl_stream_next(&s, &item));
        assert_ok(avl_stream_feed(&s, out + at, n - at < 1000 ? n - at : 1000, &err));
    }
    assert_true(avl_stream_next(&s, &item) && item.type == AVL_ITEM_FRAME);
    assert_int_equal(item.raw_bytes, n);
    assert_false(avl_stream_next(&s, &item));
    assert_null(s.in.mem); /* a silent link keeps no such room */
    avl_stream_clear(&s);

    avl_stream_init(&s, AVL_LENGTH_MAX - 1);
    assert_ok(avl_stream_feed(&s, out, 8, &err)); /* by its length, before it came */
    assert_true(avl_stream_next(&s, &item) && item.type == AVL_ITEM_REFUSED && item.over);
    assert_int_equal(item.reason, AVL_BAD_LENGTH);
    assert_ok(avl_stream_feed(&s, out, 1000, &err));
    assert_false(avl_stream_next(&s, &item));
    assert_null(s.in.mem); /* dropped */
    avl_stream_clear(&s);
}

static void test_more_than_is_taken_is_an_error(void **state)
{
    (void)state;
    static const uint8_t pings[AVL_FEED_MAX] = {0xff};
    struct err err;
    struct avl_stream s;
    avl_stream_init(&s, 100);
    assert_ok(avl_stream_feed(&s, pings, sizeof pings, &err));
    assert_err(ERR_LIMIT, avl_stream_feed(&s, pings, 113, &err));
    avl_stream_clear(&s);
}

static void test_a_camera_on_this_port_is_known(void **state)
{
    (void)state;
    static const char init[] = "\0\0\0\5\0\1\x3e\xe1\x3c\0\x19\x81\x44\0\4\0\0\1\0\6";
    struct seen e = only_of(init, sizeof init - 1);
    assert_int_equal(e.type, AVL_ITEM_CAMERA);
    assert_true(e.over);
    assert_string_equal(e.imei, "350612071913857");
    e = only_of("\0\0\0\6\0\0\x09\x18\x4e\x72\xa0\0\0\0\0\0", 16); /* 14 digits */
    assert_int_equal(e.type, AVL_ITEM_CAMERA);
    assert_string_equal(e.imei, "010000000000000");
    e = only_of("\0\0\0\6\0\0\x09\x18\x4e\x72\x9f\xff\0\0\0\0", 16); /* 13 */
    assert_int_equal(e.reason, AVL_BAD_PREAMBLE);
    e = only_of("\0\0\0\6\0\3\x8d\x7e\xa4\xc6\x80\0\0\0\0\0", 16); /* 16 */
    assert_int_equal(e.reason, AVL_BAD_PREAMBLE);

    struct bytes b = {.n = 0};
    struct seen seen[ITEMS_MAX];
    add_vector(&b, "login");
    add(&b, init, 4);
    assert_int_equal(play(&b, 1, 1, AVL_LENGTH_MAX, seen), 2); /* after a login: out of step */
    assert_int_equal(seen[1].type, AVL_ITEM_REFUSED);
    assert_int_equal(seen[1].reason, AVL_BAD_PREAMBLE);
}

static void test_logins(void **state)
{
    (void)state;
    struct seen e = only_of("\0\x0f"
                            "123456789012345",
                            17);
    assert_int_equal(e.type, AVL_ITEM_LOGIN);
    assert_string_equal(e.imei, "123456789012345");
    assert_false(e.over); /* its last digit is wrong, which is only a hint */
    assert_false(text_imei_ok(e.imei));
    assert_true(text_imei_ok("352093081452251"));
    assert_false(text_imei_ok("35209308145225"));
    assert_false(text_imei_ok(""));
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {
        {"\0\x0f"
         "12345678901234x",
         17},
        {"\0\x0f"
         "12345678901234\0",
         17},
        {"\0\x10"
         "1234567890123456",
         18},
        {"\0\x08"
         "12345678",
         10},
        {"\0\x0e", 2},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct bytes b = {.n = 0};
        struct seen seen[ITEMS_MAX];
        add(&b, bad[i].bytes, bad[i].n);
        assert_int_equal(play(&b, b.n, b.n, AVL_LENGTH_MAX, seen), 1);
        assert_int_equal(seen[0].type, AVL_ITEM_LOGIN);
        assert_string_equal(seen[0].imei, "");
        assert_true(seen[0].over);
    }

    struct bytes b = {.n = 0};
    struct seen seen[ITEMS_MAX];
    add_vector(&b, "login"); /* again, and then a length that no login has */
    add_vector(&b, "login");
    add(&b,
        "\0\x10"
        "1",
        3);
    assert_int_equal(play(&b, 1, 1, AVL_LENGTH_MAX, seen), 3);
    assert_int_equal(seen[1].type, AVL_ITEM_LOGIN);
    assert_int_equal(seen[2].type, AVL_ITEM_REFUSED);
    assert_int_equal(seen[2].reason, AVL_BAD_PREAMBLE);
}

static void test_strangers_are_refused_by_their_first_byte(void **state)
{
    (void)state;
    static const char *const strangers[] = {"GET / HTTP/1.1\r\n", "\x16\x03\x01", "SSH-2.0-x"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        struct seen e = only_of(strangers[i], strlen(strangers[i]));
        assert_int_equal(e.type, AVL_ITEM_REFUSED);
        assert_int_equal(e.reason, AVL_BAD_PREAMBLE);
        assert_true(e.over);
    }
}

static void test_one_frame_and_nothing_else(void **state)
{
    (void)state;
    struct avl_frame f;
    const struct vector *v = vector("c8-1rec"), *two = vector("two-frames");
    for (size_t n = 0; n < v->n; n++)
        assert_int_equal(avl_frame_parse(v->data, n, AVL_LENGTH_MAX, &f), AVL_CUT);
    assert_int_equal(avl_frame_parse(two->data, two->n, AVL_LENGTH_MAX, &f), AVL_CUT);
    assert_int_equal(avl_frame_parse(v->data, v->n, v->n - AVL_AROUND_BYTES, &f), AVL_FINE);
    assert_int_equal(avl_frame_parse(v->data, v->n, v->n - AVL_AROUND_BYTES - 1, &f),
                     AVL_BAD_LENGTH);
}

static void test_datagrams_that_are_refused(void **state)
{
    (void)state;
    struct avl_datagram d;
    const struct vector *v = vector("udp-c8");
    uint8_t b[256];
    for (size_t n = 0; n < v->n; n++) {
        memcpy(b, v->data, n);
        assert_int_equal(avl_datagram_parse(b, n, &d), AVL_CUT);
        if (n < 2)
            continue;
        b[0] = 0;
        b[1] = (uint8_t)(n - 2); /* its length is right, and it is cut */
        assert_int_not_equal(avl_datagram_parse(b, n, &d), AVL_FINE);
    }
    static const struct {
        size_t at;
        uint8_t value;
        enum avl_reason reason;
    } changes[] = {
        {7, 14, AVL_BAD_LOGIN},  {8, 'x', AVL_BAD_LOGIN},         {23, 7, AVL_BAD_CODEC},
        {24, 2, AVL_BAD_COUNTS}, {23, AVL_CODEC_16, AVL_BAD_END},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(b, v->data, v->n);
        b[changes[i].at] = changes[i].value;
        assert_int_equal(avl_datagram_parse(b, v->n, &d), changes[i].reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_session_at_every_split),
        cmocka_unit_test(test_each_reason_to_refuse_a_frame),
        cmocka_unit_test(test_a_frame_of_no_records_is_one),
        cmocka_unit_test(test_a_frame_of_the_largest_length_and_one_above),
        cmocka_unit_test(test_more_than_is_taken_is_an_error),
        cmocka_unit_test(test_a_camera_on_this_port_is_known),
        cmocka_unit_test(test_logins),
        cmocka_unit_test(test_strangers_are_refused_by_their_first_byte),
        cmocka_unit_test(test_one_frame_and_nothing_else),
        cmocka_unit_test(test_datagrams_that_are_refused),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
