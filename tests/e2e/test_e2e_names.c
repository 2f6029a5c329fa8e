/*
 * Whatever strangers call things, through each command that names them: no byte of it commands a
 * terminal, none makes a line of its own, and JSON stays JSON.
 */
#include "dashspool/buf.h"
#include "dashspool/text.h"
#include "support/package.h"
#include "support/proc.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ESCAPE "\033[31m"
#define TURN   "\xe2\x80\xae"
#define NEXT   "\xc2\x85"
#define FORGED "forged: all is well"

/* No '/' in it: it is a file's name. In JSON and certificates: without what is no UTF-8. */
#define WORDS  "J\xc3\xb6" ESCAPE TURN NEXT "\n" FORGED "\n"
#define NAME   WORDS "\xff"
#define PHOTO  TEST_SAMPLES "/photo-720p.jpg"
#define VIDEO  TEST_SAMPLES "/rear-25fps-6s-silent.h265"

static char *dir, root[600];

static char *in_dir(const char *name)
{
    static char path[4][700];
    static unsigned next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", dir, name);
    return out;
}

static void copy_file(const char *from, const char *to)
{
    struct buf b = support_read(from);
    support_write(to, buf_data(&b), b.used);
    buf_clear(&b);
}

static void check(const char *what, const char *text, size_t size)
{
    for (size_t at = 0, n; at < size; at += n) {
        uint32_t c = 0;
        n = utf8_next(text + at, size - at, &c);
        if (n == 0 || (text_hidden(c) && c != '\n' && c != '\t'))
            fail_msg("%s: byte %zu is 0x%02x: %.200s", what, at, (unsigned char)text[at], text);
    }
    if (strncmp(text, FORGED, strlen(FORGED)) == 0 || strstr(text, "\n" FORGED))
        fail_msg("%s: a line of its own: %s", what, text);
}

/* What it says is tame, and has these words. How it ends does not matter, but not by a signal. */
static void tamed(struct proc_result r, const char *what, bool json, const char *says)
{
    const char *out = proc_out(&r), *err = proc_err(&r);
    if (r.status >= 128)
        fail_msg("%s: signal %d", what, r.status - 128);
    check(what, out, strlen(out));
    check(what, err, strlen(err));
    if (!strstr(out, says) && !strstr(err, says))
        fail_msg("%s: '%s' is not in: %s%s", what, says, out, err);
    if (json) {
        json_error_t why;
        json_t *o = json_loads(out, 0, &why);
        if (!o)
            fail_msg("%s: no JSON: %s: %s", what, why.text, out);
        json_decref(o);
    }
    proc_clear(&r);
}

#define TAMED(says, ...) tamed(DASHSPOOL(root, __VA_ARGS__), #__VA_ARGS__, false, says)
#define JSON(says, ...)  tamed(DASHSPOOL(root, __VA_ARGS__), #__VA_ARGS__, true, says)

/* Footage with such names, a sidecar with such words, in one ROOT. */
static int set_up(void **state)
{
    static const char sidecar[] =
        "{\"version\":\"1\",\"payload\":{\"file\":{\"file_type\":2,\"file_timestamp\":1732865025,"
        "\"duration\":6,\"framerate\":25},\"people\":[{\"driver_name\":\"J\\u001b["
        "31m\\u202e\\n" FORGED "\"}]}}";
    (void)state;
    dir = support_tmp_dir();
    snprintf(root, sizeof root, "%s/root", dir);
    assert_int_equal(mkdir(in_dir("in"), 0700), 0);
    copy_file(PHOTO, in_dir("in/" NAME ".jpg"));
    copy_file(VIDEO, in_dir("in/clip" NAME ".h265"));
    support_write(in_dir("in/clip" NAME ".json"), sidecar, sizeof sidecar - 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

/* The ID of the video, which has the words of the sidecar. */
static void find_id(char *out, size_t room)
{
    struct proc_result r = DASHSPOOL(root, "list");
    const char *at = strstr(proc_out(&r), "-video-");
    assert_non_null(at);
    while (at > proc_out(&r) && at[-1] != '\n')
        at--;
    snprintf(out, room, "%.*s", (int)strcspn(at, " "), at);
    proc_clear(&r);
}

static void test_no_command_repeats_what_commands_a_terminal(void **state)
{
    char id[200];
    (void)state;
    TAMED("\\xff", "probe", in_dir("in/" NAME ".jpg"), in_dir("in/clip" NAME ".h265"));
    TAMED("No such", "probe", in_dir(NAME));
    JSON("\"clean\": true", "probe", "--json", in_dir("in/" NAME ".jpg"));
    JSON("\"error\"", "probe", "--json", in_dir(NAME));
    TAMED("convert", "convert", "-o", in_dir("out" NAME), in_dir("in"));
    TAMED("", "convert", "--copies", "gpx", "--track", in_dir(NAME ".gpx"), "--force",
          in_dir("in/clip" NAME ".h265"));
    TAMED("", "convert", "--meta", in_dir(NAME), in_dir("in/clip" NAME ".h265"));
    TAMED("imported", "import", in_dir("in"));
    TAMED("", "import", in_dir(NAME));
    find_id(id, sizeof id);
    TAMED(id, "list");
    JSON(id, "list", "--json");
    TAMED("clip", "show", id);
    JSON("clip", "show", id, "--json");
    TAMED("received", "show", id, "--custody");
    TAMED("", "show", NAME);
    TAMED("", "protect", id, "--who", WORDS, "--reason", WORDS);
    TAMED("J", "protect", "--list");
    TAMED("J", "show", id);
    TAMED("", "unprotect", NAME);
    TAMED("", "status");
    JSON("", "status", "--json");
    TAMED("", "fsck");
    JSON("", "fsck", "--json");
    TAMED("", "sweep", "--dry-run");
    TAMED("", "retry", NAME);
    TAMED("", "retry", "--stage", NAME);
    TAMED("", "list", "--imei", NAME);
    TAMED("", "list", "--trigger", NAME);
    TAMED("", NAME);
    TAMED("", "list", "--" NAME);
    TAMED("", "--config", in_dir(NAME), "list");
}

static void test_packages_neither(void **state)
{
    char id[200];
    (void)state;
    TAMED("imported", "import", in_dir("in"));
    find_id(id, sizeof id);
    TAMED("", "keygen", "--cert", in_dir("a.pem"), "--key", in_dir("a.key"), "--name",
          "J\xc3\xb6" ESCAPE TURN);
    TAMED("signed", "export", "--as-is", "--who", WORDS, "--sign-cert", in_dir("a.pem"),
          "--sign-key", in_dir("a.key"), "-o", in_dir("p" NAME), id);
    TAMED("no problems", "verify", in_dir("p" NAME));
    TAMED("no problems", "verify", "--ca", in_dir("a.pem"), in_dir("p" NAME));
    copy_file(PHOTO, in_dir("p" NAME "/data/" NAME));
    TAMED("REFUSED", "verify", in_dir("p" NAME));
    assert_int_equal(unlink(in_dir("p" NAME "/data/" NAME)), 0);
    copy_file(PHOTO, in_dir("p" NAME "/data/J" TURN ".jpg"));
    TAMED("extra: data/J\\u202e.jpg", "verify", in_dir("p" NAME));
    TAMED("", "verify", in_dir(NAME ".zip"));
    TAMED("", "attach-timestamp", in_dir("p" NAME), in_dir(NAME));
}

/* … and a zip, whose names need not be a file system's: refused or told, never repeated as it is.
 */
static void test_zips_neither(void **state)
{
    static const char *const names[] = {
        NAME,          WORDS,        "a" ESCAPE,         "a" TURN,
        "a" NEXT,      "a\xff",      "../" ESCAPE,       "/" TURN,
        "a\\" ESCAPE,  "a\r" FORGED, "\xf3\xa0\x81\x81", "\xef\xbb\xbf" FORGED,
        "a/" NAME "/b"};
    static const char *const folders[] = {"", "data/", "case/data/", "signature/"};
    (void)state;
    for (size_t i = 0; i < 4 * sizeof names / sizeof *names; i++) {
        char name[300], tags[100];
        snprintf(name, sizeof name, "%s%s", folders[i % 4], names[i / 4]);
        snprintf(tags, sizeof tags, "%sbag-info.txt", i % 4 == 2 ? "case/" : "");
        const struct package_entry entries[] = {
            {.name = tags, .data = "Bag-Software-Agent: dashspool " ESCAPE "\n", .n = 37},
            {.name = i % 4 == 2 ? "case/bagit.txt" : "bagit.txt", .data = ESCAPE, .n = 5},
            {.name = i % 4 == 2 ? "case/manifest-sha256.txt" : "manifest-sha256.txt",
             .data = NAME "\n",
             .n = sizeof NAME},
            {.name = name, .data = "x", .n = 1}};
        struct buf zip = package_zip(entries, 4);
        support_write(in_dir("names.zip"), buf_data(&zip), zip.used);
        buf_clear(&zip);
        TAMED("FAILED", "verify", in_dir("names.zip"));
    }
}

/* Settings come from pipeline.d, which others may ship. */
static void test_settings_neither(void **state)
{
    static const char text[] = "[exec x]\ncommand = echo " ESCAPE TURN NEXT "\xff\n";
    (void)state;
    assert_int_equal(mkdir(in_dir("conf"), 0700), 0);
    support_write(in_dir("conf/10-x.conf"), text, sizeof text - 1);
    TAMED("", "--config", in_dir("conf"), "config");
    support_write(in_dir("conf/20-" NAME ".conf"), ESCAPE TURN "\n", 9);
    TAMED("", "--config", in_dir("conf"), "config");
}

/* A proposed command does what it says, in a shell, and nothing else. */
static void test_a_proposed_command_is_one(void **state)
{
    static const char *const names[] = {"a;touch pwned;.jpg", "$(touch pwned).jpg", "it's.jpg",
                                        NAME ".jpg"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char command[2000], path[700];
        snprintf(path, sizeof path, "%s", in_dir(names[i]));
        copy_file(PHOTO, path);
        struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "probe", path);
        const char *at = strstr(proc_out(&r), "\n  convert    dashspool convert ");
        assert_non_null(at);
        at += strlen("\n  convert    dashspool convert ");
        snprintf(command, sizeof command, "cd '%s' && ls -d -- %.*s && ! ls pwned 2>/dev/null", dir,
                 (int)strcspn(at, "\n"), at);
        proc_clear(&r);
        r = PROC_RUN("sh", "-c", command);
        if (r.status != 0)
            fail_msg("sh -c %s: %s", command, proc_err(&r));
        assert_has(proc_out(&r), path);
        proc_clear(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define E2E(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        E2E(test_no_command_repeats_what_commands_a_terminal),
        E2E(test_packages_neither),
        E2E(test_zips_neither),
        E2E(test_settings_neither),
        E2E(test_a_proposed_command_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
