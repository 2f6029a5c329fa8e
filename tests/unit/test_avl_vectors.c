/* Every vector of the trackers' own link: read, decoded, and written again to the same bytes. */
#include "dashspool/avl.h"
#include "support/vectors.h"
#include <stdio.h>
#include <string.h>

static int load(void **state)
{
    (void)state;
    vectors_load("avl-vectors.tsv");
    return 0;
}

static enum avl_reason parse(const char *name, struct avl_frame *out)
{
    const struct vector *v = vector(name);
    return avl_frame_parse(v->data, v->n, AVL_LENGTH_MAX, out);
}

static struct avl_frame frame_of(const char *name)
{
    struct avl_frame f;
    assert_int_equal(parse(name, &f), AVL_FINE);
    assert_int_equal(f.raw_bytes, vector(name)->n);
    return f;
}

static struct avl_item item_of(const char *name, struct avl_stream *s)
{
    struct err err;
    struct avl_item item;
    const struct vector *v = vector(name);
    avl_stream_init(s, AVL_LENGTH_MAX);
    assert_ok(avl_stream_feed(s, v->data, v->n, &err));
    assert_true(avl_stream_next(s, &item));
    assert_int_equal(item.raw_bytes, v->n);
    return item;
}

static void test_crc_check_value(void **state)
{
    (void)state;
    const struct vector *v = vector("crc-check");
    assert_int_equal(avl_crc(v->data, v->n), 0xbb3d);
    assert_int_equal(avl_crc(v->data, 0), 0);
}

static void test_login_ping_and_the_server_s_words(void **state)
{
    (void)state;
    struct avl_stream s;
    struct avl_item item = item_of("login", &s);
    assert_int_equal(item.type, AVL_ITEM_LOGIN);
    assert_string_equal(item.imei, "356307042441013");
    assert_true(item.luhn && !item.over);
    avl_stream_clear(&s);
    uint8_t login[AVL_LOGIN_BYTES], count[4];
    assert_int_equal(avl_login_put(login, "356307042441013"), AVL_LOGIN_BYTES);
    assert_memory_equal(login, vector("login")->data, AVL_LOGIN_BYTES);
    assert_int_equal(item_of("ping", &s).type, AVL_ITEM_PING);
    avl_stream_clear(&s);
    assert_int_equal(vector("login-accept")->data[0], AVL_LOGIN_ACCEPTED);
    assert_int_equal(vector("login-refuse")->data[0], AVL_LOGIN_REFUSED);
    avl_count_put(count, 1);
    assert_memory_equal(count, vector("ack-1")->data, 4);
}

/* One line a record: what the vendor's pages say is in it. */
struct told {
    const char *vector;
    uint64_t time_ms;
    int priority, longitude_e7, latitude_e7, altitude_m, angle, satellites, speed;
    int event, generation, n_io;
    const char *ios; /* "21:03 1:01" */
};

static const struct told records[] = {
    {"c8-1rec", 1560161086000, 1, 0, 0, 0, 0, 0, 0, 1, -1, 5,
     "21:03 1:01 66:5e0f 241:0000601a 78:0000000000000000 "},
    {"c8-1rec-short", 1560161136000, 1, 0, 0, 0, 0, 0, 0, 1, -1, 3, "21:03 1:01 66:5e10 "},
    {"c8-2rec", 1560160861000, 1, 0, 0, 0, 0, 0, 0, 1, -1, 1, "1:00 "},
    {"c8-2rec", 1560160879000, 1, 0, 0, 0, 0, 0, 0, 1, -1, 1, "1:01 "},
    {"c8-minimal", 1720003694000, 1, 423737370, 423737370, 731, 262, 5, 0, 239, -1, 6,
     "239:01 240:01 1:00 66:314a 67:1031 9:002b "},
    {"c8e-1rec", 1560166592000, 1, 0, 0, 0, 0, 0, 0, 1, -1, 5,
     "1:01 17:001d 16:015e2c88 11:000000003544c87a 14:000000001dd7e06a "},
    {"c8e-2rec-nx", 1594898986000, 0, 252560283, 546674250, 172, 248, 11, 0, 0, -1, 11,
     "240:01 21:04 200:00 69:01 113:56 181:0005 182:0004 24:0000 67:0fe0 68:011b 241:0000601b "},
    {"c8e-2rec-nx", 1594898988001, 0, 252560283, 546674250, 172, 248, 11, 0, 385, -1, 1,
     "385:11213102030405060708090a0b0c0d0e0f104545010abc212102030405060708090a0b0c0d0e0f10020b010aa"
     "d "},
    {"c16-2rec", 1562760414000, 0, 0, 0, 0, 0, 0, 0, 11, 5, 4, "1:00 3:00 11:0027 66:563a "},
    {"c16-2rec", 1562760415000, 0, 0, 0, 0, 0, 0, 0, 11, 5, 4, "1:00 3:00 11:0026 66:563a "},
};
enum { N_RECORDS = sizeof records / sizeof *records };

static size_t ios_of(const struct avl_record *r, struct avl_io *ios, size_t room, char *text)
{
    struct avl_ios walk = avl_record_ios(r);
    size_t n = 0;
    for (*text = '\0'; n < room && avl_ios_next(&walk, &ios[n]); n++) {
        char hex[256];
        text += sprintf(text, "%d:%s ", ios[n].id, avl_io_text(AVL_RAW, &ios[n], hex, sizeof hex));
    }
    return n;
}

static void look_at(const struct avl_record *r, const struct told *t)
{
    struct err err;
    struct avl_io ios[32];
    char text[1024];
    assert_true(r->time_ms == t->time_ms);
    assert_int_equal(avl_record_utc_us(r), (int64_t)t->time_ms * 1000);
    assert_int_equal(r->priority, t->priority);
    assert_int_equal(r->longitude_e7, t->longitude_e7);
    assert_int_equal(r->latitude_e7, t->latitude_e7);
    assert_int_equal(r->altitude_m, t->altitude_m);
    assert_int_equal(r->angle_deg, t->angle);
    assert_int_equal(r->satellites, t->satellites);
    assert_int_equal(r->speed_kmh, t->speed);
    assert_int_equal(r->event_id, t->event);
    assert_int_equal(r->generation, t->generation);
    assert_int_equal(r->n_io, t->n_io);
    assert_int_equal(r->total, t->n_io);
    assert_int_equal(r->odd, 0);
    assert_int_equal(avl_position_valid(r), t->satellites > 0);
    assert_int_equal(ios_of(r, ios, 32, text), t->n_io);
    assert_string_equal(text, t->ios);

    /* by itself, as it is stored; and written anew */
    struct avl_record again;
    uint8_t out[1024];
    assert_ok(avl_record_decode(r->codec, r->raw, r->raw_bytes, &again, &err));
    assert_true(again.time_ms == r->time_ms && again.event_id == r->event_id);
    assert_int_equal(again.n_io, r->n_io);
    assert_int_equal(again.raw_bytes, r->raw_bytes);
    assert_int_equal(avl_record_put(out, sizeof out, r->codec, r, ios, r->n_io), r->raw_bytes);
    assert_memory_equal(out, r->raw, r->raw_bytes);
}

static void look_at_all(const char *name, const struct avl_frame *f)
{
    struct avl_records walk = avl_frame_records(f);
    struct avl_record r;
    unsigned n = 0;
    for (size_t i = 0; i < N_RECORDS; i++) {
        if (strcmp(records[i].vector, name) != 0)
            continue;
        assert_true(avl_records_next(&walk, &r));
        look_at(&r, &records[i]);
        n++;
    }
    assert_int_equal(f->n, n);
    assert_false(avl_records_next(&walk, &r));
}

static void test_records_of_each_codec(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_RECORDS; i++) {
        struct avl_frame f = frame_of(records[i].vector);
        uint8_t out[1024];
        look_at_all(records[i].vector, &f);
        assert_int_equal(avl_frame_put(out, sizeof out, f.codec, f.n, f.body, f.body_bytes),
                         f.raw_bytes);
        assert_memory_equal(out, f.raw, f.raw_bytes);
    }
}

static void test_two_frames_in_one_segment(void **state)
{
    (void)state;
    struct err err;
    struct avl_stream s;
    struct avl_item item;
    const struct vector *v = vector("two-frames");
    avl_stream_init(&s, AVL_LENGTH_MAX);
    assert_ok(avl_stream_feed(&s, v->data, v->n, &err));
    assert_true(avl_stream_next(&s, &item) && item.type == AVL_ITEM_FRAME);
    look_at_all("c8-1rec-short", &item.frame);
    assert_true(avl_stream_next(&s, &item) && item.type == AVL_ITEM_FRAME);
    look_at_all("c8-1rec", &item.frame);
    assert_false(avl_stream_next(&s, &item));
    avl_stream_clear(&s);
}

static void test_what_must_be_refused(void **state)
{
    (void)state;
    static const struct {
        const char *vector;
        enum avl_reason reason;
        bool over;
    } refused[] = {
        {"c8e-tamper-crc", AVL_BAD_CRC, false},
        {"c8-bad-n2", AVL_BAD_CRC, false},
        {"c8-bad-preamble", AVL_BAD_PREAMBLE, true}, /* and no camera: 0100 and no IMEI */
        {"c14-nack-as-printed", AVL_BAD_CRC, false},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct avl_stream s;
        struct avl_frame f;
        struct avl_item item = item_of(refused[i].vector, &s);
        assert_int_equal(item.type, AVL_ITEM_REFUSED);
        assert_int_equal(item.reason, refused[i].reason);
        assert_int_equal(item.over, refused[i].over);
        assert_int_equal(parse(refused[i].vector, &f), refused[i].reason);
        avl_stream_clear(&s);
    }
}

static void test_datagrams(void **state)
{
    (void)state;
    static const struct {
        const char *vector, *imei;
        int codec, avl_packet_id, event;
    } told[] = {
        {"udp-c8", "352093086403655", AVL_CODEC_8, 5, 1},
        {"udp-c16", "352094085231592", AVL_CODEC_16, 7, 239},
    };
    for (size_t i = 0; i < 2; i++) {
        const struct vector *v = vector(told[i].vector);
        struct avl_datagram d;
        struct avl_record r;
        uint8_t out[256];
        assert_int_equal(avl_datagram_parse(v->data, v->n, &d), AVL_FINE);
        assert_int_equal(d.packet_id, 0xcafe);
        assert_int_equal(d.avl_packet_id, told[i].avl_packet_id);
        assert_string_equal(d.imei, told[i].imei);
        assert_int_equal(d.frame.codec, told[i].codec);
        struct avl_records walk = avl_frame_records(&d.frame);
        assert_true(avl_records_next(&walk, &r));
        assert_int_equal(r.event_id, told[i].event);
        assert_false(avl_records_next(&walk, &r));
        assert_int_equal(avl_datagram_put(out, sizeof out, d.packet_id, d.avl_packet_id, d.imei,
                                          d.frame.codec, 1, d.frame.body, d.frame.body_bytes),
                         v->n);
        assert_memory_equal(out, v->data, v->n);
        uint8_t answer[AVL_DATAGRAM_ANSWER_BYTES];
        avl_datagram_answer(answer, &d, 1);
        if (i == 0)
            assert_memory_equal(answer, vector("udp-c8-ack")->data, sizeof answer);
        assert_int_equal(answer[5], told[i].avl_packet_id);
    }
}

static void test_messages(void **state)
{
    (void)state;
    static const struct {
        const char *vector;
        enum avl_message_kind kind;
        int type;
        const char *imei;
        uint32_t time_s;
        const char *text; /* begins with */
    } told[] = {
        {"c12-getinfo", AVL_MESSAGE_COMMAND, 0x05, "", 0, "getinfo"},
        {"c12-getio-rsp", AVL_MESSAGE_ANSWER, 0x06, "", 0,
         "DI1:1 DI2:0 DI3:0 AIN1:0 AIN2:16924 DO1:0 DO2:1"},
        {"c12-getinfo-rsp", AVL_MESSAGE_ANSWER, 0x06, "", 0, "INI:2019/7/22 7:22 RTC:"},
        {"c12-camreq-photo", AVL_MESSAGE_COMMAND, 0x05, "", 0, "camreq:1,1"},
        {"c12-camreq-video", AVL_MESSAGE_COMMAND, 0x05, "", 0,
         "camreq:0,1,1624960616,5,212.59.13.226,7160"},
        {"c12-camreq-rsp", AVL_MESSAGE_ANSWER, 0x06, "", 0,
         "Photo request from source 1. Preparing to send file from timestamp 1719846377."},
        {"c12-long-cmd-160", AVL_MESSAGE_COMMAND, 0x05, "", 0, "xxxxxxxx"},
        {"c13-rsp", AVL_MESSAGE_SERIAL, 0x06, "", 0x64e83281, "hello lets test"},
        {"c14-getver", AVL_MESSAGE_COMMAND, 0x05, "352093081452251", 0, "getver"},
        {"c14-ack", AVL_MESSAGE_ANSWER, 0x06, "352093081452251", 0, "Ver:03.18.14_04 GPS:AXN"},
        {"c14-nack", AVL_MESSAGE_NACK, 0x11, "352093081452251", 0, ""},
        {"c15", AVL_MESSAGE_SERIAL, 0x0b, "123456789123456", 0x654b65a4, "Hello!"},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct avl_frame f = frame_of(told[i].vector);
        struct avl_message m;
        char text[512];
        uint8_t out[512];
        assert_true(avl_codec_has_messages(f.codec) && !avl_codec_has_records(f.codec));
        assert_true(avl_message_parse(&f, &m));
        assert_int_equal(m.kind, told[i].kind);
        assert_int_equal(m.type, told[i].type);
        assert_string_equal(m.imei, told[i].imei);
        assert_true(m.time_s == told[i].time_s);
        avl_message_text(&m, text, sizeof text);
        assert_memory_equal(text, told[i].text, strlen(told[i].text));
        assert_null(strpbrk(text, "\r\n\\")); /* trimmed, nothing escaped */
        assert_int_equal(avl_message_put(out, sizeof out, &m), f.raw_bytes);
        assert_memory_equal(out, f.raw, f.raw_bytes);
    }
}

static void test_commands_are_byte_for_byte(void **state)
{
    (void)state;
    char xs[AVL_COMMAND_CHARS + 1] = {0};
    memset(xs, 'x', AVL_COMMAND_CHARS);
    const struct {
        const char *vector, *imei, *text;
    } told[] = {
        {"c12-getinfo", NULL, "getinfo"},
        {"c12-camreq-photo", NULL, "camreq:1,1"},
        {"c12-camreq-video", NULL, "camreq:0,1,1624960616,5,212.59.13.226,7160"},
        {"c12-long-cmd-160", NULL, xs},
        {"c14-getver", "352093081452251", "getver"},
    };
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        struct err err;
        uint8_t out[AVL_COMMAND_BYTES];
        size_t n;
        assert_ok(avl_command_put(out, &n, told[i].imei, told[i].text, &err));
        assert_int_equal(n, vector(told[i].vector)->n);
        assert_memory_equal(out, vector(told[i].vector)->data, n);
    }
}

static void test_every_vector_is_accounted_for(void **state)
{
    (void)state;
    static const char *const looked_at[] = {"login",
                                            "ping",
                                            "ack-1",
                                            "crc-check",
                                            "c8-1rec",
                                            "c8-2rec",
                                            "c8-minimal",
                                            "c8e-1rec",
                                            "c8e-2rec-nx",
                                            "c16-2rec",
                                            "two-frames",
                                            "c8e-tamper-crc",
                                            "c8-bad-n2",
                                            "c8-bad-preamble",
                                            "udp-c8",
                                            "udp-c16",
                                            "c12-getinfo",
                                            "c12-getio-rsp",
                                            "c12-camreq-photo",
                                            "c12-camreq-video",
                                            "c12-camreq-rsp",
                                            "c12-long-cmd-160",
                                            "c13-rsp",
                                            "c14-getver",
                                            "c14-ack",
                                            "c14-nack",
                                            "c15",
                                            NULL};
    assert_int_equal(n_vectors, 33);
    vectors_all_known(looked_at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc_check_value),
        cmocka_unit_test(test_login_ping_and_the_server_s_words),
        cmocka_unit_test(test_records_of_each_codec),
        cmocka_unit_test(test_two_frames_in_one_segment),
        cmocka_unit_test(test_what_must_be_refused),
        cmocka_unit_test(test_datagrams),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_commands_are_byte_for_byte),
        cmocka_unit_test(test_every_vector_is_accounted_for),
    };
    return cmocka_run_group_tests(tests, load, NULL);
}
