#define _DEFAULT_SOURCE /* strsep */
/* Whatever is done to a package, verify names it. */
#include "dashspool/bag.h"
#include "dashspool/custody.h"
#include "dashspool/fsx.h"
#include "dashspool/seal.h"
#include "dashspool/verify.h"
#include "support/proc.h"
#include "support/support.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ID "352093081452251-rear-video-20241129T072345Z"

static const char *const names[] = {
    "data/master/" ID ".h265",
    "data/master/" ID ".json",
    "data/viewing/" ID ".viewing-DERIVED.mp4",
    "data/custody.jsonl",
    "data/tool.json",
    "data/report.html",
    "data/transfer/" ID ".json",
    "README.txt",
    "bag-info.txt",
    "bagit.txt",
    "manifest-sha256.txt",
    "tagmanifest-sha256.txt",
};
enum { NAMES = sizeof names / sizeof *names };

static char *dir;

static const char *path_of(const char *name)
{
    static char path[4][700];
    static unsigned i;
    char *p = path[i++ % 4];
    snprintf(p, sizeof path[0], "%s/package/%s", dir, name);
    return p;
}

static void put(struct bag *bag, const char *name, const char *text)
{
    struct err err;
    assert_ok(bag_put(bag, name, text, strlen(text), &err));
}

/* Lines of bag-info.txt, "a;b;c": the words of its labels, or in short that it is by version 0 and
 * has no seals. */
static void put_info(struct bag *bag, const char *lines)
{
    static const struct {
        const char *label;
        enum bag_key key;
    } keys[] = {{"by ", BAG_SOFTWARE_AGENT}, {"signer ", BAG_SIGNER}, {"asked ", BAG_STAMP_ASKED}};
    char text[400], *at = text, *line;
    struct err err;
    snprintf(text, sizeof text, "%s", lines ? lines : "by dashspool 0;signer none;asked no");
    while ((line = strsep(&at, ";")))
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (strncmp(line, keys[i].label, strlen(keys[i].label)) == 0)
                assert_ok(bag_put_info(bag, keys[i].key, line + strlen(keys[i].label), &err));
}

/* Manifests, and the request for a time stamp. */
static void seal(struct bag **bag)
{
    struct buf tags, query;
    char tag[HASH_HEX_ROOM];
    struct err err;
    buf_init(&tags, SEAL_DER_MAX_BYTES);
    buf_init(&query, SEAL_DER_MAX_BYTES);
    assert_ok(bag_close(*bag, &tags, tag, &err));
    assert_ok(seal_ts_request(buf_data(&tags), tags.used, false, &query, &err));
    assert_ok(bag_put(*bag, BAG_TS_REQUEST, buf_data(&query), query.used, &err));
    assert_ok(bag_finish(*bag, &err));
    bag_free(bag);
    buf_clear(&tags);
    buf_clear(&query);
}

/* What is not as it is in a package that is whole. */
struct odd {
    const char *stored;   /* the hash of receipt that the custody tells; NULL: the master's */
    const char *id;       /* that the custody is of; NULL: the master's */
    const char *left_out; /* of the files of data/ */
    bool not_stored, not_made, no_custody;
    const char *info; /* of bag-info.txt; NULL: who made it, and that it is not signed */
    const char *tool, *fact, *more; /* more: a file more */
    bool page;
};

static void put_unless(struct bag *bag, const struct odd *odd, const char *name, const char *text)
{
    if (!odd->left_out || strcmp(odd->left_out, name) != 0)
        put(bag, name, text);
}

/* Its manifests are right, whatever is odd. */
static void make_odd_package(const struct odd *odd)
{
    static char line[3][CUSTODY_LINE_ROOM], all[3 * CUSTODY_LINE_ROOM];
    char path[600], sha256[HASH_HEX_ROOM], copy_sha256[HASH_HEX_ROOM];
    char stored[200], converted[600];
    const char *id = odd->id ? odd->id : ID;
    struct bag *bag = NULL;
    struct err err;
    snprintf(path, sizeof path, "%s/package", dir);
    assert_ok(fsx_remove_tree(path, &err));
    assert_ok(bag_new(&bag, path, 0, &err));
    assert_ok(hash_text("a master", 8, sha256, &err));
    assert_ok(hash_text("a film", 6, copy_sha256, &err));
    put_unless(bag, odd, names[0], "a master");
    put_unless(bag, odd, names[1], "{\"id\": \"" ID "\"}\n");
    put_unless(bag, odd, names[2], "a film");
    snprintf(stored, sizeof stored, "{\"sha256\":\"%s\"}", odd->stored ? odd->stored : sha256);
    snprintf(converted, sizeof converted,
             "{\"copy\":\"viewing\",\"from_sha256\":\"%s\",\"path\":\"archive/" ID
             ".viewing-DERIVED.mp4\",\"sha256\":\"%s\"}",
             sha256, copy_sha256);
    const struct custody_event events[] = {{0, CUSTODY_RECEIVED, "a test", odd->fact},
                                           {1, odd->not_stored ? CUSTODY_SHOWN : CUSTODY_STORED,
                                            "a test", odd->not_stored ? NULL : stored},
                                           {2, odd->not_made ? CUSTODY_SHOWN : CUSTODY_CONVERTED,
                                            "a test", odd->not_made ? NULL : converted}};
    for (int i = 0; i < 3; i++)
        assert_ok(custody_line(line[i], id, i + 1, i ? line[i - 1] : NULL, &events[i], &err));
    snprintf(all, sizeof all, "%s\n%s\n%s\n", line[0], line[1], line[2]);
    put_unless(bag, odd, names[3], odd->no_custody ? "" : all);
    put_unless(bag, odd, names[4], odd->tool ? odd->tool : "{\"version\": \"0\"}\n");
    put_unless(bag, odd, names[5], "<!DOCTYPE html>\n");
    put_unless(bag, odd, names[6], "{\"id\": \"" ID "\"}\n");
    put_unless(bag, odd, names[7], "Read me.\n");
    if (odd->more)
        put(bag, odd->more, "evil");
    if (odd->page)
        put(bag, "verify.html", "x");
    put_info(bag, odd->info);
    seal(&bag);
}

static void make_package(void)
{
    make_odd_package(&(struct odd){.stored = NULL});
}

struct found {
    bool good;
    enum verify_verdict verdict[VERIFY_CHECKS];
    int told[VERIFY_CHECKS];
    char signature[300];
    char problems[8000];
};

static void on_told(void *arg, enum verify_check check, enum verify_verdict verdict,
                    const char *text)
{
    struct found *f = arg;
    if (check == VERIFY_SIGNATURE)
        snprintf(f->signature, sizeof f->signature, "%s", text);
    f->verdict[check] = verdict;
    f->told[check]++;
}

static void on_problem(void *arg, enum verify_check check, const char *text)
{
    struct found *f = arg;
    size_t used = strlen(f->problems);
    (void)check;
    snprintf(f->problems + used, sizeof f->problems - used, "%s\n", text);
}

static struct found verify(void)
{
    struct found f = {.good = false};
    struct verify_listener listener = {on_told, on_problem, &f};
    char path[600];
    struct err err;
    snprintf(path, sizeof path, "%s/package", dir);
    assert_ok(verify_package(&(struct verify_request){.path = path}, &listener, &f.good, &err));
    for (int i = 0; i < VERIFY_CHECKS; i++)
        assert_int_equal(f.told[i], 1);
    return f;
}

/* Something failed, and this is said. */
static void is_named(const char *how, const char *name, const char *says)
{
    struct found f = verify();
    if (f.good || !strstr(f.problems, says))
        fail_msg("%s %s: good %d; says: %s", how, name, f.good, f.problems);
}

static void says(const char *how, const char *name)
{
    char text[400];
    snprintf(text, sizeof text, "%s: %s\n", how, name);
    is_named(how, name, text);
}

static int set_up(void **state)
{
    (void)state;
    dir = support_tmp_dir();
    make_package();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_tmp_remove(&dir);
    return 0;
}

static void test_an_untouched_package_is_good(void **state)
{
    (void)state;
    struct found f = verify();
    assert_string_equal(f.problems, "");
    assert_true(f.good);
    for (int i = 0; i < VERIFY_CHECKS; i++)
        assert_int_equal(f.verdict[i], i == VERIFY_SIGNATURE || i == VERIFY_STAMP ||
                                               i == VERIFY_PICTURES || i == VERIFY_TELEMETRY
                                           ? VERIFY_NOT_PRESENT
                                       : i == VERIFY_REPRODUCTION || i == VERIFY_FINGERPRINT
                                           ? VERIFY_NOT_JUDGED
                                           : VERIFY_OK);
}

static void test_one_changed_bit_anywhere_is_noticed(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        struct buf b = support_read(path_of(names[i]));
        for (size_t at = 0; at < b.used; at += 1 + b.used / 40) {
            b.mem[b.start + at] ^= 1;
            support_write(path_of(names[i]), buf_data(&b), b.used);
            struct found f = verify();
            if (f.good || (i < NAMES - 2 && !strstr(f.problems, names[i])))
                fail_msg("%s, byte %zu: good %d; %s", names[i], at, f.good, f.problems);
            b.mem[b.start + at] ^= 1;
        }
        support_write(path_of(names[i]), buf_data(&b), b.used);
        buf_clear(&b);
    }
}

static void test_a_file_removed_or_cut_is_named(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        make_package();
        struct buf b = support_read(path_of(names[i]));
        support_write(path_of(names[i]), buf_data(&b), b.used - 1);
        buf_clear(&b);
        assert_false(verify().good);
        assert_int_equal(unlink(path_of(names[i])), 0);
        says("missing", names[i]);
    }
}

static void test_a_file_renamed_is_named_with_both_names(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES - 4; i++) { /* without the other four it is no bag */
        char to[300], text[700];
        snprintf(to, sizeof to, "%s.renamed", names[i]);
        snprintf(text, sizeof text, "renamed: %s, to %s\n", names[i], to);
        make_package();
        assert_int_equal(rename(path_of(names[i]), path_of(to)), 0);
        is_named("renamed", names[i], text);
    }
}

static void test_files_that_changed_places_are_named(void **state)
{
    (void)state;
    assert_int_equal(rename(path_of(names[0]), path_of("kept")), 0);
    assert_int_equal(rename(path_of(names[2]), path_of(names[0])), 0);
    assert_int_equal(rename(path_of("kept"), path_of(names[2])), 0);
    says("changed", names[0]);
    says("changed", names[2]);
}

static void test_a_file_added_is_named(void **state)
{
    (void)state;
    static const char *const added[] = {"data/extra", "data/master/" ID ".h265.bak", "extra.txt",
                                        "extra.p7s"};
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        make_package();
        support_write(path_of(added[i]), "x", 1);
        says("extra", added[i]);
    }
}

/* No manifest can name it, and its name can say anything. */
static void test_an_empty_folder_is_named(void **state)
{
    (void)state;
    static const char *const added[] = {"data/the driver did it", "more", "data/master/more"};
    char text[300];
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        make_package();
        assert_int_equal(mkdir(path_of(added[i]), 0755), 0);
        snprintf(text, sizeof text, "extra: %s/ (an empty folder)\n", added[i]);
        is_named("empty", added[i], text);
    }
    make_package();
    assert_int_equal(mkdir(path_of(".Trashes"), 0755), 0);
    is_named("left", ".Trashes", "extra: .Trashes/ (an empty folder, left by macOS)\n");
}

/* Whoever makes the payload's manifest anew must make the tags' anew, too. */
static void test_a_manifest_made_anew_does_not_help(void **state)
{
    (void)state;
    char sha256[HASH_HEX_ROOM];
    struct err err;
    support_write(path_of(names[4]), "{\"version\": \"1\"}\n", 17);
    assert_ok(hash_text("{\"version\": \"1\"}\n", 17, sha256, &err));
    struct buf b = support_read(path_of("manifest-sha256.txt"));
    char *text = (char *)(b.mem + b.start);
    assert_ok(buf_append(&b, "", 1, &err));
    text = (char *)(b.mem + b.start);
    char *at = strstr(text, names[4]);
    assert_non_null(at);
    memcpy(at - 2 - 64, sha256, 64);
    support_write(path_of("manifest-sha256.txt"), text, b.used - 1);
    buf_clear(&b);
    says("changed", "manifest-sha256.txt");
}

static void test_without_the_tag_manifest_nothing_is_good(void **state)
{
    (void)state;
    assert_int_equal(unlink(path_of("tagmanifest-sha256.txt")), 0);
    support_write(path_of("bag-info.txt"), "Bagging-Date: 2020-01-01\n", 25);
    says("missing", "tagmanifest-sha256.txt");
    is_named("edited", "bag-info.txt", "Payload-Oxum");
}

static void test_a_master_must_be_what_its_custody_says(void **state)
{
    (void)state;
    make_odd_package(&(struct odd){
        .stored = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"});
    struct found f = verify();
    assert_int_equal(f.verdict[VERIFY_PAYLOAD], VERIFY_OK); /* the hashes are made to fit */
    assert_int_equal(f.verdict[VERIFY_CUSTODY], VERIFY_FAILED);
    assert_non_null(strstr(f.problems, "no file in data/master/ has the SHA-256 of receipt"));
    assert_false(f.good);
}

static void test_a_custody_line_taken_away_is_named(void **state)
{
    (void)state;
    struct buf b = support_read(path_of(names[3]));
    const char *p = (const char *)buf_data(&b), *second = (const char *)memchr(p, '\n', b.used) + 1;
    support_write(path_of(names[3]), second, b.used - (size_t)(second - p));
    buf_clear(&b);
    is_named("cut", names[3],
             "line 1: custody record of " ID ": line 2 ('stored') does not follow");
}

/* What a forger can do who makes all manifests anew, and is seen without a seal. */
static void test_what_does_not_belong_together_is_named(void **state)
{
    (void)state;
    static const char other[] = "352093081452251-rear-video-20241129T072346Z";
    const struct {
        struct odd odd;
        const char *says;
    } cases[] = {
        {{.left_out = names[0]}, ID ": its original is missing or changed"},
        {{.left_out = names[0], .not_stored = true}, ID ": its original is missing\n"},
        {{.left_out = names[1]}, ID ": missing: data/master/" ID ".json"},
        {{.left_out = names[3]}, "missing: data/custody.jsonl, which every package has"},
        {{.left_out = names[4]}, "missing: data/tool.json, which every package has"},
        {{.left_out = names[5]}, "missing: data/report.html, which every package has"},
        {{.left_out = names[6]}, ID ": missing: data/transfer/" ID ".json"},
        {{.left_out = names[7]}, "missing: README.txt, which every package has"},
        {{.id = other}, "data/master/" ID ".h265: the custody record knows no such transfer"},
        {{.not_stored = true},
         "data/master/" ID ".h265: the custody record does not say that it "
         "was stored"},
        {{.not_made = true},
         "data/viewing/" ID ".viewing-DERIVED.mp4: the custody record does not "
         "say that it was made"},
        {{.no_custody = true}, "data/custody.jsonl is empty"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_odd_package(&cases[i].odd);
        is_named("odd", "package", cases[i].says);
    }
}

/* Whether it was signed every package says, but those of version 0.1.0, which have nothing of what
 * came later. */
static void test_a_package_must_say_whether_it_was_signed(void **state)
{
    (void)state;
    static const char old[] = "{\"version\": \"0.1.0\"}\n", by[] = "by dashspool 0.1.0";
    static const char signature[] =
        "bag-info.txt does not say whether the package was signed (Signer-Certificate-SHA256)";
    static const char stamp[] =
        "bag-info.txt does not say whether a time stamp was asked for (Time-Stamp-Requested)";
    const struct {
        struct odd odd;
        const char *says;
    } cases[] = {
        {{.info = "by dashspool 0"}, signature},
        {{.info = "by dashspool 0"}, stamp},
        {{.info = "by dashspool 0;asked no"}, signature},
        {{.info = "by dashspool 0;signer none"}, stamp},
        {{.info = by}, signature}, /* but tool.json has another version */
        {{.info = by, .tool = "{\"version\": \"0.1.0\", \"package\": 2}\n"}, signature},
        {{.info = by, .tool = "{\"version\": \"0.1.0\""}, signature},
        {{.info = by, .tool = old, .page = true}, signature},
        {{.info = by, .tool = old, .fact = "{\"facts\":{\"decoder\":1}}"}, signature},
        {{.info = by, .tool = old, .fact = "{\"connections_sha256\":\"x\"}"}, signature},
        {{.info = "by dashspool 0.2.0", .tool = old}, signature},
        {{.info = "by dashspool 0.1.0;asked no", .tool = old}, signature},
        {{.info = "by dashspool 0;signer none;signer none;asked no"},
         "bag-info.txt has Signer-Certificate-SHA256 twice"},
        {{.info = "by dashspool 0;signer none;asked no;asked yes"},
         "bag-info.txt has Time-Stamp-Requested twice"},
        {{.info = "by dashspool 0;signer None;asked no"},
         "bag-info.txt: what it says in Signer-Certificate-SHA256 no package has"},
        {{.info = "by dashspool 0;signer none;asked maybe"},
         "bag-info.txt: what it says in Time-Stamp-Requested no package has"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_odd_package(&cases[i].odd);
        is_named("odd claims", cases[i].odd.info, cases[i].says);
    }
    static const char quoted[] = "{\"why\":\"\\\"facts\\\":{\"}"; /* words are no facts */
    make_odd_package(&(struct odd){.info = by, .tool = old, .fact = quoted});
    assert_int_equal(unlink(path_of(BAG_TS_REQUEST)), 0);
    assert_int_equal(rmdir(path_of("signature")), 0);
    struct found f = verify();
    assert_string_equal(f.problems, "");
    assert_true(f.good);
    assert_int_equal(f.verdict[VERIFY_SIGNATURE], VERIFY_NOT_PRESENT);
    assert_non_null(strstr(f.signature, "does not say whether it was signed"));
}

/* A forger's file, which the manifests name; of another version's package nobody knows. */
static void test_a_file_that_no_package_has_is_named(void **state)
{
    (void)state;
    static const char *const more[] = {"data/evil.exe",          "data/evil/a.b",
                                       "data/facts/" ID ".html", "data/transfer/" ID ".json.bak",
                                       "data/master/a",          "see-this.txt"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        make_odd_package(&(struct odd){
            .info = "by dashspool " DASHSPOOL_VERSION ";signer none;asked no", .more = more[i]});
        is_named("more", more[i], "the manifest names it, but no package has such a file");
    }
    make_odd_package(&(struct odd){.more = more[0]});
    struct found f = verify();
    assert_string_equal(f.problems, "");
    assert_true(f.good);
}

static void test_an_original_more_is_named(void **state)
{
    (void)state;
    make_odd_package(&(struct odd){.more = "data/master/" ID ".png"});
    is_named("more", "original", ID ": there are 2 originals of it in data/master/");
    make_odd_package(&(struct odd){.more = "data/master/" ID ".partial.h265"});
    is_named("more", "partial", ID ": there are 2 originals of it in data/master/");
}

/* BagIt continues a line behind one that begins with a space. */
static void test_bag_info_says_each_thing_once_and_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } cases[] = {{" more", "bag-info.txt, line 6: not a line of its own"},
                 {"\tmore", "bag-info.txt, line 6: not a line of its own"},
                 {"", "bag-info.txt, line 6: not a line of its own"},
                 {"Payload-Oxum: 1.1", "bag-info.txt has Payload-Oxum twice"},
                 {"Bag-Software-Agent: dashspool 9", "bag-info.txt has Bag-Software-Agent twice"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_package();
        expect(PROC_RUN("sh", "-ec", "echo 'A: b' >>\"$1\"; printf '%s\\n' \"$2\" >>\"$1\"", "sh",
                        path_of("bag-info.txt"), cases[i].line),
               0, "");
        is_named("line", cases[i].line, cases[i].says);
    }
}

static void test_an_emptied_package_is_not_good(void **state)
{
    (void)state;
    struct bag *bag = NULL;
    struct err err;
    char path[600];
    snprintf(path, sizeof path, "%s/package", dir);
    assert_ok(fsx_remove_tree(path, &err));
    assert_ok(bag_new(&bag, path, 0, &err));
    put(bag, names[7], "Read me.\n");
    put_info(bag, NULL);
    seal(&bag);
    is_named("emptied", "package", "missing: data/custody.jsonl, which every package has");
}

static void test_the_fingerprint_and_what_is_required(void **state)
{
    (void)state;
    struct buf tags = support_read(path_of("tagmanifest-sha256.txt"));
    struct verify_request request = {.path = path_of("")};
    struct found f = {.good = false};
    const struct verify_listener listener = {on_told, on_problem, &f};
    struct err err;
    assert_ok(hash_text(buf_data(&tags), tags.used, request.fingerprint, &err));
    buf_clear(&tags);
    assert_ok(verify_package(&request, &listener, &f.good, &err));
    assert_true(f.good);
    assert_int_equal(f.verdict[VERIFY_FINGERPRINT], VERIFY_OK);
    request.fingerprint[0] ^= 1;
    assert_ok(verify_package(&request, &listener, &f.good, &err));
    assert_false(f.good);
    assert_int_equal(f.verdict[VERIFY_FINGERPRINT], VERIFY_UNMET);
    for (unsigned i = 1; i < 4; i++) {
        request = (struct verify_request){.path = path_of(""), .require = i};
        assert_ok(verify_package(&request, &listener, &f.good, &err));
        assert_false(f.good);
        assert_int_equal(f.verdict[VERIFY_SIGNATURE],
                         i & VERIFY_REQUIRE_SIGNATURE ? VERIFY_UNMET : VERIFY_NOT_PRESENT);
        assert_int_equal(f.verdict[VERIFY_STAMP],
                         i & VERIFY_REQUIRE_STAMP ? VERIFY_UNMET : VERIFY_NOT_PRESENT);
        assert_string_equal(f.problems, "");
    }
}

/* Whose leavings they are, and that one line says what happened to all lines. */
static void test_what_other_programs_do_to_a_folder_is_called_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *name, *by;
    } left[] = {{".DS_Store", "macOS"},
                {"data/._custody.jsonl", "macOS"},
                {"data/viewing/Thumbs.db", "Windows"},
                {"Desktop.ini", "Windows"}};
    char text[300];
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        make_package();
        support_write(path_of(left[i].name), "x", 1);
        snprintf(text, sizeof text, "extra: %s (left by %s,", left[i].name, left[i].by);
        is_named("left", left[i].name, text);
    }
    static const char *const texts[] = {"manifest-sha256.txt", "data/custody.jsonl", "bagit.txt",
                                        "bag-info.txt"};
    for (size_t i = 0; i <= sizeof texts / sizeof *texts; i++) {
        const char *name = i < 4 ? texts[i] : "tagmanifest-sha256.txt";
        make_package();
        expect(PROC_RUN("sed", "-i", "s/$/\\r/", path_of(name)), 0, "");
        struct found f = verify();
        snprintf(text, sizeof text,
                 i < 4 ? "changed: %s (only its line ends were changed to CRLF, as programs for "
                         "Windows and e-mail do)\n"
                       : "%s: its line ends were changed to CRLF, as programs for Windows and "
                         "e-mail do\n",
                 name);
        assert_false(f.good);
        if (strcmp(name, "data/custody.jsonl") == 0 || strcmp(name, "bag-info.txt") == 0)
            assert_non_null(strstr(f.problems, text)); /* their sizes are told, too */
        else
            assert_string_equal(f.problems, text);
    }
}

static void foreign(int code, const char *says)
{
    struct found f = {.good = true};
    struct verify_listener listener = {on_told, on_problem, &f};
    struct err err = {0};
    assert_int_equal(
        verify_package(&(struct verify_request){.path = path_of("")}, &listener, &f.good, &err),
        code);
    assert_false(f.good);
    assert_non_null(strstr(code == ERR_OK ? f.problems : err.text, says));
    for (int i = 0; i < VERIFY_CHECKS; i++)
        assert_int_equal(f.told[i], code == ERR_OK);
}

static void test_a_bag_of_another_program_is_told_from_ours(void **state)
{
    (void)state;
    static const char make[] =
        "rm -rf \"$1\" && mkdir -p \"$1/data\" && cd \"$1\" && echo a >data/a && "
        "printf 'BagIt-Version: 0.97\\nTag-File-Character-Encoding: UTF-8\\n' >bagit.txt && "
        "sha256sum data/a >manifest-sha256.txt";
    expect(PROC_RUN("sh", "-ec", make, "sh", path_of("")), 0, "");
    foreign(ERR_CONFIG, "a valid BagIt bag, but not one of ours");
    support_write(path_of("data/b"), "b", 1);
    foreign(ERR_OK, "extra: data/b\n");
    assert_int_equal(unlink(path_of("manifest-sha256.txt")), 0);
    foreign(ERR_CONFIG,
            "not one of our packages; as a BagIt bag it cannot be checked: no manifest");
}

static void test_manifest_lines_that_are_none_are_told(void **state)
{
    (void)state;
    static const char *const lines[] = {"x\n", "0123  data/a\n", "\n", "no newline"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        make_package();
        support_write(path_of("manifest-sha256.txt"), lines[i], strlen(lines[i]));
        is_named("line", lines[i], "manifest-sha256.txt, line 1: not a manifest line");
    }
}

static void test_what_is_no_package_is_an_error_or_not_good(void **state)
{
    (void)state;
    struct found f = {.good = true};
    struct verify_listener listener = {on_told, on_problem, &f};
    struct err err;
    assert_int_equal(verify_package(&(struct verify_request){.path = "/nonexistent/package"},
                                    &listener, &f.good, &err),
                     ERR_NOTFOUND);
    assert_false(f.good);
    const struct {
        const char *path, *says;
    } others[] = {{path_of("data/viewing"), "not an evidence package: expected the folder"},
                  {dir, "not an evidence package, but there is one in its folder package"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(verify_package(&(struct verify_request){.path = others[i].path}, &listener,
                                        &f.good, &err),
                         ERR_CONFIG);
        assert_non_null(strstr(err.text, others[i].says));
    }
    assert_int_equal(symlink("/etc", path_of("data/link")), 0);
    assert_int_equal(
        verify_package(&(struct verify_request){.path = path_of("")}, &listener, &f.good, &err),
        ERR_MALFORMED);
    assert_false(f.good);
}

static void test_names_that_no_package_has_are_refused_by_the_bag(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "/a", "a/",  "a//b", "../a",
                                      "a/../b", ".a", "a b", "a\nb", "data/\xc3\xa9"};
    struct bag *bag = NULL;
    struct err err;
    char path[600];
    snprintf(path, sizeof path, "%s/other", dir);
    assert_ok(bag_new(&bag, path, 0, &err));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(bag_put(bag, bad[i], "x", 1, &err), ERR_MALFORMED);
    assert_ok(bag_put(bag, "data/a", "x", 1, &err));
    assert_int_equal(bag_put(bag, "data/a", "x", 1, &err), ERR_MALFORMED);
    bag_free(&bag);
    assert_int_equal(support_entries(dir), 1); /* the package alone: nothing unfinished */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(test_an_untouched_package_is_good),
        T(test_one_changed_bit_anywhere_is_noticed),
        T(test_a_file_removed_or_cut_is_named),
        T(test_a_file_renamed_is_named_with_both_names),
        T(test_files_that_changed_places_are_named),
        T(test_a_file_added_is_named),
        T(test_an_empty_folder_is_named),
        T(test_a_manifest_made_anew_does_not_help),
        T(test_without_the_tag_manifest_nothing_is_good),
        T(test_a_master_must_be_what_its_custody_says),
        T(test_a_custody_line_taken_away_is_named),
        T(test_what_does_not_belong_together_is_named),
        T(test_a_package_must_say_whether_it_was_signed),
        T(test_a_file_that_no_package_has_is_named),
        T(test_an_original_more_is_named),
        T(test_bag_info_says_each_thing_once_and_in_one_line),
        T(test_an_emptied_package_is_not_good),
        T(test_the_fingerprint_and_what_is_required),
        T(test_what_other_programs_do_to_a_folder_is_called_what_it_is),
        T(test_a_bag_of_another_program_is_told_from_ours),
        T(test_manifest_lines_that_are_none_are_told),
        T(test_what_is_no_package_is_an_error_or_not_good),
        T(test_names_that_no_package_has_are_refused_by_the_bag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
