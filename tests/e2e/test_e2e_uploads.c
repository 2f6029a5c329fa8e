/* Files that people bring, piece by piece or by a form, and what those who look are told. */
#include "dashspool/hash.h"
#include "support/http.h"
#include "support/pages.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VAN "352093081452251"

struct uploads {
    struct pages *w;
    char csrf[80], place[64];
};

static void begin(struct uploads *u, struct pages *w)
{
    char header[128];
    u->w = w;
    if (!w->running)
        pages_start(w, DASHSPOOL_BINARY);
    snprintf(u->csrf, sizeof u->csrf, "%s",
             http_between(pages_get(w, "/upload"), "name=\"csrf\" value=\"", "\""));
    snprintf(header, sizeof header, "X-CSRF-Token: %s\r\n", u->csrf);
    struct http_answer a = http_post(w->port, "/upload/new", header, "");
    assert_int_equal(a.status, 200);
    snprintf(u->place, sizeof u->place, "%s", http_between(a.body, "\"upload\":\"", "\""));
    http_clear(&a);
}

static struct http_answer put(const struct uploads *u, const char *name, long offset, long total,
                              const char *data)
{
    char path[400], header[200];
    snprintf(path, sizeof path, "/upload/put?upload=%s&name=%s&offset=%ld&total=%ld", u->place,
             name, offset, total);
    snprintf(header, sizeof header,
             "X-CSRF-Token: %s\r\nContent-Type: application/octet-stream\r\n", u->csrf);
    return http_ask(u->w->port, "POST", path, header, data);
}

static void put_expect(const struct uploads *u, const char *name, long offset, long total,
                       const char *data, int status, const char *says)
{
    struct http_answer a = put(u, name, offset, total, data);
    if (a.status != status)
        fail_msg("%s: %d instead of %d: %s", name, a.status, status, a.body ? a.body : "");
    assert_has(a.body, says);
    http_clear(&a);
}

static struct http_answer done(const struct uploads *u, const char *more)
{
    char form[300];
    snprintf(form, sizeof form, "csrf=%s&upload=%s&imei=" VAN "&camera=rear%s", u->csrf, u->place,
             more);
    return http_post(u->w->port, "/upload/done", "Accept: application/json\r\n", form);
}

static const char *in_place(const struct uploads *u, const char *name)
{
    static char path[1200];
    snprintf(path, sizeof path, "%s/upload/%s/%s", u->w->root, u->place, name);
    return path;
}

static void test_pieces_go_on_where_they_broke_off(void **state)
{
    struct uploads u;
    char path[300], sha256[HASH_HEX_ROOM];
    struct err err;
    begin(&u, *state);
    put_expect(&u, "card/front.h265", 0, 9, "abcd", 200, "{\"offset\":4,\"sha256\":\"\"}");
    put_expect(&u, "card/front.h265", 9, 9, "", 503, "4 bytes are here, not 9");
    put_expect(&u, "card/front.h265", 0, 9, "abcd", 503, "4 bytes are here, not 0");
    /* the server is started again: what was told as here is here */
    pages_stop(u.w);
    pages_start(u.w, DASHSPOOL_BINARY);
    snprintf(u.csrf, sizeof u.csrf, "%s",
             http_between(pages_get(u.w, "/upload"), "name=\"csrf\" value=\"", "\""));
    snprintf(path, sizeof path, "/upload/state?upload=%s&name=card/front.h265", u.place);
    assert_has(pages_get(u.w, path), "{\"offset\":4,\"whole\":false}");
    assert_true(support_exists(in_place(&u, "card/front.h265.part")));
    assert_ok(hash_text("abcdefghi", 9, sha256, &err));
    put_expect(&u, "card/front.h265", 4, 9, "efghi", 200, sha256);
    assert_has(pages_get(u.w, path), "{\"offset\":9,\"whole\":true}");
    assert_true(support_exists(in_place(&u, "card/front.h265")));
    assert_false(support_exists(in_place(&u, "card/front.h265.part")));
    put_expect(&u, "card/front.h265", 0, 9, "abcd", 400, "is here already");
    put_expect(&u, "empty.json", 0, 0, "", 200, "e3b0c44298fc1c149afbf4c8996fb924");
    /* in one go */
    put_expect(&u, "rear.h265", 0, 9, "abcdefghi", 200, sha256);
    put_expect(&u, "more.h265", 0, 3, "abcd", 400, "more bytes came than it has");
}

static void test_no_name_leads_out_of_its_place(void **state)
{
    struct uploads u;
    static const char *const names[] = {"../x.h265",      "/etc/x.h265",   "a/../../x.h265",
                                        ".x.h265",        "a/.given",      "",
                                        "a//b.h265",      "a%0Ab.h265",    "a%5Cb.h265",
                                        "%E2%80%AE.h265", "%FF.h265",      "1/2/3/4/5/6/7/8/9.h265",
                                        "x.h265.part",    "%2e%2e/x.h265", "x.part",
                                        "a/x.part"};
    begin(&u, *state);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put_expect(&u, names[i], 0, 3, "abc", 400, "<h1>");
    assert_int_equal(support_entries(in_place(&u, "")), 0);
    char place[64];
    memcpy(place, u.place, sizeof place);
    snprintf(u.place, sizeof u.place, "../../raw");
    put_expect(&u, "x.h265", 0, 3, "abc", 404, "no such upload");
    snprintf(u.place, sizeof u.place, "00000000000000000000000000000000");
    put_expect(&u, "x.h265", 0, 3, "abc", 404, "no such upload");
    memcpy(u.place, place, sizeof place);
    put_expect(&u, "x.h265", 0, 3, "abc", 200, "\"offset\":3");
}

/* With what is added to it each part of a path fits, as it is found out before it is sent. */
static void test_names_that_are_too_long_are_refused(void **state)
{
    struct uploads u;
    enum { MOST = 245 };
    char part[MOST + 2], name[MOST + 20];
    begin(&u, *state);
    for (int n = MOST; n <= MOST + 1; n++) {
        memset(part, 'a', (size_t)n);
        part[n] = '\0';
        snprintf(name, sizeof name, "%s/x.h265", part);
        put_expect(&u, name, 0, 3, "abc", n == MOST ? 200 : 400, n == MOST ? "offset" : "<h1>");
        snprintf(name, sizeof name, "b/%.*s.h265", n - 5, part);
        put_expect(&u, name, 0, 9, "abc", n == MOST ? 200 : 400, n == MOST ? "offset" : "<h1>");
    }
}

static void test_limits(void **state)
{
    struct uploads u;
    struct pages *w = *state;
    support_configure(w->root, "[serve]\nupload_max_gb = 1\n");
    begin(&u, w);
    put_expect(&u, "x.h265", 0, 1000000001, "abc", 400, "An upload may have 1.0 GB");
    put_expect(&u, "x.h265", 0, 999999999, "abc", 200, "\"offset\":3");
    put_expect(&u, "y.h265", 0, 999999999, "abc", 400, "An upload may have 1.0 GB");
    assert_int_equal(support_entries(in_place(&u, "")), 1); /* nothing of what was refused */
    for (int i = 1; i < 2000; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.h265", i);
        support_write(in_place(&u, name), "", 0);
    }
    put_expect(&u, "x.h265", 3, 999999999, "def", 200, "\"offset\":6"); /* it is here already */
    put_expect(&u, "y.h265", 0, 3, "abc", 400, "An upload may have 2000 files");
    assert_int_equal(support_entries(in_place(&u, "")), 2000);
    pages_stop(w);
    support_configure(w->root, "[receive]\nmin_free_mib = 1000000000\n");
    begin(&u, w);
    put_expect(&u, "x.h265", 0, 3, "abc", 503, "too little space");
}

/* Without a token of its page nothing is taken. */
static void test_another_site_brings_nothing(void **state)
{
    struct uploads u;
    begin(&u, *state);
    snprintf(u.csrf, sizeof u.csrf, "0");
    put_expect(&u, "x.h265", 0, 3, "abc", 403, "<h1>");
    assert_int_equal(support_entries(in_place(&u, "")), 0);
}

static void take_footage(const struct uploads *u, const char *name)
{
    struct buf b = support_read(TEST_SAMPLES "/rear-25fps-6s-silent.h265");
    char path[300], head[600];
    int fd = http_dial(u->w->port);
    snprintf(path, sizeof path, "/upload/put?upload=%s&name=%s&offset=0&total=%zu", u->place, name,
             b.used);
    int n = snprintf(head, sizeof head,
                     "POST %s HTTP/1.1\r\nHost: localhost\r\nX-CSRF-Token: %s\r\nContent-Type: "
                     "application/octet-stream\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                     path, u->csrf, b.used);
    http_send(fd, head, (size_t)n);
    http_send(fd, buf_data(&b), b.used);
    struct http_answer a = http_read(fd);
    assert_int_equal(a.status, 200);
    http_clear(&a);
    buf_clear(&b);
}

static void test_an_upload_becomes_an_event(void **state)
{
    struct uploads u;
    struct pages *w = *state;
    begin(&u, w);
    take_footage(&u, "card/20241129T072345Z.h265");
    struct http_answer a = done(&u, "");
    assert_int_equal(a.status, 200);
    assert_has(a.body, "{\"job\":\"import-");
    http_clear(&a);
    char job[100];
    snprintf(job, sizeof job, "{\"job\":\"import-%s\"}", u.place);
    for (int i = 0; i < 2; i++) { /* the answer was lost; and the server broke off before the job */
        a = done(&u, "");
        assert_int_equal(a.status, 200);
        assert_string_equal(a.body, job);
        http_clear(&a);
        assert_int_equal(support_entries(support_path(w->root, "spool/action/new")), 1);
        char path[200];
        snprintf(path, sizeof path, "spool/action/new/import-%s", u.place);
        if (i == 0)
            expect(PROC_RUN("rm", "-r", support_path(w->root, path)), 0, "");
        assert_true(support_exists(in_place(&u, ".given")));
    }
    put_expect(&u, "late.h265", 0, 3, "abc", 400, "finished already");
    struct proc_result r = DASHSPOOL(w->root, "work", "--once", "--stage", "action");
    expect(r, 0, "");
    const char *text = pages_get(w, "/");
    assert_has(text, "/event/" VAN "-rear-video-20241129T072345Z");
    assert_false(support_exists(in_place(&u, "")));
    a = done(&u, ""); /* still the same, which is over */
    assert_int_equal(a.status, 200);
    assert_string_equal(a.body, job);
    http_clear(&a);
    assert_int_equal(support_entries(support_path(w->root, "spool/action/new")), 0);
    r = DASHSPOOL(w->root, "show", "--custody", VAN "-rear-video-20241129T072345Z");
    expect(r, 0, "somebody at 127.0.0.1");
}

/* Where the files do not tell, the form does; it is the word of who uploaded them. */
static void test_a_time_is_told_with_an_upload(void **state)
{
    static const struct {
        const char *more, *why;
    } bad[] = {
        {"&time=2024-10-27T02:30&zone=Europe%2FBerlin", "came twice in this time zone"},
        {"&time=2024-03-31T02:30:00&zone=Europe%2FBerlin", "the clocks went forward over it"},
        {"&time=2024-07-01T09:23:45&zone=", "is of no time zone"},
        {"&time=2024-07-01T09:23:45&zone=Nowhere", "there is no time zone Nowhere"},
        {"&time=2124-07-01T09:23:45&zone=UTC", "is still to come"},
        {"&time=%3Cb%3E&zone=UTC", "characters that are not allowed"},
        {"&time=&zone=..%2F..%2Fx", "there is no time zone"},
    };
    struct uploads u;
    struct pages *w = *state;
    begin(&u, w);
    take_footage(&u, "card/clip.h265");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct http_answer a = done(&u, bad[i].more);
        assert_int_equal(a.status, 400);
        assert_has(a.body, bad[i].why);
        http_clear(&a);
    }
    assert_int_equal(support_entries(support_path(w->root, "spool/action/new")), 0);
    struct http_answer a = done(&u, "&time=2024-07-01T09:23&zone=Europe%2FBerlin");
    assert_int_equal(a.status, 200);
    http_clear(&a);
    expect(DASHSPOOL(w->root, "work", "--once"), 0, "");
    const char *text = pages_get(w, "/event/" VAN "-rear-video-20240701T072300Z");
    assert_has(text, "09:23:00");
    assert_has(text, "; time as told by somebody at 127.0.0.1");
    assert_has(text, "as a person told it on import; no file and no camera tells it");
    expect(DASHSPOOL(w->root, "show", VAN "-rear-video-20240701T072300Z"), 0,
           "time as told by somebody at 127.0.0.1 on import");
    a = http_ask(w->port, "GET", "/event/" VAN "-rear-video-20240701T072300Z",
                 "Accept-Language: de\r\n", NULL);
    assert_has(a.body, "; Zeit nach Angabe von somebody at 127.0.0.1");
    http_clear(&a);
    expect(DASHSPOOL(w->root, "fsck"), 0, "");
}

static void test_a_form_does_without_a_script(void **state)
{
    struct uploads u;
    struct pages *w = *state;
    char body[2000], header[200];
    begin(&u, w);
    int n = snprintf(
        body, sizeof body,
        "--boundary\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n"
        "--boundary\r\nContent-Disposition: form-data; name=\"imei\"\r\n\r\n" VAN "\r\n"
        "--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.h265\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\nabc\r\n"
        "--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.h265\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\ndefg\r\n--boundary--\r\n",
        u.csrf);
    assert_true(n > 0 && (size_t)n < sizeof body);
    snprintf(header, sizeof header, "Content-Type: multipart/form-data; boundary=boundary\r\n");
    struct http_answer a = http_ask(w->port, "POST", "/upload", header, body);
    assert_int_equal(a.status, 303);
    assert_has(a.text, "Location: /upload?did=import-");
    http_clear(&a);
    /* the newest place has both, by names of their own */
    struct proc_result r = PROC_RUN("find", support_path(w->root, "upload"), "-type", "f");
    assert_has(proc_out(&r), "/a.h265\n");
    assert_has(proc_out(&r), "/a-2.h265\n");
    assert_has(proc_out(&r), "/.given\n");
    proc_clear(&r);
    /* none was chosen */
    snprintf(body, sizeof body,
             "--boundary\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n"
             "--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n\r\n--boundary--\r\n",
             u.csrf);
    a = http_ask(w->port, "POST", "/upload", header, body);
    assert_int_equal(a.status, 400);
    assert_has(a.body, "No file was chosen");
    http_clear(&a);
}

static void send_chunk(int fd, const char *data, size_t n)
{
    char size[32];
    http_send(fd, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    http_send(fd, data, n);
    http_send(fd, "\r\n", 2);
}

#define FILE_OF(name)                                                               \
    "--boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" name \
    "\"\r\nContent-Type: application/octet-stream\r\n\r\n"

/* The limits hold for what does not tell its length, too: at the next file, and within one. */
static void test_a_form_of_no_length_has_limits(void **state)
{
    struct uploads u;
    struct pages *w = *state;
    enum { CHUNK = 1 << 20 };
    char *bytes = malloc(CHUNK), text[1200];
    memset(bytes, 'x', CHUNK);
    support_configure(w->root, "[serve]\nupload_max_gb = 1\n");
    begin(&u, w);
    for (int another = 0; another < 2; another++) {
        expect(PROC_RUN("sh", "-c", "rm -rf \"$1\"/*", "sh", support_path(w->root, "upload")), 0,
               "");
        int fd = http_dial(w->port);
        int n = snprintf(text, sizeof text,
                         "POST /upload HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                         "Content-Type: multipart/form-data; boundary=boundary\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n");
        http_send(fd, text, (size_t)n);
        n = snprintf(
            text, sizeof text,
            "--boundary\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n" FILE_OF(
                "a.h265"),
            u.csrf);
        send_chunk(fd, text, (size_t)n);
        send_chunk(fd, bytes, CHUNK);
        support_wait(support_entries(support_path(w->root, "upload")) == 1);
        /* nearly all that it may have */
        expect(PROC_RUN("sh", "-c", "truncate -s 999000000 \"$(echo \"$1\"/*)/big.h265\"", "sh",
                        support_path(w->root, "upload")),
               0, "");
        if (another) {
            static const char next[] = "\r\n" FILE_OF("b.h265") "0123456789";
            send_chunk(fd, next, sizeof next - 1);
        }
        for (int i = 0; i < (another ? 0 : 8); i++)
            send_chunk(fd, bytes, CHUNK);
        static const char end[] = "\r\n--boundary--\r\n";
        send_chunk(fd, end, sizeof end - 1);
        http_send(fd, "0\r\n\r\n", 5);
        struct http_answer a = http_read(fd);
        assert_int_equal(a.status, 400);
        assert_has(a.body, "An upload may have 1.0 GB");
        http_clear(&a);
    }
    free(bytes);
}

static void make_old(const char *path, int days)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
    struct timespec times[2] = {{.tv_sec = now.tv_sec - days * 86400L},
                                {.tv_sec = now.tv_sec - days * 86400L}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_what_nobody_finished_goes(void **state)
{
    struct uploads old, fresh, given;
    struct pages *w = *state;
    begin(&old, w);
    put_expect(&old, "x.h265", 0, 9, "abc", 200, "\"offset\":3");
    begin(&fresh, w);
    put_expect(&fresh, "x.h265", 0, 9, "abc", 200, "\"offset\":3");
    begin(&given, w);
    put_expect(&given, "x.h265", 0, 3, "abc", 200, "\"offset\":3");
    struct http_answer a = done(&given, "");
    http_clear(&a);
    pages_stop(w);
    make_old(in_place(&old, "x.h265.part"), 2);
    make_old(in_place(&old, ""), 2);
    make_old(in_place(&given, "x.h265"), 2);
    make_old(in_place(&given, ".given"), 2);
    make_old(in_place(&given, ""), 2);
    pages_start(w, DASHSPOOL_BINARY);
    (void)pages_get(w, "/upload");
    support_wait(!support_exists(in_place(&old, "")));
    assert_true(support_exists(in_place(&fresh, "x.h265.part")));
    assert_true(support_exists(in_place(&given, "x.h265")));
}

/* ---- live ---- */

/* What comes until the words are there. */
static void hear(int fd, const char *words)
{
    static char text[65536];
    size_t used = 0;
    text[0] = '\0';
    while (!strstr(text, words)) {
        assert_true(used < sizeof text - 1);
        ssize_t n = recv(fd, text + used, sizeof text - 1 - used, 0);
        if (n <= 0)
            fail_msg("no '%s' in: %s", words, text);
        used += (size_t)n;
        text[used] = '\0';
    }
}

static void test_who_looks_hears_of_changes(void **state)
{
    struct pages *w = *state;
    static const char ask[] = "GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    pages_start(w, DASHSPOOL_BINARY);
    int fd = http_dial(w->port);
    http_send(fd, ask, sizeof ask - 1);
    hear(fd, "\"review\":0,");
    pages_add(w,
              &(struct pages_file){VAN, "front", "crash", PAGES_NOON, .state = CATALOGUE_STORED});
    hear(fd, "\"review\":1,");
    close(fd);
    http_expect(w->port, "/", "", 200);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, pages_set_up, pages_tear_down)
    const struct CMUnitTest tests[] = {
        T(test_pieces_go_on_where_they_broke_off),   T(test_no_name_leads_out_of_its_place),
        T(test_names_that_are_too_long_are_refused), T(test_limits),
        T(test_another_site_brings_nothing),         T(test_an_upload_becomes_an_event),
        T(test_a_time_is_told_with_an_upload),       T(test_a_form_does_without_a_script),
        T(test_a_form_of_no_length_has_limits),      T(test_what_nobody_finished_goes),
        T(test_who_looks_hears_of_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
