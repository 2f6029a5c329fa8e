/* What a tracker is told, to the letter, and what its answers mean, however they come. */
#include "dashspool/camreq.h"
#include "support/support.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T   INT64_C(1624960616)
#define NOW (T + 3600)

static void assert_command(const char *expected, struct camreq r)
{
    struct err err;
    char out[CAMREQ_COMMAND_ROOM];
    assert_ok(camreq_command(out, &r, NOW, &err));
    assert_string_equal(out, expected);
}

static void assert_refused(const char *why, struct camreq r)
{
    struct err err;
    char out[CAMREQ_COMMAND_ROOM] = "x";
    assert_err(ERR_CONFIG, camreq_command(out, &r, NOW, &err));
    assert_has(err.text, why);
    assert_string_equal(out, "");
}

/* The vendor's examples are among them. */
static void test_commands_are_as_the_vendor_has_them(void **state)
{
    (void)state;
    assert_command("camreq:1,1", (struct camreq){CAMREQ_PHOTO, "front"});
    assert_command("camreq:1,2", (struct camreq){CAMREQ_PHOTO, "rear"});
    assert_command("camreq:1,3", (struct camreq){CAMREQ_PHOTO, "both"});
    assert_command("camreq:1,1,192.168.1.1,12345,4",
                   (struct camreq){CAMREQ_PHOTO, "front", 0, 0, "1280x720", "192.168.1.1", 12345});
    assert_command(
        "camreq:1,1,cams.example.org,7160",
        (struct camreq){CAMREQ_PHOTO, "front", .host = "cams.example.org", .port = 7160});
    assert_command(
        "camreq:0,1,1624960616,5,212.59.13.226,7160",
        (struct camreq){CAMREQ_VIDEO, "front", T, 5, .host = "212.59.13.226", .port = 7160});
    assert_command("camreq:0,3,1624960616,30", (struct camreq){CAMREQ_VIDEO, "both", T, 30});
    assert_command("mdas_camreq:0,0,1624960616,10", (struct camreq){CAMREQ_VIDEO, "road", T, 10});
    assert_command("mdas_camreq:1,0,1624960616,a.b,1",
                   (struct camreq){CAMREQ_PHOTO, "road", T, .host = "a.b", .port = 1});
    assert_command("dsm_camreq:2,4", (struct camreq){CAMREQ_PHOTO, "driver"});
    assert_command("dsm_camreq:2,4,132.145.51.134,3333",
                   (struct camreq){CAMREQ_PHOTO, "driver", .host = "132.145.51.134", .port = 3333});
    assert_command("icam_req:2,1,1", (struct camreq){CAMREQ_PHOTO, "front", .com = 1});
    assert_command("icam_req:3,2,1,0,0,5,a.b,1",
                   (struct camreq){CAMREQ_PHOTO, "rear", 0, 0, "1920x1080", "a.b", 1, 2});
    assert_command("icam_req:2,1,1,0,0,1",
                   (struct camreq){CAMREQ_PHOTO, "front", 0, 0, "160x120", .com = 1});
    assert_command("icam_req:4,2,0,1624960616,10",
                   (struct camreq){CAMREQ_VIDEO, "dashcam", T, 10, .com = 2});
    assert_command("icam_req:4,2,0,1624960616,10,0,a.b,65535",
                   (struct camreq){CAMREQ_VIDEO, "dashcam", T, 10, "", "a.b", 65535, 2});
    assert_command("camgetver", (struct camreq){CAMREQ_VERSION, ""});
    assert_command("camgetver", (struct camreq){CAMREQ_VERSION, "rear"});
    assert_command("dsm_getinfo", (struct camreq){CAMREQ_VERSION, "driver"});
    assert_command("mdas_getinfo", (struct camreq){CAMREQ_VERSION, "road"});
    assert_command("camget_sdformat:1", (struct camreq){CAMREQ_FORMAT, "front"});
    assert_command("camget_sdformat:2", (struct camreq){CAMREQ_FORMAT, "rear"});
    assert_command("dsm_sdformat", (struct camreq){CAMREQ_FORMAT, "driver"});
    assert_command("camget_restart:2", (struct camreq){CAMREQ_RESTART, "rear"});
}

static void test_limits_are_judged_before(void **state)
{
    (void)state;
    struct camreq video = {CAMREQ_VIDEO, "front", T, 10}, photo = {CAMREQ_PHOTO, "front"}, r;
    r = video, r.seconds = 31;
    assert_refused("1 to 30 seconds, not 31", r);
    r = video, r.seconds = 0;
    assert_refused("1 to 30 seconds", r);
    r = video, r.time_s = 0;
    assert_refused("needs the time", r);
    r = video, r.time_s = NOW - 9;
    assert_refused("in the future", r);
    r = video, r.time_s = NOW - 10;
    assert_command("camreq:0,1,1624964206,10", r);
    r = video, strcpy(r.resolution, "640x480");
    assert_refused("for photos only", r);
    r = video, strcpy(r.camera, "driver");
    assert_refused("photos only", r);
    r = video, strcpy(r.camera, "");
    assert_refused("needs a camera", r);
    r = video, strcpy(r.camera, "side");
    assert_refused("no camera is called side", r);
    r = photo, r.time_s = T;
    assert_refused("has no time", r);
    r = photo, r.seconds = 5;
    assert_refused("has no length", r);
    r = photo, strcpy(r.resolution, "640x480");
    assert_refused("give those of this server", r);
    r = photo, strcpy(r.resolution, "640x4"), strcpy(r.host, "a.b"), r.port = 1;
    assert_refused("no camera has the resolution 640x4", r);
    r = photo, strcpy(r.camera, "driver"), strcpy(r.resolution, "640x480"), strcpy(r.host, "a.b"),
    r.port = 1;
    assert_refused("no choice of resolutions", r);
    r = photo, strcpy(r.camera, "road");
    assert_refused("needs its time", r);
    r = photo, strcpy(r.host, "a.b");
    assert_refused("port from 1 to 65535", r);
    r = photo, strcpy(r.host, "a.b"), r.port = 65536;
    assert_refused("port from 1 to 65535", r);
    r = photo, r.port = 7160;
    assert_refused("with a host only", r);
    static const char *const hosts[] = {"Example.org", "a b", "a,b", "::1",
                                        ".a",          "a-",  "a.",  "a\n"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        r = photo, r.port = 1, strcpy(r.host, hosts[i]);
        assert_refused("in lower case", r);
    }
    r = photo, r.com = 3;
    assert_refused("com is 1 or 2", r);
    r = photo, r.com = 1, strcpy(r.camera, "both");
    assert_refused("com goes with", r);
    r = photo, strcpy(r.camera, "dashcam");
    assert_refused("dashcam goes with com", r);
    assert_refused("needs one camera", (struct camreq){CAMREQ_FORMAT, "both"});
    assert_refused("needs one camera", (struct camreq){CAMREQ_RESTART, ""});
    assert_refused("needs one camera", (struct camreq){CAMREQ_RESTART, "driver"});
    assert_refused("takes no time", (struct camreq){CAMREQ_RESTART, "front", T});
}

static void test_no_command_has_more_than_160_characters(void **state)
{
    (void)state;
    struct camreq r = {CAMREQ_VIDEO, "front", T, 10, .port = 65535};
    memset(r.host, 'a', CAMREQ_HOST_ROOM - 1);
    assert_int_equal(strlen("camreq:0,1,1624960616,10,,65535") + CAMREQ_HOST_ROOM - 1, 158);
    char out[CAMREQ_COMMAND_ROOM], sms[CAMREQ_COMMAND_ROOM];
    struct err err;
    assert_ok(camreq_command(out, &r, NOW, &err));
    assert_int_equal(strlen(out), 158);
    assert_ok(camreq_sms(sms, out, NULL, NULL, &err)); /* 160 with its blanks */
    assert_int_equal(strlen(sms), 160);
    assert_err(ERR_CONFIG, camreq_sms(sms, out, "l", "p", &err));
    assert_has(err.text, "more than 160 characters");
    assert_string_equal(sms, "");
    r.com = 2;
    strcpy(r.camera, "dashcam");
    assert_refused("more than 160 characters", r);
}

static void test_an_sms_has_login_and_password_or_two_blanks(void **state)
{
    (void)state;
    struct err err;
    char out[CAMREQ_COMMAND_ROOM];
    assert_ok(camreq_sms(out, "camreq:1,1", NULL, NULL, &err));
    assert_string_equal(out, "  camreq:1,1");
    assert_ok(camreq_sms(out, "camreq:1,1", "", "", &err));
    assert_string_equal(out, "  camreq:1,1");
    assert_ok(camreq_sms(out, "camreq:1,1", "opa", "123", &err));
    assert_string_equal(out, "opa 123 camreq:1,1");
    assert_ok(camreq_sms(out, "camreq:1,1", NULL, "123", &err));
    assert_string_equal(out, "123 camreq:1,1");
    assert_err(ERR_CONFIG, camreq_sms(out, "camreq:1,1", "opa", NULL, &err));
    assert_err(ERR_CONFIG, camreq_sms(out, "camreq:1,1", "o a", "1", &err));
    assert_err(ERR_CONFIG, camreq_sms(out, "camreq:1,1", "opa", "1\n", &err));
}

/* ---- answers ---- */

struct answer {
    enum camreq_kind kind;
    const char *text;
    enum camreq_class class;
    int64_t time_s;
    int repeat_s, repeats;
};

/* Each row of the vendor's list, and those of older firmware. */
static const struct answer answers[] = {
    {CAMREQ_PHOTO, "Preparing to send file from timestamp 1719846377", CAMREQ_ACCEPTED, 1719846377},
    {CAMREQ_VIDEO, "Preparing to send file from timestamp 1719846377.", CAMREQ_ACCEPTED,
     1719846377},
    {CAMREQ_VIDEO, "Already connected. Preparing to send file from timestamp 1719846377",
     CAMREQ_ACCEPTED, 1719846377},
    {CAMREQ_PHOTO, "Request for photo from source 3 received", CAMREQ_ACCEPTED, 0},
    {CAMREQ_VIDEO,
     "Request for video from source 1 received for 10 seconds since 2021-06-2909:56:56",
     CAMREQ_ACCEPTED, 0},
    {CAMREQ_VIDEO,
     "Video of file type 0, file source 1, timestamp 1719846377, duration: 10 s. Preparing to "
     "send file from timestamp 1719846377.",
     CAMREQ_ACCEPTED, 1719846377},
    {CAMREQ_VIDEO, "Request for video, duration of 10, from source 1 received", CAMREQ_ACCEPTED, 0},
    {CAMREQ_VIDEO, "Wrong duration", CAMREQ_INVALID},
    {CAMREQ_PHOTO, "Warning: Photo / Video already captured previously, trying to send it",
     CAMREQ_OTHER_FIRST},
    {CAMREQ_VIDEO,
     "Already connected. Warning: Photo / Video already captured previously, trying to send it",
     CAMREQ_OTHER_FIRST},
    {CAMREQ_VIDEO, "Error: Invalid camera request command!", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "Invalid argument in camera request cmd!", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "File Type", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "File Source", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "Timestamp", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "Error: Timestamp", CAMREQ_INVALID},
    {CAMREQ_VIDEO, "Duration", CAMREQ_INVALID},
    {CAMREQ_PHOTO, "Error: DualCam is not configured!", CAMREQ_UNCONFIGURED},
    {CAMREQ_PHOTO, "Error: Front / Rear Camera not present", CAMREQ_NO_CAMERA, 0, 60, 1},
    {CAMREQ_PHOTO, "Error: Rear Camera not present", CAMREQ_NO_CAMERA, 0, 60, 1},
    {CAMREQ_PHOTO, "Error: DualCam not present", CAMREQ_NO_CAMERA, 0, 60, 1},
    {CAMREQ_VIDEO, "Error: requested file does not exist", CAMREQ_NOT_THERE},
    {CAMREQ_VIDEO, "Error: Cannot capture because ignition is off", CAMREQ_NO_IGNITION},
    {CAMREQ_VIDEO, "Error: Ignition not detected!", CAMREQ_NO_IGNITION},
    {CAMREQ_VIDEO, "Error: modem not ready to start send", CAMREQ_CAPTURED, 0, 2100},
    {CAMREQ_VIDEO, "Error: connect to server", CAMREQ_CAPTURED, 0, 2100},
    {CAMREQ_VIDEO, "Error: cannot connect to server", CAMREQ_CAPTURED, 0, 2100},
    {CAMREQ_PHOTO, "Error: capture failed", CAMREQ_TEMPORARY, 0, 60, 3},
    {CAMREQ_VIDEO, "Error: Media request timeout", CAMREQ_TEMPORARY, 0, 60, 3},
    {CAMREQ_VIDEO, "Error: Media request problem", CAMREQ_TEMPORARY, 0, 60, 3},
    {CAMREQ_VIDEO, "Error: DualCam NAK", CAMREQ_TEMPORARY, 0, 60, 3},
    {CAMREQ_VIDEO, "Cannot send, DualCam configuration is in progress", CAMREQ_TEMPORARY, 0, 15,
     20},
    {CAMREQ_VERSION, "Front camera V1.9.3. Rear camera V1.9.3.", CAMREQ_INFO},
    {CAMREQ_VERSION, "Front camera V1.9.3.", CAMREQ_INFO},
    {CAMREQ_VERSION, "Front camera V1.9.3. The rear camera camgetver failed.", CAMREQ_INFO},
    {CAMREQ_VERSION, "The front camera camgetver failed. The rear camera camgetver failed.",
     CAMREQ_FAILED},
    {CAMREQ_VERSION,
     "Date:2024.01.02 03:04:05,FW:1.2.3,Err:0,Rec:1,GPS:54.7|25.2|1,Event:0|0,State:1",
     CAMREQ_INFO},
    {CAMREQ_VERSION, "Error: DualCam is not configured!", CAMREQ_UNCONFIGURED},
    {CAMREQ_FORMAT, "Front camera SD format success", CAMREQ_INFO},
    {CAMREQ_FORMAT, "Front camera SD format failed", CAMREQ_FAILED},
    {CAMREQ_RESTART, "Error: Front / Rear Camera not present", CAMREQ_NO_CAMERA, 0, 60, 1},
};
enum { N_ANSWERS = sizeof answers / sizeof *answers };

static struct camreq_answer judge(enum camreq_kind kind, const char *text, size_t n, bool whole)
{
    struct camreq_answer out;
    memset(&out, 0x5a, sizeof out);
    camreq_answer(kind, text, n, whole, &out);
    assert_non_null(out.means);
    assert_true((out.class == CAMREQ_UNKNOWN) == (out.means[0] == '\0'));
    return out;
}

static void assert_answer(const struct answer *a, const char *text, size_t n)
{
    for (int whole = 0; whole < 2; whole++) {
        struct camreq_answer out = judge(a->kind, text, n, whole);
        if (out.class != a->class)
            fail_msg("'%.*s' is %s instead of %s", (int)n, text, camreq_class_name(out.class),
                     camreq_class_name(a->class));
        assert_int_equal(out.time_s, a->time_s);
        assert_int_equal(out.repeat_s, a->repeat_s);
        assert_int_equal(out.repeats, a->repeats);
    }
}

static void test_each_answer_is_of_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ANSWERS; i++)
        assert_answer(&answers[i], answers[i].text, strlen(answers[i].text));
    assert_true(judge(CAMREQ_PHOTO,
                      "already CONNECTED. Preparing to send file from timestamp 1719846377", 66,
                      true)
                    .connected);
    assert_false(judge(CAMREQ_PHOTO, answers[0].text, strlen(answers[0].text), true).connected);
}

static void test_prefix_case_and_line_ends_change_nothing(void **state)
{
    (void)state;
    static const char *const before[] = {"Photo request from source 1. ", "\r\n",
                                         "Video request: "};
    for (size_t i = 0; i < N_ANSWERS; i++) {
        for (size_t k = 0; k < sizeof before / sizeof *before; k++) {
            char text[300];
            int n = snprintf(text, sizeof text, "%s%s\r\n", before[k], answers[i].text) + 1;
            assert_answer(&answers[i], text, (size_t)n); /* its NUL, too */
            for (char *p = text; *p; p++)
                *p = (char)toupper(*p);
            assert_answer(&answers[i], text, (size_t)n);
            for (char *p = text; *p; p++)
                *p = (char)tolower(*p);
            assert_answer(&answers[i], text, (size_t)n);
        }
    }
}

/* Cut anywhere, the first part is of no class, or of the right one: never of another. */
static void test_half_an_answer_is_never_of_another_class(void **state)
{
    (void)state;
    int unknown = 0;
    for (size_t i = 0; i < N_ANSWERS; i++) {
        char text[300];
        int n = snprintf(text, sizeof text, "Photo request from source 1. %s\r\n", answers[i].text);
        for (size_t cut = 0; cut <= (size_t)n; cut++) {
            char *half = malloc(cut + 1); /* so that a reader beyond it is found */
            memcpy(half, text, cut);
            struct camreq_answer out = judge(answers[i].kind, half, cut, false);
            if (out.class != CAMREQ_UNKNOWN &&
                (out.class != answers[i].class || out.time_s != answers[i].time_s))
                fail_msg("'%.*s' is %s (%lld)", (int)cut, text, camreq_class_name(out.class),
                         (long long)out.time_s);
            unknown += out.class == CAMREQ_UNKNOWN;
            free(half);
        }
    }
    assert_true(unknown > 1000);
}

static void test_a_text_that_was_cut_off_is_judged_by_what_there_is(void **state)
{
    (void)state;
    static const char cut[] =
        "Photo request from source 1. Preparing to send file from timestamp 1719";
    struct camreq_answer out = judge(CAMREQ_PHOTO, cut, sizeof cut - 1, false);
    assert_int_equal(out.class, CAMREQ_UNKNOWN);
    out = judge(CAMREQ_PHOTO, cut, sizeof cut - 1, true);
    assert_int_equal(out.class, CAMREQ_ACCEPTED);
    assert_int_equal(out.time_s, 0);
    out = judge(CAMREQ_PHOTO, cut, 48, true);
    assert_int_equal(out.class, CAMREQ_ACCEPTED);
    out = judge(CAMREQ_FORMAT, "as you wish", 11, false);
    assert_int_equal(out.class, CAMREQ_UNKNOWN);
    out = judge(CAMREQ_FORMAT, "as you wish", 11, true);
    assert_int_equal(out.class, CAMREQ_INFO);
    out = judge(CAMREQ_VERSION, "State", 5, true);
    assert_int_equal(out.class, CAMREQ_INFO);
}

static void test_words_that_nobody_knows_are_of_no_class(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "OK",
                                        "Photo request from source 1.",
                                        "Error:",
                                        "Unknown command or invalid format",
                                        "Param ID:2004 New Text:\"a\"",
                                        "\xff\xfe\x80",
                                        "already connected"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (int whole = 0; whole < 2; whole++)
            assert_int_equal(judge(CAMREQ_VIDEO, texts[i], strlen(texts[i]), whole).class,
                             CAMREQ_UNKNOWN);
    char *much = malloc(100000);
    memset(much, 'a', 100000);
    assert_int_equal(judge(CAMREQ_VIDEO, much, 100000, true).class, CAMREQ_UNKNOWN);
    memset(much, '9', 100000);
    memcpy(much, "preparing to send file from timestamp ", 38);
    assert_int_equal(judge(CAMREQ_VIDEO, much, 100000, true).time_s, 0);
    free(much);
}

static void test_words_are_shown_in_one_line(void **state)
{
    (void)state;
    char out[40];
    assert_string_equal(camreq_words("\r\n Error: a\r\n\0", 14, out, sizeof out), "Error: a");
    assert_string_equal(camreq_words("a\r\nb\0c\xff", 7, out, sizeof out),
                        "a\\u000d\\u000ab\\u0000c\\xff");
    assert_string_equal(camreq_words("", 0, out, sizeof out), "");
    assert_string_equal(camreq_words("a\xe2\x82", 3, out, sizeof out), "a\\xe2\\x82");
    assert_string_equal(camreq_words("0123456789abcdef", 16, out, 16), "0123456789ab...");
    assert_string_equal(camreq_words("0123456789abcde", 15, out, 16), "0123456789abcde");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands_are_as_the_vendor_has_them),
        cmocka_unit_test(test_limits_are_judged_before),
        cmocka_unit_test(test_no_command_has_more_than_160_characters),
        cmocka_unit_test(test_an_sms_has_login_and_password_or_two_blanks),
        cmocka_unit_test(test_each_answer_is_of_its_class),
        cmocka_unit_test(test_prefix_case_and_line_ends_change_nothing),
        cmocka_unit_test(test_half_an_answer_is_never_of_another_class),
        cmocka_unit_test(test_a_text_that_was_cut_off_is_judged_by_what_there_is),
        cmocka_unit_test(test_words_that_nobody_knows_are_of_no_class),
        cmocka_unit_test(test_words_are_shown_in_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
