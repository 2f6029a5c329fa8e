#include "support/browser.h"
#include "support/proc.h"
#include "support/tree.h"
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 20, WAIT_MS = 120000 };

struct browser {
    pid_t pid;
    int to, from; /* messages, each with a NUL behind it */
    struct buf heard;
    int n;         /* of the last question */
    char *session; /* of the page */
    json_t *answer;
    char *dir; /* of its profile */
};

/* ---- messages ---- */

static void say(const struct browser *b, const json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    assert_non_null(text);
    for (size_t at = 0, n = strlen(text) + 1; at < n;) {
        ssize_t wrote = write(b->to, text + at, n - at);
        assert_true(wrote > 0);
        at += (size_t)wrote;
    }
    free(text);
}

static json_t *hear(struct browser *b)
{
    struct err err;
    for (;;) {
        const char *data = (const char *)buf_data(&b->heard);
        const char *end = b->heard.used ? memchr(data, '\0', b->heard.used) : NULL;
        if (end) {
            json_t *message = json_loads(data, 0, NULL);
            assert_non_null(message);
            buf_consume(&b->heard, (size_t)(end - data) + 1);
            return message;
        }
        struct pollfd p = {.fd = b->from, .events = POLLIN};
        if (poll(&p, 1, WAIT_MS) != 1)
            fail_msg("the browser says nothing for %d s", WAIT_MS / 1000);
        uint8_t *room = buf_reserve(&b->heard, 1 << 16, &err);
        assert_non_null(room);
        ssize_t n = read(b->from, room, 1 << 16);
        assert_true(n > 0);
        buf_commit(&b->heard, (size_t)n);
    }
}

/* What nobody asked for: complaints end the test. */
static void judge_event(const json_t *message)
{
    const char *method = json_string_value(json_object_get(message, "method"));
    bool bad = method && strcmp(method, "Runtime.exceptionThrown") == 0;
    if (method && strcmp(method, "Log.entryAdded") == 0) {
        json_t *entry = json_object_get(json_object_get(message, "params"), "entry");
        const char *level = json_string_value(json_object_get(entry, "level"));
        bad = level && strcmp(level, "error") == 0;
    }
    if (bad)
        fail_msg("the page complains: %s", json_dumps(message, JSON_COMPACT));
}

/* Takes params (NULL: none); the answer is borrowed until the next call. */
static json_t *call(struct browser *b, const char *method, json_t *params)
{
    json_t *message = json_pack("{s:i, s:s, s:o}", "id", ++b->n, "method", method, "params",
                                params ? params : json_object());
    assert_non_null(message);
    if (b->session)
        json_object_set_new(message, "sessionId", json_string(b->session));
    say(b, message);
    json_decref(message);
    for (;;) {
        message = hear(b);
        if (json_integer_value(json_object_get(message, "id")) == b->n)
            break;
        judge_event(message);
        json_decref(message);
    }
    json_decref(b->answer);
    b->answer = message;
    if (json_object_get(message, "error"))
        fail_msg("%s: %s", method, json_dumps(message, JSON_COMPACT));
    return json_object_get(message, "result");
}

/* ---- its life ---- */

static void become_chromium(int commands, int answers, const char *dir)
{
    char profile[600], home[600];
    snprintf(profile, sizeof profile, "--user-data-dir=%s", dir);
    snprintf(home, sizeof home, "%s", dir);
    int in = fcntl(commands, F_DUPFD, 10), out = fcntl(answers, F_DUPFD, 10);
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    dup2(in, 3); /* where --remote-debugging-pipe has them */
    dup2(out, 4);
    setenv("HOME", home, 1);
    setpgid(0, 0);
    /* Its own sandbox does not work for root. */
    const char *sandbox = geteuid() == 0 ? "--no-sandbox" : "--disable-gpu";
    execlp("chromium", "chromium", "--headless=new", sandbox, "--disable-gpu", "--no-first-run",
           "--disable-background-networking", "--remote-debugging-pipe", profile, "about:blank",
           (char *)NULL);
    _exit(127);
}

struct browser *browser_open(void)
{
    int commands[2], answers[2];
    if (!proc_have("chromium"))
        return NULL;
    struct browser *b = calloc(1, sizeof *b);
    assert_non_null(b);
    buf_init(&b->heard, ANSWER_MAX);
    b->dir = support_tmp_dir();
    assert_int_equal(pipe(commands), 0);
    assert_int_equal(pipe(answers), 0);
    fcntl(commands[1], F_SETFD, FD_CLOEXEC);
    fcntl(answers[0], F_SETFD, FD_CLOEXEC);
    signal(SIGPIPE, SIG_IGN);
    b->pid = fork();
    assert_true(b->pid >= 0);
    if (b->pid == 0)
        become_chromium(commands[0], answers[1], b->dir);
    close(commands[0]);
    close(answers[1]);
    b->to = commands[1];
    b->from = answers[0];

    const char *page = NULL;
    json_t *target, *all = json_object_get(call(b, "Target.getTargets", NULL), "targetInfos");
    size_t i;
    json_array_foreach(all, i, target)
    {
        if (strcmp(json_string_value(json_object_get(target, "type")), "page") == 0)
            page = json_string_value(json_object_get(target, "targetId"));
    }
    assert_non_null(page);
    json_t *attached =
        call(b, "Target.attachToTarget", json_pack("{s:s, s:b}", "targetId", page, "flatten", 1));
    b->session = strdup(json_string_value(json_object_get(attached, "sessionId")));
    assert_non_null(b->session);
    call(b, "Page.enable", NULL);
    call(b, "Runtime.enable", NULL);
    call(b, "Log.enable", NULL);
    return b;
}

void browser_close(struct browser **b)
{
    if (!*b)
        return;
    close((*b)->to); /* it ends with its pipe */
    close((*b)->from);
    waitpid((*b)->pid, NULL, 0);
    kill(-(*b)->pid, SIGKILL); /* helpers of its that do not */
    support_wait(kill(-(*b)->pid, 0) < 0);
    json_decref((*b)->answer);
    buf_clear(&(*b)->heard);
    free((*b)->session);
    support_tmp_remove(&(*b)->dir);
    free(*b);
    *b = NULL;
}

/* ---- the page ---- */

const char *browser_value(struct browser *b, const char *expression)
{
    json_t *found = call(b, "Runtime.evaluate",
                         json_pack("{s:s, s:b, s:b, s:b}", "expression", expression,
                                   "returnByValue", 1, "awaitPromise", 1, "userGesture", 1));
    if (json_object_get(found, "exceptionDetails"))
        fail_msg("%s: %s", expression, json_dumps(found, JSON_COMPACT));
    const char *text =
        json_string_value(json_object_get(json_object_get(found, "result"), "value"));
    return text ? text : "";
}

void browser_go(struct browser *b, const char *path)
{
    char url[1100];
    snprintf(url, sizeof url, "file://%s", path);
    json_t *went = call(b, "Page.navigate", json_pack("{s:s}", "url", url));
    if (json_object_get(went, "errorText"))
        fail_msg("%s: %s", url, json_dumps(went, JSON_COMPACT));
    /* The answer comes once the page is another one; then it may still be read. */
    browser_value(b, "new Promise(done => document.readyState === 'complete' ? done('') :"
                     " addEventListener('load', () => done('')))");
}

void browser_choose(struct browser *b, const char *selector, const char *path)
{
    json_t *root = json_object_get(call(b, "DOM.getDocument", NULL), "root");
    json_int_t id = json_integer_value(json_object_get(root, "nodeId"));
    json_t *found =
        call(b, "DOM.querySelector", json_pack("{s:I, s:s}", "nodeId", id, "selector", selector));
    id = json_integer_value(json_object_get(found, "nodeId"));
    call(b, "DOM.setFileInputFiles", json_pack("{s:I, s:[s]}", "nodeId", id, "files", path));
}

void browser_drop(struct browser *b, const char *path)
{
    static const char *const steps[] = {"dragEnter", "dragOver", "drop"};
    for (size_t i = 0; i < 3; i++)
        call(b, "Input.dispatchDragEvent",
             json_pack("{s:s, s:i, s:i, s:{s:[], s:[s], s:i}}", "type", steps[i], "x", 100, "y",
                       100, "data", "items", "files", path, "dragOperationsMask", 1));
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

void browser_picture(struct browser *b, const char *path, int width_px, bool dark)
{
    call(b, "Emulation.setEmulatedMedia",
         json_pack("{s:[{s:s, s:s}]}", "features", "name", "prefers-color-scheme", "value",
                   dark ? "dark" : "light"));
    call(b, "Emulation.setDeviceMetricsOverride",
         json_pack("{s:i, s:i, s:i, s:b}", "width", width_px, "height", 900, "deviceScaleFactor", 1,
                   "mobile", width_px < 600));
    json_t *shot =
        call(b, "Page.captureScreenshot", json_pack("{s:b}", "captureBeyondViewport", 1));
    const char *text = json_string_value(json_object_get(shot, "data"));
    assert_non_null(text);
    uint8_t *png = malloc(strlen(text) + 4);
    assert_non_null(png);
    size_t n = 0;
    uint32_t bits = 0;
    for (int have = 0; base64_digit(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)base64_digit(*text);
        have += 6;
        if (have >= 8)
            png[n++] = (uint8_t)(bits >> (have -= 8));
    }
    support_write(path, png, n);
    free(png);
}

/* VmHWM of the renderers below us. */
int64_t browser_peak_bytes(const struct browser *b)
{
    static struct tree_process all[TREE_MAX];
    size_t n = tree_read(all);
    int64_t peak = 0;
    (void)b;
    for (size_t i = 0; i < n; i++) {
        char path[64], line[256];
        if (!strstr(all[i].words, "--type=renderer"))
            continue;
        snprintf(path, sizeof path, "/proc/%d/status", (int)all[i].pid);
        FILE *f = fopen(path, "re");
        while (f && fgets(line, sizeof line, f)) {
            long kb = strncmp(line, "VmHWM:", 6) == 0 ? strtol(line + 6, NULL, 10) : 0;
            peak = (int64_t)kb * 1024 > peak ? (int64_t)kb * 1024 : peak;
        }
        if (f)
            fclose(f);
    }
    return peak;
}
