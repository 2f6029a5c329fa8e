/* What is written is read as it was meant, and what does not fit is not written. */
#include "dashspool/avl.h"
#include "support/support.h"
#include <string.h>

static uint64_t chance;

static uint64_t any(uint64_t below)
{
    chance = chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (chance >> 33) % below;
}

enum { IOS_MAX = 40, RECORDS_MAX = 5, ROOM = 16384 };

struct made {
    struct avl_record r;
    struct avl_io ios[IOS_MAX];
    size_t n;
};

static struct made any_record(uint8_t codec, const uint8_t *noise, size_t noise_n)
{
    static const uint16_t widths[] = {1, 2, 4, 8};
    struct made m = {.n = any(IOS_MAX + 1)};
    m.r.time_ms = any(UINT32_MAX) << 12;
    m.r.priority = (uint8_t)any(3);
    m.r.longitude_e7 = (int32_t)any(3600000001) - 1800000000;
    m.r.latitude_e7 = (int32_t)any(1800000001) - 900000000;
    m.r.altitude_m = (int16_t)any(65536);
    m.r.angle_deg = (uint16_t)any(361);
    m.r.satellites = (uint8_t)any(AVL_SATELLITES_MAX + 1);
    m.r.speed_kmh = (uint16_t)any(65536);
    m.r.event_id = (uint16_t)any(codec == AVL_CODEC_8 ? 256 : 65536);
    m.r.generation = codec == AVL_CODEC_16 ? (int)any(8) : -1;
    for (size_t i = 0; i < m.n; i++) {
        struct avl_io *io = &m.ios[i];
        io->id = (uint16_t)any(codec == AVL_CODEC_8 ? 256 : 65536);
        io->width = widths[any(4)];
        if (codec == AVL_CODEC_8E && any(4) == 0) {
            io->sized = true;
            io->width = (uint16_t)any(200);
        }
        io->bytes = noise + any(noise_n - 200);
    }
    return m;
}

/* By group, and in a group in the order given. */
static int rank(const struct avl_io *io)
{
    return io->sized ? 16 : io->width;
}

static void assert_same(const struct avl_record *r, const struct made *m)
{
    assert_true(r->time_ms == m->r.time_ms);
    assert_int_equal(r->priority, m->r.priority);
    assert_int_equal(r->longitude_e7, m->r.longitude_e7);
    assert_int_equal(r->latitude_e7, m->r.latitude_e7);
    assert_int_equal(r->altitude_m, m->r.altitude_m);
    assert_int_equal(r->angle_deg, m->r.angle_deg);
    assert_int_equal(r->satellites, m->r.satellites);
    assert_int_equal(r->speed_kmh, m->r.speed_kmh);
    assert_int_equal(r->event_id, m->r.event_id);
    assert_int_equal(r->generation, m->r.generation);
    assert_int_equal(r->n_io, m->n);
    assert_int_equal(r->odd, 0);
    struct avl_ios walk = avl_record_ios(r);
    struct avl_io io;
    for (int of = 1; of <= 16; of *= 2) {
        for (size_t i = 0; i < m->n; i++) {
            if (rank(&m->ios[i]) != of)
                continue;
            assert_true(avl_ios_next(&walk, &io));
            assert_int_equal(io.id, m->ios[i].id);
            assert_int_equal(io.width, m->ios[i].width);
            assert_int_equal(io.sized, m->ios[i].sized);
            assert_memory_equal(io.bytes, m->ios[i].bytes, io.width);
        }
    }
    assert_false(avl_ios_next(&walk, &io));
}

static void test_records_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const uint8_t codecs[] = {AVL_CODEC_8, AVL_CODEC_8E, AVL_CODEC_16};
    static uint8_t noise[1024], records[RECORDS_MAX * ROOM], out[RECORDS_MAX * ROOM + 64];
    static struct made made[RECORDS_MAX];
    chance = support_seed(15);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)any(256);
    for (int round = 0; round < 3000; round++) {
        uint8_t codec = codecs[round % 3];
        size_t n = any(RECORDS_MAX + 1), bytes = 0;
        for (size_t i = 0; i < n; i++) {
            made[i] = any_record(codec, noise, sizeof noise);
            size_t one =
                avl_record_put(records + bytes, ROOM, codec, &made[i].r, made[i].ios, made[i].n);
            assert_true(one > 0);
            bytes += one;
        }
        struct avl_frame f;
        struct avl_datagram d;
        size_t size = avl_frame_put(out, sizeof out, codec, n, records, bytes);
        assert_int_equal(size, bytes + 3 + AVL_AROUND_BYTES);
        assert_int_equal(avl_frame_parse(out, size, AVL_LENGTH_MAX, &f), AVL_FINE);
        struct avl_records walk = avl_frame_records(&f);
        struct avl_record r;
        for (size_t i = 0; i < n; i++) {
            assert_true(avl_records_next(&walk, &r));
            assert_same(&r, &made[i]);
        }
        assert_false(avl_records_next(&walk, &r));
        size = avl_datagram_put(out, sizeof out, 0xcafe, 9, "352093081452251", codec, n, records,
                                bytes);
        assert_int_equal(avl_datagram_parse(out, size, &d), AVL_FINE);
        assert_int_equal(d.frame.n, n);
        assert_int_equal(d.avl_packet_id, 9);
    }
}

static void test_what_does_not_fit_is_not_written(void **state)
{
    (void)state;
    static uint8_t out[70000];
    static struct avl_io many[256];
    static const uint8_t bytes[200];
    struct avl_record r = {.event_id = 1};
    struct avl_io io = {.id = 1, .width = 1, .bytes = bytes};
    for (size_t i = 0; i < 256; i++)
        many[i] = io;
    size_t n = avl_record_put(out, sizeof out, AVL_CODEC_8, &r, &io, 1);
    for (size_t room = 0; room < n; room++)
        assert_int_equal(avl_record_put(out, room, AVL_CODEC_8, &r, &io, 1), 0);
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_8, &r, many, 255), 24 + 6 + 510);
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_8, &r, many, 256), 0);
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_16, &r, many, 256), 0);
    assert_true(avl_record_put(out, sizeof out, AVL_CODEC_8E, &r, many, 256) > 0);
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_12, &r, NULL, 0), 0);
    io.id = 256;
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_8, &r, &io, 1), 0);
    io.width = 3;
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_16, &r, &io, 1), 0);
    assert_true(avl_record_put(out, sizeof out, AVL_CODEC_8E, &r, &io, 1) > 0);
    io = (struct avl_io){.id = 1, .width = 2, .sized = true, .bytes = bytes};
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_8, &r, &io, 1), 0);
    r.event_id = 256;
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_8, &r, NULL, 0), 0);
    r = (struct avl_record){.generation = 256};
    assert_int_equal(avl_record_put(out, sizeof out, AVL_CODEC_16, &r, NULL, 0), 0);
    r.generation = -1; /* from another codec: on exit */
    assert_true(avl_record_put(out, sizeof out, AVL_CODEC_16, &r, NULL, 0) > 0);

    for (size_t room = 0; room < 7 + 3 + AVL_AROUND_BYTES; room++)
        assert_int_equal(avl_frame_put(out, room, AVL_CODEC_8, 1, bytes, 7), 0);
    assert_int_equal(avl_frame_put(out, sizeof out, AVL_CODEC_8, 256, bytes, 7), 0);
    assert_int_equal(
        avl_datagram_put(out, sizeof out, 1, 1, "35209308145225", AVL_CODEC_8, 1, bytes, 7), 0);
    assert_int_equal(
        avl_datagram_put(out, sizeof out, 1, 1, "352093081452251", AVL_CODEC_8, 1, out, 65536 - 24),
        0);
    assert_int_equal(avl_login_put(out, "35209308145225x"), 0);
    assert_int_equal(avl_login_put(out, "3520930814522512"), 0);
    assert_int_equal(avl_login_put(out, ""), 0);
}

static void test_messages_are_read_as_they_were_written(void **state)
{
    (void)state;
    static const struct {
        uint8_t codec;
        enum avl_message_kind kind;
        uint8_t type;
    } kinds[] = {
        {AVL_CODEC_12, AVL_MESSAGE_COMMAND, 0x05}, {AVL_CODEC_12, AVL_MESSAGE_ANSWER, 0x06},
        {AVL_CODEC_12, AVL_MESSAGE_OFFER, 0x0d},   {AVL_CODEC_12, AVL_MESSAGE_OTHER, 0x77},
        {AVL_CODEC_13, AVL_MESSAGE_SERIAL, 0x06},  {AVL_CODEC_13, AVL_MESSAGE_OTHER, 0x05},
        {AVL_CODEC_14, AVL_MESSAGE_COMMAND, 0x05}, {AVL_CODEC_14, AVL_MESSAGE_ANSWER, 0x06},
        {AVL_CODEC_14, AVL_MESSAGE_NACK, 0x11},    {AVL_CODEC_15, AVL_MESSAGE_SERIAL, 0x0b},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool plain = kinds[i].kind == AVL_MESSAGE_OFFER || kinds[i].kind == AVL_MESSAGE_OTHER;
        struct avl_message back, m = {.codec = kinds[i].codec, .kind = kinds[i].kind};
        struct avl_frame f;
        uint8_t out[64];
        m.type = kinds[i].type;
        m.data = (const uint8_t *)"\0\xff text\r\n";
        m.n = 9;
        if (!plain && m.codec >= AVL_CODEC_14)
            memcpy(m.imei, "098765432109876", sizeof m.imei);
        if (!plain && m.codec % 2)
            m.time_s = UINT32_MAX;
        size_t n = avl_message_put(out, sizeof out, &m);
        assert_true(n > 0);
        for (size_t room = 0; room < n; room++)
            assert_int_equal(avl_message_put(out, room, &m), 0);
        assert_int_equal(avl_message_put(out, sizeof out, &m), n);
        assert_int_equal(avl_frame_parse(out, n, AVL_LENGTH_MAX, &f), AVL_FINE);
        assert_true(avl_message_parse(&f, &back));
        assert_int_equal(back.kind, m.kind);
        assert_int_equal(back.type, m.type);
        assert_string_equal(back.imei, m.imei);
        assert_int_equal(back.time_s, m.time_s);
        assert_int_equal(back.n, m.n);
        assert_memory_equal(back.data, m.data, m.n);
    }
    uint8_t out[64];
    struct avl_message wrong = {.codec = AVL_CODEC_8, .kind = AVL_MESSAGE_ANSWER};
    assert_int_equal(avl_message_put(out, sizeof out, &wrong), 0);
    wrong.codec = AVL_CODEC_12;
    wrong.kind = AVL_MESSAGE_NACK; /* 14 has it alone */
    assert_int_equal(avl_message_put(out, sizeof out, &wrong), 0);
    wrong.codec = AVL_CODEC_14; /* without an IMEI */
    assert_int_equal(avl_message_put(out, sizeof out, &wrong), 0);
}

/* body: what is between the two n. */
static bool understood(uint8_t codec, uint8_t n, const char *body, size_t bytes)
{
    uint8_t out[256];
    struct avl_frame f;
    struct avl_message m;
    size_t size = avl_frame_put(out, sizeof out, codec, n, body, bytes);
    assert_int_equal(avl_frame_parse(out, size, AVL_LENGTH_MAX, &f),
                     avl_codec_has_records(codec) ? AVL_BAD_END : AVL_FINE);
    return avl_message_parse(&f, &m);
}

static void test_messages_that_cannot_be_understood(void **state)
{
    (void)state;
    static const char nack[] = "\x11\0\0\0\x08\x03\x52\x09\x30\x81\x45\x22\x51";
    assert_true(understood(AVL_CODEC_12, 1, "\6\0\0\0\2ok", 7));
    assert_true(understood(AVL_CODEC_12, 1, "\6\0\0\0\0", 5));
    assert_false(understood(AVL_CODEC_12, 2, "\6\0\0\0\2ok", 7)); /* not one */
    assert_false(understood(AVL_CODEC_12, 0, "", 0));
    assert_false(understood(AVL_CODEC_12, 1, "", 0));
    assert_false(understood(AVL_CODEC_12, 1, "\6\0\0\0\3ok", 7));
    assert_false(understood(AVL_CODEC_12, 1, "\6\0\0\0\1ok", 7));
    assert_false(understood(AVL_CODEC_12, 1, "\6\xff\xff\xff\xffok", 7));
    assert_false(understood(AVL_CODEC_8, 1, "\6\0\0\0\2ok", 7));
    assert_false(understood(AVL_CODEC_13, 1, "\6\0\0\0\3abc", 8)); /* no room for its time */
    for (size_t n = 1; n < sizeof nack - 1; n++)
        assert_false(understood(AVL_CODEC_14, 1, nack, n));
    assert_true(understood(AVL_CODEC_14, 1, nack, sizeof nack - 1));
    char changed[sizeof nack];
    memcpy(changed, nack, sizeof nack);
    changed[7] = 0x0a; /* no digit */
    assert_false(understood(AVL_CODEC_14, 1, changed, sizeof nack - 1));
    memcpy(changed, nack, sizeof nack);
    changed[5] = 0x13; /* 16 digits */
    assert_false(understood(AVL_CODEC_14, 1, changed, sizeof nack - 1));
}

static void test_texts_of_messages(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t n;
        const char *text;
    } cases[] = {
        {"", 0, ""},
        {"ok\r\n\0", 5, "ok"},
        {"\r\n \0", 4, ""},
        {"a\r\nb\x1b[31m\xc3 ", 11, "a\\x0d\\x0ab\\x1b[31m\\xc3"},
        {"0123456789012345678901234567890", 31, "0123456789012345678901234567890"},
        {"01234567890123456789012345678901", 32, "0123456789012345678901234567..."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[32];
        struct avl_message m = {.data = (const uint8_t *)cases[i].data, .n = cases[i].n};
        assert_string_equal(avl_message_text(&m, text, sizeof text), cases[i].text);
    }
}

static void test_commands_that_are_refused(void **state)
{
    (void)state;
    char long_one[AVL_COMMAND_CHARS + 2] = {0};
    memset(long_one, 'x', AVL_COMMAND_CHARS + 1);
    struct err err;
    uint8_t out[AVL_COMMAND_BYTES];
    size_t n = 1;
    assert_err(ERR_LIMIT, avl_command_put(out, &n, NULL, long_one, &err));
    assert_int_equal(n, 0);
    assert_err(ERR_LIMIT, avl_command_put(out, &n, NULL, "", &err));
    assert_err(ERR_MALFORMED, avl_command_put(out, &n, NULL, "getver\r\n", &err));
    assert_err(ERR_MALFORMED, avl_command_put(out, &n, NULL, "getv\xc3\xa9r", &err));
    assert_err(ERR_MALFORMED, avl_command_put(out, &n, "35209308145225", "getver", &err));
    long_one[AVL_COMMAND_CHARS] = '\0';
    assert_ok(avl_command_put(out, &n, "352093081452251", long_one, &err)); /* fills the room */
    assert_int_equal(n, AVL_COMMAND_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_are_read_as_they_were_written),
        cmocka_unit_test(test_what_does_not_fit_is_not_written),
        cmocka_unit_test(test_messages_are_read_as_they_were_written),
        cmocka_unit_test(test_messages_that_cannot_be_understood),
        cmocka_unit_test(test_texts_of_messages),
        cmocka_unit_test(test_commands_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
