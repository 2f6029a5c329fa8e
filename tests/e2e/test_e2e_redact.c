/* Redacted packages: what is hidden is nowhere in them, and everything says so. */
#define _GNU_SOURCE /* memmem */
#include "dashspool/fsx.h"
#include "support/footage.h"
#include "support/world.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define CLIP  TEST_SAMPLES "/front-20fps-10s-sound.h265"
#define PHOTO TEST_SAMPLES "/photo-720p.jpg"
#define IMEI  "352093081452251"
#define OTHER "352094082736916"
#define VIDEO IMEI "-front-video-20241129T072345Z"
#define STILL IMEI "-front-photo-20241129T072345Z"
#define DSM   IMEI "-driver-photo-20241129T090000Z" /* its camera names the driver */
#define CUT   IMEI "-front-video-20241129T080000Z"  /* it broke off */
#define AT    "2026-11-21T12:00:00Z"
#define LATER "2026-11-21T12:30:00Z"
#define MASK  "500,200,256,256"

static struct world w;

#define RUN(...) DASHSPOOL(w.root, __VA_ARGS__)

static const char *in_dir(const char *name)
{
    return support_path(w.dir, name);
}

/* What was begun and not finished must not lie about. */
static int entries_like(const char *name)
{
    return support_entries_like(in_dir(name));
}

/* A film with sound and a photo with their copies, a film that broke off, and the full package of
 * all of it. */
static int make_store(void **state)
{
    (void)state;
    world_open(&w, DASHSPOOL_BINARY, "[convert]\ncopies = working,viewing,poster,sheet,gpx,srt\n");
    world_start(&w);
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--front", CLIP,
               "--photo-front", PHOTO, "--time", "2024-11-29T07:23:45Z", "--lat", "54.70042",
               "--lon", "25.28713"),
           0, "files uploaded: 2,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--front", CLIP, "--time",
               "2024-11-29T08:00:00Z", "--fault", "disconnect=300"),
           0, "files uploaded: 0,");
    expect(RUN("simulate", "--to", world_address(w.port), "--imei", IMEI, "--dsm", PHOTO,
               "--driver", "Jane Roe", "--time", "2024-11-29T09:00:00Z", "--lat", "54.70042",
               "--lon", "25.28713"),
           0, "files uploaded: 1,");
    world_stop(&w);
    expect(RUN("work", "--once"), 0, "3 jobs done");
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--redact-sound"), 1, "export it first");
    assert_int_equal(entries_like("x"), 0);
    expect(RUN("export", "--imei", IMEI, "-o", in_dir("full"), "--at", AT), 0, "4 transfers");
    return 0;
}

static int remove_store(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

/* ---- what is in a folder ---- */

static struct buf read_file(const char *package, const char *name)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%s", package, name);
    return support_read(path);
}

static bool has(const char *package, const char *name, const char *words)
{
    struct buf b = read_file(package, name);
    bool found = memmem(buf_data(&b), b.used, words, strlen(words)) != NULL;
    buf_clear(&b);
    return found;
}

static bool is_there(const char *package, const char *name)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%s", package, name);
    return access(path, F_OK) == 0;
}

static void tag_hash(const char *package, char out[HASH_HEX_ROOM])
{
    struct err err;
    struct buf b = read_file(package, "tagmanifest-sha256.txt");
    assert_ok(hash_text(buf_data(&b), b.used, out, &err));
    buf_clear(&b);
}

/* All of its files, one behind the other. */
static struct buf whole(const char *package)
{
    struct buf all;
    struct err err;
    struct proc_result r = PROC_RUN("find", package, "-type", "f", "-print");
    buf_init(&all, (size_t)64 << 20);
    char *rest = NULL, *names = strdup(proc_out(&r));
    assert_non_null(names);
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        struct buf b = support_read(name);
        assert_ok(buf_append(&all, buf_data(&b), b.used, &err));
        buf_clear(&b);
    }
    free(names);
    proc_clear(&r);
    return all;
}

/* Stretches of the clip, pictures and sound, that are in there. */
static int pieces_in(const char *package)
{
    enum { PIECE = 48, EVERY = 1500 };
    struct buf clip = support_read(CLIP), all = whole(package);
    int n = 0;
    for (size_t at = 0; at + PIECE < clip.used; at += EVERY) {
        const uint8_t *p = buf_data(&clip) + at;
        bool dull = memcmp(p, p + 1, PIECE - 1) == 0; /* silence */
        n += !dull && memmem(buf_data(&all), all.used, p, PIECE) != NULL;
    }
    buf_clear(&clip);
    buf_clear(&all);
    return n;
}

/* The picture of a clip in the page. */
static bool shows(const char *package, const char *picture)
{
    char path[800];
    snprintf(path, sizeof path, "%s/%s", package, picture);
    struct proc_result r = PROC_RUN("base64", "-w0", path);
    assert_int_equal(r.status, 0);
    const char *text = proc_out(&r);
    bool found = has(package, "data/report.html", text);
    assert_true(strlen(text) > 1000);
    proc_clear(&r);
    return found;
}

/* … on paper. */
static bool prints(const char *package, const char *of, const char *picture)
{
    struct buf pdf = read_file(package, "data/report.pdf"), jpeg = read_file(of, picture);
    bool found = memmem(buf_data(&pdf), pdf.used, buf_data(&jpeg), jpeg.used) != NULL;
    buf_clear(&pdf);
    buf_clear(&jpeg);
    return found;
}

/* ---- the tests ---- */

static void make_redacted(void)
{
    if (!is_there(w.dir, "redacted"))
        expect(RUN("export", "--imei", IMEI, "-o", in_dir("redacted"), "--redact-sound", "--mask",
                   MASK, "--mask", VIDEO ":0,0,64,64,2,3", "--who", "A. Person", "--at", LATER),
               0, "redacted; the originals are in the full package, tag manifest SHA-256");
}

static void test_a_redacted_package_has_no_originals_and_says_so(void **state)
{
    (void)state;
    static const char *const there[] = {
        "data/facts/" VIDEO ".json",
        "data/facts/" STILL ".json",
        "data/facts/" CUT ".json",
        "data/viewing/" VIDEO ".viewing-REDACTED-DERIVED.mp4",
        "data/viewing/" VIDEO ".REDACTED.srt",
        "data/viewing/" CUT ".partial.viewing-REDACTED-DERIVED.mp4",
        "data/stills/" VIDEO ".poster-REDACTED-DERIVED.jpg",
        "data/stills/" VIDEO ".sheet-REDACTED-DERIVED.jpg",
        "data/stills/" STILL ".still-REDACTED-DERIVED.jpg",
        "data/timing/" VIDEO ".timing-REDACTED.json",
        "data/position/" VIDEO ".REDACTED.gpx",
        "data/custody.jsonl",
    };
    static const char *const not_there[] = {
        "data/master",
        "data/working",
        "data/viewing/" VIDEO ".viewing-DERIVED.mp4",
        "data/stills/" VIDEO ".poster-DERIVED.jpg",
        "data/stills/" VIDEO ".sheet-DERIVED.jpg",
        "data/stills/" STILL ".still-DERIVED.jpg",
    };
    char full[HASH_HEX_ROOM], line[200];
    make_redacted();
    const char *package = in_dir("redacted");
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!is_there(package, there[i]))
            fail_msg("no %s", there[i]);
    for (size_t i = 0; i < sizeof not_there / sizeof *not_there; i++)
        if (is_there(package, not_there[i]))
            fail_msg("there is %s", not_there[i]);
    tag_hash(in_dir("full"), full);
    snprintf(line, sizeof line, "Redacted-From-Tagmanifest-SHA256: %s\n", full);
    assert_true(has(package, "bag-info.txt", line));
    assert_true(has(package, "bag-info.txt", "Redacted: sound\nRedacted: box " MASK "\n"));
    assert_true(has(package, "README.txt", full));
    assert_true(has(package, "README.txt", "REDACTED. Removed on the authority of A. Person"));
    assert_true(has(package, "README.txt", "box 0,0,64,64, from 2 s to 3 s of " VIDEO));
    assert_true(has(package, "README.txt", "Partial transfers: 1."));
    assert_true(has(package, "data/report.html", full));
    assert_true(has(package, "data/report.html", "class=\"redacted\""));
    assert_false(has(package, "data/facts/" VIDEO ".json", "\"wire\""));
    assert_false(has(package, "data/transfer/" VIDEO ".json", "\"wire\""));
    assert_false(has(package, "data/facts/" VIDEO ".json", "working"));
    assert_int_equal(entries_like("redacted"), 1);
}

static void test_nothing_of_the_master_is_in_it(void **state)
{
    (void)state;
    make_redacted();
    assert_true(pieces_in(in_dir("full")) > 1000);
    assert_int_equal(pieces_in(in_dir("redacted")), 0);
    char name[700];
    snprintf(name, sizeof name, "%s/data/viewing/" VIDEO ".viewing-REDACTED-DERIVED.mp4",
             in_dir("redacted"));
    struct footage f = footage_read(name);
    assert_int_equal(f.sound.n, 0);
    assert_int_equal(f.picture.n, 200);
    footage_clear(&f);
}

static void look(void *arg, int index, const AVFrame *f)
{
    int *brightest = arg;
    (void)index;
    for (int y = 216; y < 440; y++)
        for (int x = 516; x < 740; x++) {
            int light = f->data[0][y * f->linesize[0] + x];
            *brightest = light > *brightest ? light : *brightest;
        }
}

static void test_films_stills_and_the_page_have_the_box(void **state)
{
    (void)state;
    static const char *const pictures[] = {"viewing/" VIDEO ".viewing-REDACTED-DERIVED.mp4",
                                           "stills/" VIDEO ".poster-REDACTED-DERIVED.jpg",
                                           "stills/" STILL ".still-REDACTED-DERIVED.jpg"};
    make_redacted();
    for (int i = 0; i < 3; i++) {
        char path[800];
        int brightest = 0;
        snprintf(path, sizeof path, "%s/data/%s", in_dir("redacted"), pictures[i]);
        assert_true(footage_pictures(path, look, &brightest) > 0);
        if (brightest > 18)
            fail_msg("%s: %d", pictures[i], brightest);
    }
    assert_true(shows(in_dir("full"), "data/stills/" VIDEO ".poster-DERIVED.jpg"));
    assert_true(shows(in_dir("redacted"), "data/stills/" VIDEO ".poster-REDACTED-DERIVED.jpg"));
    assert_true(shows(in_dir("redacted"), "data/stills/" STILL ".still-REDACTED-DERIVED.jpg"));
    const char *full_name = in_dir("full"), *redacted_name = in_dir("redacted");
    assert_true(prints(full_name, full_name, "data/stills/" VIDEO ".poster-DERIVED.jpg"));
    assert_false(prints(redacted_name, full_name, "data/stills/" VIDEO ".poster-DERIVED.jpg"));
    assert_true(
        prints(redacted_name, redacted_name, "data/stills/" VIDEO ".poster-REDACTED-DERIVED.jpg"));
    struct buf full = read_file(in_dir("full"), "data/report.html"),
               redacted = read_file(in_dir("redacted"), "data/report.html");
    const char *at = (const char *)buf_data(&full), *end = at + full.used;
    int n = 0;
    for (; (at = memmem(at, (size_t)(end - at), "base64,", 7)) != NULL; at += 7, n++)
        assert_null(memmem(buf_data(&redacted), redacted.used, at, strcspn(at, "\"")));
    assert_int_equal(n, 4);
    buf_clear(&full);
    buf_clear(&redacted);
}

static void test_verify_takes_it_and_says_where_the_originals_are(void **state)
{
    (void)state;
    char full[HASH_HEX_ROOM], line[300];
    make_redacted();
    tag_hash(in_dir("full"), full);
    snprintf(line, sizeof line,
             "redacted: the originals are not in it; they are in the package with tag manifest %s",
             full);
    expect(RUN("verify", in_dir("redacted")), 0, line);
    expect(RUN("verify", in_dir("redacted")), 0,
           "it could be a full package that someone stripped");
    expect(RUN("show", VIDEO, "--custody"), 0, "\"redacted\":true");
    expect(RUN("show", VIDEO, "--custody"), 0,
           "\"masks\":[\"" MASK "\",\"" VIDEO ":0,0,64,64,2,3\"]");
    expect(PROC_RUN("env", "-C", in_dir("redacted"), "sha256sum", "--check", "--quiet",
                    "manifest-sha256.txt", "tagmanifest-sha256.txt"),
           0, "");
}

/* Manifests for what is in a folder, as anybody can make them. */
static void make_manifests(const char *package)
{
    expect(PROC_RUN("env", "-C", package, "sh", "-c",
                    "find data -type f | LC_ALL=C sort | xargs sha256sum > manifest-sha256.txt &&"
                    "n=$(find data -type f | wc -l) &&"
                    "b=$(find data -type f -printf '%s\\n' | awk '{n += $1} END {print n}') &&"
                    "sed -i \"s/^Payload-Oxum:.*/Payload-Oxum: $b.$n/\" bag-info.txt &&"
                    "sha256sum README.txt bag-info.txt bagit.txt manifest-sha256.txt verify.html"
                    " > tagmanifest-sha256.txt"),
           0, "");
}

static void test_a_package_whose_originals_were_taken_out_is_none(void **state)
{
    (void)state;
    const char *stripped = in_dir("stripped");
    expect(PROC_RUN("cp", "-a", in_dir("full"), stripped), 0, "");
    make_manifests(stripped);
    expect(RUN("verify", stripped), 0, "no problems found");
    expect(PROC_RUN("sh", "-c", "rm -r \"$1\"/data/master", "sh", stripped), 0, "");
    expect(RUN("verify", stripped), 3, "missing: data/master/" VIDEO ".h265");
    make_manifests(stripped);
    expect(RUN("verify", stripped), 3, "no file in data/master/ has the SHA-256 of receipt");
}

static void test_a_redacted_package_with_an_original_is_none(void **state)
{
    (void)state;
    const char *mixed = in_dir("mixed");
    make_redacted();
    expect(PROC_RUN("cp", "-a", in_dir("redacted"), mixed), 0, "");
    expect(PROC_RUN("cp", "-a", in_dir("full/data/master"), in_dir("mixed/data/master")), 0, "");
    make_manifests(mixed);
    expect(RUN("verify", mixed), 3, "says that the package is redacted, but it has data/master/");
}

static void test_the_full_package_can_be_named(void **state)
{
    (void)state;
    char full[HASH_HEX_ROOM];
    make_redacted();
    tag_hash(in_dir("full"), full);
    expect(RUN("export", VIDEO, "-o", in_dir("full.zip"), "--at", AT), 0, "1 transfer,");
    expect(RUN("export", VIDEO, "-o", in_dir("n1"), "--redact-sound", "--of", in_dir("full")), 0,
           full);
    expect(RUN("export", VIDEO, "-o", in_dir("n2"), "--redact-sound", "--of", in_dir("full.zip")),
           0, "redacted; the originals");
    assert_false(has(in_dir("n2"), "bag-info.txt", full));
    expect(RUN("export", VIDEO, STILL, "-o", in_dir("x"), "--redact-sound", "--of",
               in_dir("full.zip")),
           1, "does not contain the original of " STILL);
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--redact-sound", "--of", in_dir("redacted")), 1,
           "is itself redacted");
    expect(PROC_RUN("cp", "-a", in_dir("full"), in_dir("bent")), 0, "");
    support_write(in_dir("bent/data/master/" VIDEO ".h265"), "x", 1);
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--redact-sound", "--of", in_dir("bent")), 1,
           "bent was changed");
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--redact-sound", "--of", in_dir("none")), 1,
           "No such file");
    assert_int_equal(entries_like("x"), 0);
}

static void test_masks_that_hide_nothing_stop_it(void **state)
{
    (void)state;
    static const struct {
        const char *mask, *says;
        int status;
    } cases[] = {
        {"rear:0,0,8,8", "none of the transfers", 1},
        {IMEI "-rear-video-20241129T072345Z:0,0,8,8", "none of the transfers", 1},
        {"2000,0,8,8", "hides nothing: the picture has 1280x720", 1},
        {"0,0,8,8,11", VIDEO ": the mask 0,0,8,8,11 hides nothing: the video is 10.0", 1},
        {"0,0,8", "--mask 0,0,8: expected x,y,width,height", 2},
        {":0,0,8,8", "neither a camera nor an ID", 2},
        {"../front:0,0,8,8", "neither a camera nor an ID", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(RUN("export", VIDEO, "-o", in_dir("x"), "--mask", cases[i].mask), cases[i].status,
               cases[i].says);
    expect(RUN("export", VIDEO, "-o", in_dir("x"), "--of", in_dir("full")), 2, "--of requires");
    assert_int_equal(entries_like("x"), 0);
}

/* What is for the photo is not for the film: without sound to lose, that one stays as it was. */
static void test_a_mask_can_be_of_one_transfer(void **state)
{
    (void)state;
    expect_err(RUN("export", VIDEO, STILL, "-o", in_dir("one"), "--mask", STILL ":0,0,99,99"), 0,
               STILL ": the mask 0,0,99,99 covers the photo");
    expect_err(RUN("export", VIDEO, "-o", in_dir("part"), "--mask", "0,0,64,64,2,3"), 0,
               VIDEO ": the mask 0,0,64,64,2,3 covers 20 of 200 frames");
    expect(RUN("export", VIDEO, "-o", in_dir("none"), "--mask", "0,0,64,64,10.1,11"), 1, "");
    assert_true(is_there(in_dir("one"), "data/stills/" STILL ".still-REDACTED-DERIVED.jpg"));
    assert_true(is_there(in_dir("one"), "data/viewing/" VIDEO ".viewing-DERIVED.mp4"));
    assert_false(is_there(in_dir("one"), "data/working"));
    assert_int_equal(pieces_in(in_dir("one")), 0);
    expect(RUN("verify", in_dir("one")), 0, "no problems found");
}

static void test_a_signed_zip_is_verified_likewise(void **state)
{
    (void)state;
    expect(RUN("keygen", "--cert", in_dir("a.pem"), "--key", in_dir("a.key"), "--name", "A"), 0,
           "");
    expect(RUN("export", STILL, "-o", in_dir("signed.zip"), "--mask", MASK, "--sign-cert",
               in_dir("a.pem"), "--sign-key", in_dir("a.key")),
           0, "redacted");
    expect(RUN("verify", in_dir("signed.zip"), "--ca", in_dir("a.pem")), 0,
           "redacted: the originals are not in it");
    assert_int_equal(entries_like("signed"), 1);
}

static void test_the_same_store_and_time_give_the_same_bytes(void **state)
{
    (void)state;
    char other[600];
    snprintf(other, sizeof other, "%s", in_dir("other-root"));
    expect(PROC_RUN("cp", "-a", w.root, other), 0, "");
    expect(RUN("export", VIDEO, STILL, "-o", in_dir("a1"), "--mask", MASK, "--at", LATER, "--who",
               "A"),
           0, "redacted");
    expect(DASHSPOOL(other, "export", STILL, VIDEO, "-o", in_dir("a2"), "--mask", MASK, "--at",
                     LATER, "--who", "A"),
           0, "redacted");
    expect(PROC_RUN("diff", "-r", "-x", "request.tsq", "-x", "tool.json", "-x",
                    "*manifest-sha256.txt", in_dir("a1"), in_dir("a2")),
           0, "");
}

/* ---- facts that are hidden ---- */

static void add(struct buf *all, const void *data, size_t n)
{
    struct err err;
    assert_ok(buf_append(all, data, n, &err));
    assert_ok(buf_append(all, "\n", 1, &err));
}

/* What is deflated in a PDF. */
static void add_streams(struct buf *all, const struct buf *file)
{
    static const char begin[] = "stream\n";
    const uint8_t *at = buf_data(file), *end = at + file->used;
    while ((at = memmem(at, (size_t)(end - at), begin, strlen(begin))) != NULL) {
        static uint8_t out[1 << 20];
        z_stream z = {.next_in = (Bytef *)(uintptr_t)(at += strlen(begin)),
                      .avail_in = (uInt)(end - at),
                      .next_out = out,
                      .avail_out = sizeof out};
        if (inflateInit(&z) == Z_OK)
            inflate(&z, Z_FINISH);
        inflateEnd(&z);
        add(all, out, sizeof out - z.avail_out);
    }
}

/* Pictures in a page. */
static void add_base64(struct buf *all, const struct buf *file)
{
    static const char begin[] = "base64,", digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnop"
                                                      "qrstuvwxyz0123456789+/";
    const char *at = (const char *)buf_data(file), *end = at + file->used, *digit;
    while ((at = memmem(at, (size_t)(end - at), begin, strlen(begin))) != NULL) {
        struct buf out;
        unsigned bits = 0;
        int have = 0;
        struct err err;
        buf_init(&out, 64 << 20);
        for (at += strlen(begin); at < end && *at && (digit = strchr(digits, *at)); at++) {
            bits = bits << 6 | (unsigned)(digit - digits);
            if ((have += 6) >= 8) {
                uint8_t byte = (uint8_t)(bits >> (have -= 8));
                assert_ok(buf_append(&out, &byte, 1, &err));
            }
        }
        add(all, buf_data(&out), out.used);
        buf_clear(&out);
    }
}

/* All that is in it, also what is deflated or in base64, the words of the paper, and the names of
 * its files, one behind the other. */
static struct buf unpacked(const char *package)
{
    struct buf all;
    char *rest = NULL;
    struct proc_result r = PROC_RUN("find", package, "-type", "f", "-printf", "%P\n");
    buf_init(&all, (size_t)256 << 20);
    add(&all, proc_out(&r), strlen(proc_out(&r)));
    char *names = strdup(proc_out(&r));
    assert_non_null(names);
    for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        struct buf b = read_file(package, name);
        add(&all, buf_data(&b), b.used);
        add_streams(&all, &b);
        add_base64(&all, &b);
        buf_clear(&b);
    }
    proc_clear(&r);
    free(names);
    char paper[800];
    snprintf(paper, sizeof paper, "%s/data/report.pdf", package);
    if (proc_have("pdftotext")) {
        r = PROC_RUN("pdftotext", paper, "-");
        add(&all, proc_out(&r), strlen(proc_out(&r)));
        proc_clear(&r);
    }
    return all;
}

static bool holds(const struct buf *b, const void *words, size_t n)
{
    return memmem(buf_data(b), b->used, words, n) != NULL;
}

/* Usual spellings: in text and tags, and as the page has them. */
static const char *const positions[] = {"54.7004",
                                        "25.2871",
                                        "54,7004",
                                        "25,2871",
                                        "547004200",
                                        "252871300",
                                        "54\xc2\xb0 42",
                                        "54\xc2\xb0"
                                        "42"};
static const char *const drivers[] = {"Jane Roe", "jane roe"};
static const char *const sources[] = {"127.0.0.1"};
static const char *const clocks_and_positions[] = {"clock and position"};
static const char *const clocks[] = {"clock burned in", "clock and position burned in"};

static bool has_any(const struct buf *b, const char *const *words, size_t n)
{
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        char wide[200];
        size_t k = 0;
        for (const char *p = words[i]; *p; p++, k += 2)
            wide[k] = '\0', wide[k + 1] = *p;
        found = found || holds(b, words[i], strlen(words[i])) || holds(b, wide, k);
    }
    return found;
}

/* Degrees and minutes as Exif has them: rationals, in both orders of bytes. */
static bool has_exif_position(const struct buf *b)
{
    static const uint8_t big[] = {0, 0, 0, 54, 0, 0, 0, 1, 0, 0, 0, 42, 0, 0, 0, 1},
                         little[] = {54, 0, 0, 0, 1, 0, 0, 0, 42, 0, 0, 0, 1, 0, 0, 0};
    return holds(b, big, sizeof big) || holds(b, little, sizeof little);
}

#define HAS(b, words) has_any(b, words, sizeof(words) / sizeof *(words))

static void test_what_is_hidden_is_in_no_byte_of_the_package(void **state)
{
    (void)state;
    static const char *const imeis[] = {IMEI};
    static const struct {
        const char *hide;
        bool position, imei, driver, source;
    } cases[] = {
        {"position", false, true, true, true},
        {"imei", true, false, true, true},
        {"driver", true, true, false, true},
        {"source", true, true, true, false},
        {"position,imei,driver,source", false, false, false, false},
    };
    /* Words of people name it all, too. */
    char full[600];
    snprintf(full, sizeof full, "%s", in_dir("of Jane Roe at 54.7004 from 127.0.0.1"));
    expect(RUN("export", DSM, VIDEO, STILL, "-o", full, "--at", AT), 0, "3 transfers");
    expect(RUN("protect", DSM, "--reason", "Jane Roe at 54.7004, 25.2871, from 127.0.0.1", "--who",
               "the clerk of jane roe"),
           0, "protected");
    struct buf all = unpacked(full);
    assert_true(HAS(&all, positions) && has_exif_position(&all) && HAS(&all, imeis) &&
                HAS(&all, drivers) && HAS(&all, sources));
    buf_clear(&all);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *package = in_dir("hidden");
        expect(RUN("export", DSM, VIDEO, STILL, "-o", package, "--at", LATER, "--who", "A",
                   "--hide", cases[i].hide),
               0, "redacted");
        all = unpacked(package);
        if (HAS(&all, positions) != cases[i].position ||
            has_exif_position(&all) != cases[i].position || HAS(&all, imeis) != cases[i].imei ||
            HAS(&all, drivers) != cases[i].driver || HAS(&all, sources) != cases[i].source)
            fail_msg("--hide %s: position %d, imei %d, driver %d, source %d", cases[i].hide,
                     HAS(&all, positions), HAS(&all, imeis), HAS(&all, drivers),
                     HAS(&all, sources));
        bool said = HAS(&all, clocks_and_positions);
        if (said != cases[i].position || !HAS(&all, clocks))
            fail_msg("--hide %s: a copy is said to show clock and position: %d", cases[i].hide,
                     said);
        buf_clear(&all);
        expect(RUN("verify", package), 0, "no problems found");
        assert_true(has(package, "README.txt", cases[i].position ? "Not removed" : "the position"));
        expect(PROC_RUN("rm", "-r", package), 0, "");
    }
}

/* Where an imported file lay, and when it was written there, tells whose it was; and its position
 * was never known, which no text claims. */
static void test_the_path_and_time_of_an_imported_file_can_be_hidden(void **state)
{
    (void)state;
    static const char *const files[] = {"Ruth", "41756e742052757468", "2001-02-03T04:05:06"};
    const struct timespec written[2] = {{.tv_sec = 981173106}, {.tv_sec = 981173106}};
    const char *id = OTHER "-front-photo-20241201T060000Z";
    char file[700];
    struct err err;
    assert_ok(fsx_mkdirs(in_dir("Aunt Ruth"), &err));
    snprintf(file, sizeof file, "%s/2024-12-01T06-00-00Z.jpg", in_dir("Aunt Ruth"));
    expect(PROC_RUN("cp", TEST_SOURCE_DIR "/data/jpeg/udacity-540p-solidWhiteRight.jpg", file), 0,
           "");
    assert_int_equal(utimensat(AT_FDCWD, file, written, 0), 0);
    expect(RUN("import", file, "--imei", OTHER, "--camera", "front"), 0, id);
    expect(RUN("work", "--once"), 0, "1 job done");
    for (int hidden = 0; hidden < 2; hidden++) {
        const char *package = in_dir("imported");
        if (hidden)
            expect(RUN("export", id, "-o", package, "--hide", "source"), 0, "redacted");
        else
            expect(RUN("export", id, "-o", package), 0, "1 transfer");
        struct buf all = unpacked(package);
        for (size_t i = 0; i < sizeof files / sizeof *files; i++)
            if (holds(&all, files[i], strlen(files[i])) == hidden)
                fail_msg("%s: hidden %d", files[i], hidden);
        assert_true(holds(&all, "with the clock burned in", 24));
        assert_false(holds(&all, "clock and position burned in", 28));
        buf_clear(&all);
        expect(RUN("verify", package), 0, "no problems found");
        expect(PROC_RUN("rm", "-r", package), 0, "");
    }
}

/* What could confirm a guess at an unmasked copy. */
static void test_the_custody_tells_no_hash_of_a_copy(void **state)
{
    (void)state;
    make_redacted();
    struct buf full = read_file(in_dir("full"), "manifest-sha256.txt"),
               custody = read_file(in_dir("redacted"), "data/custody.jsonl");
    char *at = (char *)full.mem + full.start, *end = at + full.used;
    int originals = 0, copies = 0;
    for (char *line; at < end && (line = memchr(at, '\n', (size_t)(end - at))); at = line + 1) {
        bool found = holds(&custody, at, 64);
        bool original = memmem(at, (size_t)(line - at), "data/master/", 12) != NULL &&
                        memmem(at, (size_t)(line - at), ".json", 5) == NULL;
        if (found && !original)
            fail_msg("the custody has the hash of %.*s", (int)(line - at), at);
        originals += original && found;
        copies += !original;
    }
    assert_true(originals >= 2 && copies > 10);
    assert_true(has(in_dir("redacted"), "data/custody.jsonl", "\"withheld\":["));
    assert_false(has(in_dir("redacted"), "data/custody.jsonl", "settings_sha256\":\""));
    assert_true(has(in_dir("redacted"), "README.txt", "custody record here is a transcript"));
    buf_clear(&full);
    buf_clear(&custody);
}

static void test_a_camera_without_a_mask_is_named_before(void **state)
{
    (void)state;
    expect_err(RUN("export", DSM, VIDEO, "-o", in_dir("warned"), "--mask", "front:0,0,64,64"), 0,
               "recordings without any mask, of camera: driver;");
    assert_true(has(in_dir("warned"), "README.txt", "the whole pictures of these cameras: driver"));
    struct proc_result r =
        RUN("export", DSM, VIDEO, "-o", in_dir("not-warned"), "--mask", "0,0,64,64");
    assert_int_equal(r.status, 0);
    assert_null(strstr(proc_err(&r), "without any mask"));
    proc_clear(&r);
}

/* ---- where the original lies while the package is made ---- */

static const char *medium(void) /* that will be handed over */
{
    struct err err;
    const char *path = in_dir("medium");
    assert_ok(fsx_mkdirs(path, &err));
    return path;
}

static struct proc start_redacting(const char *package)
{
    static char path[700];
    snprintf(path, sizeof path, "%s/%s", medium(), package);
    const char *const argv[] = {
        DASHSPOOL_BINARY, "--root",    w.root,           "export", VIDEO, "-o", path, "--at", LATER,
        "--mask",         "0,0,64,64", "--redact-sound", NULL};
    return proc_start(in_dir("redacting.log"), argv);
}

/* Whatever is ever made beside the package is the package. */
static void test_nothing_but_the_package_is_ever_on_its_medium(void **state)
{
    (void)state;
    static const char begins[] = "seen.unfinished-";
    char events[16384] __attribute__((aligned(8)));
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), n = 0;
    assert_true(fd >= 0 && inotify_add_watch(fd, medium(), IN_CREATE | IN_MOVED_TO) >= 0);
    struct proc p = start_redacting("seen");
    assert_int_equal(proc_stop(&p, 0), 0);
    for (ssize_t got; (got = read(fd, events, sizeof events)) > 0;)
        for (char *at = events; at < events + got;) {
            const struct inotify_event *e = (const void *)at;
            if (strncmp(e->name, begins, strlen(begins)) != 0 && strcmp(e->name, "seen") != 0)
                fail_msg("%s was made beside the package", e->name);
            at += sizeof *e + e->len;
            n++;
        }
    close(fd);
    assert_true(n >= 2);
    assert_int_equal(pieces_in(medium()), 0);
}

static int staged(void)
{
    return support_entries_like(support_path(w.root, ".staged-"));
}

/* Waits until an original is staged; then the process is in the middle of its work. */
static void wait_staged(void)
{
    int fd = inotify_init1(IN_CLOEXEC);
    assert_true(fd >= 0 && inotify_add_watch(fd, w.root, IN_CREATE) >= 0);
    while (staged() == 0) {
        char events[4096];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 100) > 0)
            assert_true(read(fd, events, sizeof events) > 0);
    }
    close(fd);
}

static void test_a_terminal_that_is_closed_leaves_nothing_behind(void **state)
{
    (void)state;
    static const int signums[] = {SIGHUP, SIGTERM, SIGINT};
    for (int i = 0; i < 3; i++) {
        struct proc p = start_redacting("hung-up");
        wait_staged();
        assert_int_equal(proc_stop(&p, signums[i]), 1);
        assert_true(has(w.dir, "redacting.log", "interrupted; no package was written"));
        assert_int_equal(staged(), 0);
        assert_int_equal(support_entries_like(support_path(medium(), "hung-up")), 0);
    }
}

static void test_what_a_killed_one_left_is_named_and_swept(void **state)
{
    (void)state;
    struct proc p = start_redacting("killed");
    wait_staged();
    assert_int_equal(proc_stop(&p, SIGKILL), 128 + SIGKILL);
    assert_int_equal(staged(), 1);
    assert_int_equal(pieces_in(medium()), 0);
    expect(RUN("fsck", "--quick"), 1, "left by a process that was killed; may hold an original");
    p = start_redacting("another-name");
    assert_int_equal(proc_stop(&p, 0), 0);
    assert_int_equal(staged(), 0);
    assert_int_equal(support_entries_like(support_path(medium(), "killed")), 0);
    expect(RUN("fsck", "--quick"), 0, "");
}

static void test_it_can_be_killed_at_any_moment(void **state)
{
    (void)state;
    char path[700];
    snprintf(path, sizeof path, "%s/any", medium());
    const char *const argv[] = {DASHSPOOL_BINARY, "--root",    w.root, "export", VIDEO, "-o", path,
                                "--mask",         "0,0,64,64", "--at", LATER,    NULL};
    struct proc_killer k = proc_killer(13, 150);
    while (proc_kill_later(&k, in_dir("any.log"), argv)) {
        assert_int_equal(pieces_in(medium()), 0);
        if (access(path, F_OK) ==
            0) { /* killed behind the rename: whole, and in the next one's way */
            struct proc_result r = PROC_RUN(DASHSPOOL_BINARY, "verify", path);
            assert_int_equal(r.status, 0);
            proc_clear(&r);
            assert_int_equal(rename(path, support_path(medium(), "killed-late")), 0);
            k.us *= 2; /* it was about to end */
        }
    }
    assert_true(k.killed > 1);
    assert_int_equal(staged(), 0);
    assert_int_equal(support_entries_like(support_path(medium(), "any.unfinished-")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_hidden_is_in_no_byte_of_the_package),
        cmocka_unit_test(test_the_custody_tells_no_hash_of_a_copy),
        cmocka_unit_test(test_a_camera_without_a_mask_is_named_before),
        cmocka_unit_test(test_nothing_but_the_package_is_ever_on_its_medium),
        cmocka_unit_test(test_a_terminal_that_is_closed_leaves_nothing_behind),
        cmocka_unit_test(test_what_a_killed_one_left_is_named_and_swept),
        cmocka_unit_test(test_it_can_be_killed_at_any_moment),
        cmocka_unit_test(test_a_redacted_package_has_no_originals_and_says_so),
        cmocka_unit_test(test_nothing_of_the_master_is_in_it),
        cmocka_unit_test(test_films_stills_and_the_page_have_the_box),
        cmocka_unit_test(test_verify_takes_it_and_says_where_the_originals_are),
        cmocka_unit_test(test_a_package_whose_originals_were_taken_out_is_none),
        cmocka_unit_test(test_a_redacted_package_with_an_original_is_none),
        cmocka_unit_test(test_the_full_package_can_be_named),
        cmocka_unit_test(test_masks_that_hide_nothing_stop_it),
        cmocka_unit_test(test_a_mask_can_be_of_one_transfer),
        cmocka_unit_test(test_a_signed_zip_is_verified_likewise),
        cmocka_unit_test(test_the_same_store_and_time_give_the_same_bytes),
        cmocka_unit_test(test_the_path_and_time_of_an_imported_file_can_be_hidden),
    };
    return cmocka_run_group_tests(tests, make_store, remove_store);
}
