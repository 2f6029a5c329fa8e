/* What leaves in a package is written down: each member of a real package of each kind stands in
 * the table of docs/evidence.md, and nothing stands there that is in none. */
#include "support/authority.h"
#include "support/tracker.h"
#include "support/world.h"
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REAR  TEST_SAMPLES "/rear-25fps-6s-silent.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define TABLE "### Everything that leaves with it"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

/* ---- the table ---- */

enum { PATTERNS_MAX = 80 };

static struct pattern {
    char name[80]; /* as in `code` */
    char in[40];   /* the last column */
    bool met;
} pattern[PATTERNS_MAX];
static int n_patterns;

static void read_row(char *row)
{
    char *last = strrchr(row, '|'), *name_end = strchr(row + 1, '|');
    *last = '\0'; /* behind the last column */
    char *in = strrchr(row, '|') + 1;
    in += strspn(in, " ");
    in[strcspn(in, "\n")] = '\0';
    while (*in && in[strlen(in) - 1] == ' ')
        in[strlen(in) - 1] = '\0';
    for (char *at = strchr(row, '`'); at && at < name_end; at = strchr(at, '`')) {
        struct pattern *p = &pattern[n_patterns++];
        assert_in_range(n_patterns, 1, PATTERNS_MAX);
        snprintf(p->name, sizeof p->name, "%.*s", (int)strcspn(at + 1, "`"), at + 1);
        snprintf(p->in, sizeof p->in, "%s", in);
        at += strlen(p->name) + 2;
    }
}

static void read_table(void)
{
    char *save = NULL;
    struct err err;
    struct buf page = support_read(TEST_SOURCE_DIR "/../docs/evidence.md");
    assert_ok(buf_append(&page, "", 1, &err));
    char *text = strstr((char *)page.mem + page.start, TABLE);
    assert_non_null(text);
    text = strstr(text, "|---|");
    assert_non_null(text);
    *strstr(text, "\n\n") = '\0';
    (void)strtok_r(text, "\n", &save);
    for (char *row; (row = strtok_r(NULL, "\n", &save)) != NULL;)
        read_row(row);
    buf_clear(&page);
}

/* ---- packages ---- */

struct kind {
    const char *package;
    bool redacted, is_signed, stamped;
};

static bool admits(const struct pattern *p, const struct kind *kind)
{
    return strcmp(p->in, "every package") == 0 ||
           strcmp(p->in, kind->redacted ? "redacted" : "full") == 0 ||
           (kind->is_signed && strcmp(p->in, "signed") == 0) ||
           (kind->stamped && strcmp(p->in, "time-stamped") == 0);
}

static void check_member(const struct kind *kind, const char *name)
{
    bool known = false;
    for (int i = 0; i < n_patterns; i++)
        if (fnmatch(pattern[i].name, name, 0) == 0 && admits(&pattern[i], kind))
            known = pattern[i].met = true;
    if (!known)
        fail_msg("%s: %s is not in the table of docs/evidence.md, or not for this kind",
                 kind->package, name);
}

static int check_package(const struct kind *kind)
{
    int n = 0;
    char *save = NULL;
    struct proc_result r = PROC_RUN("find", kind->package, "-type", "f", "-printf", "%P\n");
    assert_int_equal(r.status, 0);
    char *names = strdup(proc_out(&r));
    assert_non_null(names);
    for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save), n++)
        check_member(kind, name);
    free(names);
    proc_clear(&r);
    return n;
}

/* What its tracker said of that time. */
static void drive(void)
{
    struct records *r = NULL;
    struct err err;
    assert_ok(records_open(&r, w.root, RECORDS_WRITE, &err));
    for (int s = 0; s < 10; s++) {
        struct tracker_says says = tracker_says(INT64_C(1732865025000) + 1000 * s);
        tracker_put(r, IMEI, &says, INT64_C(1732865100000000));
    }
    records_close(&r);
}

/* A video and a photo with all of their copies, and a video that was interrupted. */
static void make_store(void)
{
    world_open(&w, DASHSPOOL_BINARY,
               "[convert]\npreset = ultrafast\n"
               "copies = working,viewing,timing,csv,poster,sheet,gpx,kml,geojson,srt,vtt\n"
               "[export]\nenabled = yes\nsettle = 0\ntriggers = crash\n");
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", REAR,
               "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z", "--trigger", "crash",
               "--lat", "54.7", "--lon", "25.25"),
           0, "files uploaded: 2,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--rear", REAR, "--time",
               "2024-11-29T08:00:00Z", "--lat", "54.7", "--lon", "25.25", "--fault",
               "disconnect=300"),
           0, "files uploaded: 0,");
    world_stop(&w);
    drive();
    expect(RUN("work", "--once"), 0, "0 failed");
}

/* That which was made by itself; the caller's. */
static char *unzip_event(void)
{
    char top[600];
    glob_t found;
    assert_int_equal(glob(in_dir("root/packages/*.zip"), 0, NULL, &found), 0);
    expect(PROC_RUN("unzip", "-q", found.gl_pathv[0], "-d", in_dir("event")), 0, "");
    const char *name = strrchr(found.gl_pathv[0], '/') + 1;
    snprintf(top, sizeof top, "event/%.*s", (int)strlen(name) - 4, name);
    globfree(&found);
    char *event = strdup(in_dir(top));
    assert_non_null(event);
    return event;
}

static void test_every_member_of_a_package_is_in_the_table(void **state)
{
    (void)state;
    struct authority_server tsa;
    char *full, *redacted, *sealed;
    make_store();
    char *event = unzip_event();
    assert_non_null(full = strdup(in_dir("full")));
    assert_non_null(redacted = strdup(in_dir("redacted")));
    assert_non_null(sealed = strdup(in_dir("sealed")));
    expect(RUN("export", "--imei", IMEI, "-o", full), 0, "3 transfers");
    expect(
        RUN("export", "--imei", IMEI, "-o", redacted, "--mask", "100,100,64,64", "--redact-sound"),
        0, "redacted");
    authority_make_cert(w.dir, "tsa", "extendedKeyUsage=critical,timeStamping");
    authority_configure(w.dir, "tsa.cnf", "tsa", "sha256");
    expect(RUN("keygen", "--cert", in_dir("depot.pem"), "--key", in_dir("depot.key"), "--name",
               "Depot 7"),
           0, "CN=Depot 7");
    authority_start(&tsa, w.dir, "tsa.cnf");
    expect(RUN("export", "--kind", "photo", "-o", sealed, "--sign-cert", in_dir("depot.pem"),
               "--sign-key", in_dir("depot.key"), "--tsa", tsa.url),
           0, "signed and time-stamped");
    authority_end(&tsa);
    read_table();
    assert_in_range(check_package(&(struct kind){full}), 40, 80);
    assert_in_range(check_package(&(struct kind){redacted, .redacted = true}), 25, 60);
    assert_in_range(check_package(&(struct kind){sealed, .is_signed = true, .stamped = true}), 15,
                    40);
    assert_in_range(check_package(&(struct kind){event}), 25, 60);
    for (int i = 0; i < n_patterns; i++)
        if (!pattern[i].met)
            fail_msg("docs/evidence.md has %s, which no package has", pattern[i].name);
    free(full);
    free(redacted);
    free(sealed);
    free(event);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_member_of_a_package_is_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
