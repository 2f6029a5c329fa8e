/* The samples in pipeline.d that send something, as they are but for the address, against a server
 * that takes it, is down, says nothing, points elsewhere, or refuses: only what it took is done. */
#include "dashspool/fsx.h"
#include "support/workplace.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PHOTO   TEST_SAMPLES "/photo-720p.jpg"
#define SAMPLES TEST_SOURCE_DIR "/../pipeline.d"
#define ID      "352093081452251-front-photo-20241129T072345Z"

/* ---- servers ---- */

struct server {
    const char *answer; /* "": it is silent; NULL: it is down */
    bool speaks_first;  /* SMTP */
    int fd, port;
    pthread_t thread;
};

static bool whole(const char *heard, size_t n)
{
    const char *end = strstr(heard, "\r\n\r\n"), *length = strstr(heard, "Content-Length: ");
    return end && length &&
           n >= (size_t)(end + 4 - heard) + strtoul(length + strlen("Content-Length: "), NULL, 10);
}

/* One request after another; one that gets no answer is held until the client has enough. */
static void *serve(void *arg)
{
    const struct server *s = arg;
    static const size_t room = 1 << 20;
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *heard = malloc(room + 1);
    for (int fd; heard && (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd)) {
        size_t n = 0;
        bool asked = false;
        heard[0] = '\0';
        if (s->speaks_first && write(fd, s->answer, strlen(s->answer)) < 0)
            fprintf(stderr, "the server was not listened to\n");
        for (ssize_t got = 1;
             got > 0 && n < room && (s->speaks_first || !s->answer[0] || !whole(heard, n));) {
            got = read(fd, heard + n, room - n);
            n += got > 0 ? (size_t)got : 0;
            heard[n] = '\0';
            if (!asked && s->answer[0] && strstr(heard, "\r\n\r\n") && strstr(heard, "Expect: 100"))
                asked = write(fd, go_on, strlen(go_on)) > 0;
        }
        if (!s->speaks_first && write(fd, s->answer, strlen(s->answer)) < 0)
            fprintf(stderr, "the server was not listened to\n");
    }
    free(heard);
    return NULL;
}

static void server_start(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, n), 0); /* down: bound, and no listener */
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
    s->port = ntohs(at.sin_port);
    if (!s->answer)
        return;
    assert_int_equal(listen(s->fd, 5), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    if (s->answer)
        pthread_join(s->thread, NULL);
    close(s->fd);
}

/* ---- samples ---- */

/* Each `from` in *text becomes `to`; there is one. */
static void change(char **text, const char *from, const char *to)
{
    char *at = strstr(*text, from);
    if (!at)
        fail_msg("the sample has no '%s':\n%s", from, *text);
    char *changed = NULL;
    struct err err;
    assert_ok(
        fsx_path(&changed, &err, "%.*s%s%s", (int)(at - *text), *text, to, at + strlen(from)));
    free(*text);
    *text = changed;
}

struct sample {
    const char *file, *name, *url, *after, *what; /* what: that it sends */
    bool retries;                                 /* by itself */
};

static const struct sample samples[] = {
    {"50-upload-curl.conf", "[exec upload-curl]", "https://files.example.com", "after = convert",
     "%{copy}", true},
    {"60-notify-webhook.conf", "[exec notify]", "https://hooks.example.com", "\nafter = convert",
     NULL, false},
    {"70-send-package.conf", "[exec send-package]", "https://files.example.com", "after = export",
     "%{package}", true},
};
enum { SAMPLES_N = sizeof samples / sizeof *samples };

#define EMPTY "Content-Length: 0\r\nConnection: close\r\n\r\n"
static const struct {
    const char *name, *answer, *place; /* of its job afterwards; NULL: it is done */
} cases[] = {
    {"200", "HTTP/1.1 200 OK\r\n" EMPTY, NULL},
    {"201", "HTTP/1.1 201 Created\r\n" EMPTY, NULL},
    {"301", "HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:1/\r\n" EMPTY, "failed"},
    {"302", "HTTP/1.1 302 Found\r\nLocation: /login\r\n" EMPTY, "failed"},
    {"308", "HTTP/1.1 308 Permanent\r\nLocation: http://127.0.0.1:1/\r\n" EMPTY, "failed"},
    {"bare", "HTTP/1.1 301 Moved\r\n" EMPTY, "failed"},
    {"304", "HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n", "failed"},
    {"cut", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc", "new"},
    {"413", "HTTP/1.1 413 Too Large\r\n" EMPTY, "new"},
    {"500", "HTTP/1.1 500 Error\r\n" EMPTY, "new"},
    {"silent", "", "new"},
    {"down", NULL, "new"},
};
enum { CASES_N = sizeof cases / sizeof *cases };

/* The sample's text, for one case: of the original instead of a copy or a package, which cost time.
 */
static char *sample_for(const struct workplace *w, const struct sample *s, const char *name,
                        int port)
{
    char to[600];
    struct err err;
    struct buf b = support_read(support_path(SAMPLES, s->file));
    assert_ok(buf_append(&b, "", 1, &err));
    char *text = strdup((const char *)buf_data(&b));
    buf_clear(&b);
    assert_non_null(text);
    snprintf(to, sizeof to, "[exec %s]", name);
    change(&text, s->name, to);
    change(&text, "enabled = no", "");
    change(&text, s->after, "\nafter = receive");
    snprintf(to, sizeof to, "http://127.0.0.1:%d", port);
    change(&text, s->url, to);
    if (s->what) {
        change(&text, s->what, s->what[0] == '@' ? "@%{master}" : "%{master}");
        snprintf(to, sizeof to, "%s/netrc", w->dir);
        change(&text, "/etc/dashspool/netrc", to);
    }
    if (s->retries)
        change(&text, "--retry 3", "");
    if (strstr(name, "silent"))
        change(&text, "\ntimeout = ", "\ntimeout = 1 s\n# ");
    return text;
}

static void receive_photo(struct workplace *w, const char *settings)
{
    support_configure(w->root, settings);
    workplace_start(w, DASHSPOOL_BINARY, "receive");
    workplace_listens(w);
    expect(PROC_RUN(DASHSPOOL_BINARY, "simulate", "--to", w->address, "--imei", "352093081452251",
                    "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z"),
           0, "");
    assert_int_equal(proc_stop(&w->service, SIGTERM), 0);
}

/* One attempt; where its job lies then. */
static void expect_job(struct workplace *w, const char *file, const char *stage, const char *place)
{
    static const char *const places[] = {"new", "cur", "failed"};
    struct proc_result r = DASHSPOOL(w->root, "work", "--once", "--stage", stage);
    for (int k = 0; k < 3; k++) {
        char path[300];
        bool there = place && strcmp(place, places[k]) == 0;
        snprintf(path, sizeof path, "spool/%s/%s/" ID, stage, places[k]);
        if (support_exists(support_path(w->root, path)) != there)
            fail_msg("%s, %s: %s in %s: %s", file, stage, there ? "not" : "is", places[k],
                     proc_err(&r));
    }
    proc_clear(&r);
}

static void need_curl(void)
{
    if (!proc_have("curl")) {
        fprintf(stderr, "SKIPPED: curl is not installed\n");
        skip();
    }
}

static void test_only_what_a_server_took_is_delivered(void **state)
{
    struct workplace *w = *state;
    struct server servers[CASES_N];
    char *all = strdup("[receive]\nlisten = 127.0.0.1:0\nmin_free_mib = 0\n");
    struct err err;
    need_curl();
    static const char netrc[] = "machine 127.0.0.1 login user password secret\n";
    support_write(support_path(w->dir, "netrc"), netrc, sizeof netrc - 1);
    for (int c = 0; c < CASES_N; c++) {
        servers[c] = (struct server){.answer = cases[c].answer};
        server_start(&servers[c]);
        for (int i = 0; i < SAMPLES_N; i++) {
            char name[40], *more = NULL;
            snprintf(name, sizeof name, "s%d-%s", i, cases[c].name);
            char *one = sample_for(w, &samples[i], name, servers[c].port);
            assert_ok(fsx_path(&more, &err, "%s%s", all, one));
            free(one);
            free(all);
            all = more;
        }
    }
    receive_photo(w, all);
    free(all);
    for (int c = 0; c < CASES_N; c++) {
        for (int i = 0; i < SAMPLES_N; i++) {
            char name[40];
            snprintf(name, sizeof name, "s%d-%s", i, cases[c].name);
            expect_job(w, samples[i].file, name, cases[c].place);
        }
    }
    for (int c = 0; c < CASES_N; c++)
        server_stop(&servers[c]);
}

static const struct sample mail = {.file = "60-mail.conf",
                                   .name = "[exec mail]",
                                   .url = "smtp://mail.example.com:587",
                                   .after = "after = convert",
                                   .what = "@%{still}"};

/* No mail goes where nobody is, or in clear. */
static void test_mail_waits_for_its_server(void **state)
{
    struct workplace *w = *state;
    struct err err;
    static const struct {
        const char *name, *answer, *place;
    } servers[] = {{"down", NULL, "new"},
                   {"silent", "", "new"},
                   {"busy", "421 mail.example.com busy\r\n", "new"},
                   {"clear", "220 mail.example.com\r\n250 mail.example.com\r\n", "failed"}};
    need_curl();
    support_write(support_path(w->dir, "netrc"), "\n", 1);
    enum { N = sizeof servers / sizeof *servers };
    struct server s[N];
    char *all = strdup("[receive]\nlisten = 127.0.0.1:0\nmin_free_mib = 0\n");
    for (int c = 0; c < N; c++) {
        char *more = NULL;
        s[c] = (struct server){.answer = servers[c].answer,
                               .speaks_first = servers[c].answer && servers[c].answer[0]};
        server_start(&s[c]);
        char *one = sample_for(w, &mail, servers[c].name, s[c].port);
        char *at = strstr(one, "http://127"); /* SMTP, too */
        assert_non_null(at);
        memcpy(at, "smtp", 4);
        assert_ok(fsx_path(&more, &err, "%s%s", all, one));
        free(one);
        free(all);
        all = more;
    }
    receive_photo(w, all);
    free(all);
    for (int c = 0; c < N; c++) {
        expect_job(w, mail.file, servers[c].name, servers[c].place);
        server_stop(&s[c]);
    }
}

/* To a folder, and to nobody. */
static void test_rclone_waits_for_its_server(void **state)
{
    struct workplace *w = *state;
    struct err err;
    struct server server = {.answer = NULL};
    static const char *const names[] = {"cloud", "down"};
    char *all = strdup("[receive]\nlisten = 127.0.0.1:0\nmin_free_mib = 0\n"), config[2000];
    if (!proc_have("rclone")) {
        free(all);
        fprintf(stderr, "SKIPPED: rclone is not installed\n");
        skip();
    }
    int n = snprintf(config, sizeof config, "[cloud]\ntype = alias\nremote = %s/cloud\n", w->dir);
    server_start(&server);
    n += snprintf(config + n, sizeof config - (size_t)n,
                  "[down]\ntype = webdav\nvendor = other\nurl = http://127.0.0.1:%d/\n",
                  server.port);
    support_write(support_path(w->dir, "rclone.conf"), config, (size_t)n);
    for (int i = 0; i < 2; i++) {
        struct buf b = support_read(support_path(SAMPLES, "50-upload-rclone.conf"));
        char *more = NULL, to[600];
        assert_ok(buf_append(&b, "", 1, &err));
        char *one = strdup((const char *)buf_data(&b));
        assert_non_null(one);
        buf_clear(&b);
        snprintf(to, sizeof to, "[exec %s]", names[i]);
        change(&one, "[exec upload-rclone]", to);
        change(&one, "enabled = no", "");
        change(&one, "\nafter = convert", "\nafter = receive");
        snprintf(to, sizeof to, "\ncommand = rclone --low-level-retries 1 --config %s/rclone.conf",
                 w->dir);
        change(&one, "\ncommand = rclone --config /etc/dashspool/rclone.conf", to);
        change(&one, "%{copy}", "%{master}");
        snprintf(to, sizeof to, "%s:dashcam", names[i]);
        change(&one, "cloud:dashcam", to);
        assert_ok(fsx_path(&more, &err, "%s%s", all, one));
        free(one);
        free(all);
        all = more;
    }
    receive_photo(w, all);
    free(all);
    for (int i = 0; i < 2; i++)
        expect_job(w, "50-upload-rclone.conf", names[i], i == 0 ? NULL : "new");
    assert_true(support_exists(support_path(w->dir, "cloud/dashcam/352093081452251/master.jpg")));
    server_stop(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, workplace_set_up, workplace_tear_down)
        E2E(test_only_what_a_server_took_is_delivered),
        E2E(test_mail_waits_for_its_server),
        E2E(test_rclone_waits_for_its_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
