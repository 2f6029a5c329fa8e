/*
 * damage: what becomes of inputs that are broken in every way that we can think of.
 *
 *   build/asan/tests/bench_damage            500 inputs, about 10 minutes with the sanitizers
 *   build/asan/tests/bench_damage 40 7       40 inputs of seed 7: the same ones each time
 *
 * Each input is a second or so of real footage, or a photo, with one to three kinds of damage. All
 * go through `dashspool convert DIR --jobs 2`, in its confined children, and through `probe`. For
 * each there must be a statement: copies, or one line that says why there are none. A crash, a
 * sanitizer's report, a hang, a hidden directory left behind, a master that changed, a statement
 * missing or made twice is a finding: it is printed, its input is kept, and the exit status is 1.
 *
 * Then as many streams are damaged in one slice each, and what is said of their pictures is
 * compared with what comes out (damage_truth.h): a lie is a finding, too. A third number is of
 * these alone: bench_damage 0 7 500.
 */
#include "damage_truth.h"
#include "dashspool/fsx.h"
#include "footage/media/annexb.h"
#include "footage/media/ptmf.h"
#include "support/proc.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH       25
#define ROOM        (4 << 20)
#define UNITS_MAX   4096
#define SOURCES_MAX 64
#define CLIP_BYTES  260000 /* a second of 720p */
#define PATH_ROOM   512

struct input {
    uint8_t data[ROOM];
    size_t n;
    size_t unit[UNITS_MAX]; /* where records, NAL units or JPEG segments begin; the end */
    int units;
    const char *end; /* of its name */
};

static char *source[SOURCES_MAX];
static int sources;

/* ---- chance ---- */

static uint64_t random_state;
static size_t random_below(size_t n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (size_t)(random_state >> 33) % n : 0;
}

static void random_bytes(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)random_below(256);
}

/* ---- inputs ---- */

static void find_units(struct input *in)
{
    struct ptmf p = ptmf_init(in->data, in->n);
    struct ptmf_record r;
    struct nal_scan scan = nal_scan_init(in->data, in->n);
    struct nal nal;
    in->units = 0;
    if (strcmp(in->end, "jpg") == 0) {
        for (size_t i = 0; i + 1 < in->n && in->units < UNITS_MAX - 1; i++)
            if (in->data[i] == 0xff && in->data[i + 1] >= 0xc0 && in->data[i + 1] < 0xff)
                in->unit[in->units++] = i;
    } else if (ptmf_header_ok(in->data, in->n, NULL)) {
        while (in->units < UNITS_MAX - 1 && ptmf_next(&p, &r))
            in->unit[in->units++] = r.offset;
    } else {
        while (in->units < UNITS_MAX - 1 && nal_next(&scan, &nal))
            in->unit[in->units++] = nal.start;
    }
    in->unit[in->units] = in->n;
}

/* A short one: from the beginning, where the parameter sets are, or from anywhere. */
static void load(struct input *in, const char *path)
{
    struct buf b = support_read(path);
    size_t at = 0, n = b.used;
    in->end = strstr(path, ".jpg") ? "jpg" : "h265";
    if (strcmp(in->end, "jpg") != 0 && n > CLIP_BYTES) {
        at = random_below(4) == 0 ? random_below(n - CLIP_BYTES) : 0;
        n = CLIP_BYTES;
    }
    assert_true(n <= ROOM / 4);
    memcpy(in->data, buf_data(&b) + at, n);
    in->n = n;
    buf_clear(&b);
    find_units(in);
}

static void cut_out(struct input *in, size_t at, size_t n)
{
    memmove(in->data + at, in->data + at + n, in->n - at - n);
    in->n -= n;
}

static void put_in(struct input *in, size_t at, const uint8_t *data, size_t n)
{
    if (in->n + n > ROOM)
        return;
    memmove(in->data + at + n, in->data + at, in->n - at);
    memcpy(in->data + at, data, n);
    in->n += n;
}

/* ---- damage ---- */

static size_t stretch(const struct input *in, size_t at)
{
    size_t n = random_below(4) == 0 ? random_below(in->n / 2 + 1) : random_below(3000);
    return n < in->n - at ? n : in->n - at;
}

static void bits(struct input *in)
{
    size_t near = random_below(3) == 0 ? 400 : in->n;
    for (size_t i = random_below(60) + 1; i > 0 && in->n > 0; i--)
        in->data[random_below(near < in->n ? near : in->n)] ^= (uint8_t)(1 << random_below(8));
}

static void cut(struct input *in)
{
    in->n = random_below(5) == 0 ? random_below(in->n < 200 ? in->n : 200) : random_below(in->n);
}

static void hole(struct input *in)
{
    size_t at = random_below(in->n);
    cut_out(in, at, stretch(in, at));
}

static void zeros(struct input *in)
{
    size_t at = random_below(in->n);
    memset(in->data + at, 0, stretch(in, at));
}

static void garbage(struct input *in)
{
    static uint8_t junk[3000];
    random_bytes(junk, sizeof junk);
    size_t at = random_below(3) == 0 ? 0 : random_below(in->n);
    put_in(in, at, junk, random_below(sizeof junk) + 1);
}

/* Copies unit k to `out`. */
static size_t take_unit(const struct input *in, size_t k, uint8_t *out)
{
    size_t n = in->unit[k + 1] - in->unit[k];
    memcpy(out, in->data + in->unit[k], n);
    return n;
}

static void swapped(struct input *in)
{
    static uint8_t first[ROOM], second[ROOM];
    if (in->units < 3)
        return;
    size_t k = random_below((size_t)in->units - 1);
    size_t n = take_unit(in, k, first), m = take_unit(in, k + 1, second);
    memcpy(in->data + in->unit[k], second, m);
    memcpy(in->data + in->unit[k] + m, first, n);
}

static void repeated(struct input *in)
{
    static uint8_t one[ROOM];
    if (in->units < 2)
        return;
    size_t n = take_unit(in, random_below((size_t)in->units), one);
    size_t to = in->unit[random_below((size_t)in->units)];
    for (size_t i = random_below(3) + 1; i > 0; i--)
        put_in(in, to, one, n);
}

static void missing(struct input *in)
{
    if (in->units < 3)
        return;
    size_t k = random_below((size_t)in->units - 1), m = random_below(4) + 1;
    size_t until = k + m < (size_t)in->units ? k + m : (size_t)in->units - 1;
    cut_out(in, in->unit[k], in->unit[until] - in->unit[k]);
}

/* A field of a header (or parameter set, or JPEG segment) at the end of its range. */
static void extreme(struct input *in)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    static const struct {
        size_t at, n;
    } fields[] = {{4, 1}, {5, 1}, {7, 1}, {8, 2}, {10, 2}, {12, 4}, {24, 4}, {28, 8}, {31, 5}};
    for (size_t times = random_below(4) + 1; times > 0 && in->units > 0; times--) {
        size_t k = random_below(2) == 0 ? random_below((size_t)in->units)
                                        : random_below(in->units < 8 ? (size_t)in->units : 8);
        size_t f = random_below(sizeof fields / sizeof *fields), at = in->unit[k] + fields[f].at;
        for (size_t i = 0; i < fields[f].n && at + i < in->n; i++)
            in->data[at + i] = values[random_below(sizeof values)];
    }
}

static void joined(struct input *in)
{
    static struct input other;
    load(&other, source[random_below((size_t)sources)]);
    size_t at = random_below(3) == 0 ? random_below(in->n) : in->n;
    put_in(in, at, other.data, other.n);
}

static const struct kind {
    const char *name;
    void (*fn)(struct input *in);
} kinds[] = {{"bits flipped", bits},
             {"cut", cut},
             {"hole", hole},
             {"zeroed", zeros},
             {"garbage put in", garbage},
             {"units swapped", swapped},
             {"units repeated", repeated},
             {"units missing", missing},
             {"extreme headers", extreme},
             {"clips joined", joined}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void make(struct input *in, int i)
{
    load(in, source[random_below((size_t)sources)]);
    kinds[i % KINDS].fn(in);
    for (size_t more = random_below(3); more > 0 && in->n > 0; more--) {
        find_units(in);
        kinds[random_below(KINDS)].fn(in);
    }
}

/* ---- what was said ---- */

enum { COPIES, COPIES_NOTE, NO_COPIES, CLEAN, DAMAGED, NO_PROBE, FINDINGS, N_OUTCOMES };
static int tally[KINDS][N_OUTCOMES];
static char *top; /* directory of everything */

static const char *alarm_in(const char *text)
{
    static const char *const words[] = {"Sanitizer", "runtime error", "nothing was written",
                                        "Assertion", "no memory"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(text, words[i]))
            return words[i];
    return NULL;
}

/* said: text of which the first line counts, or all of it where it is a sanitizer's report. */
static void finding(int i, const char *path, const char *what, const char *said)
{
    int said_n = (int)(alarm_in(said) ? strlen(said) : strcspn(said, "\n"));
    static int kept;
    char to[PATH_ROOM];
    struct err err;
    tally[i % KINDS][FINDINGS]++;
    snprintf(to, sizeof to, "damage-finding-%d%s", ++kept, strrchr(path, '.'));
    struct buf b = support_read(path);
    if (fsx_write_file(to, buf_data(&b), b.used, &err) < 0)
        printf("%s\n", err.text);
    buf_clear(&b);
    printf("FINDING %s (%s): %s\n%.*s\n", to, path, what, said_n, said);
}

/* Lines that begin with `prefix` and then the path; *line is the first of them. */
static int lines_about(const char *text, const char *prefix, const char *path, const char **line)
{
    char begin[PATH_ROOM + 64];
    int n = 0, m = snprintf(begin, sizeof begin, "%s%s: ", prefix, path);
    for (const char *at = text; at && *at; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, begin, (size_t)m) == 0 && n++ == 0)
            *line = at;
    return n;
}

/* Under "path: 25 pictures …": is there a note? */
static bool has_note(const char *line)
{
    for (line = strchr(line, '\n'); line && strncmp(line, "\n  ", 3) == 0;
         line = strchr(line + 1, '\n'))
        if (strncmp(line, "\n  note", 7) == 0 || strncmp(line, "\n  sources", 10) == 0)
            return true;
    return false;
}

static bool judge_probe(int i, const char *path)
{
    const char *const argv[] = {"timeout", "-k", "5", "60", DASHSPOOL_BINARY, "probe", path, NULL};
    struct proc_result r = proc_run(argv);
    const char *out = proc_out(&r), *said = proc_err(&r), *line = NULL;
    int errors = lines_about(said, "dashspool probe: ", path, &line);
    bool stated = strstr(out, "\n  verdict ") != NULL;
    if (r.status > 1 || alarm_in(said))
        finding(i, path, "probe ended badly", said);
    else if (errors + stated != 1)
        finding(i, path, "probe states nothing, or too much", said);
    else
        tally[i % KINDS][errors ? NO_PROBE : r.status == 0 ? CLEAN : DAMAGED]++;
    proc_clear(&r);
    return stated;
}

static void judge(int i, const char *path, const char *stem, struct proc_result *r)
{
    const char *line = NULL, *said = NULL;
    char pattern[PATH_ROOM];
    glob_t made = {0};
    snprintf(pattern, sizeof pattern, "%s/out/%s.*", top, stem);
    int files = glob(pattern, 0, NULL, &made) == 0 ? (int)made.gl_pathc : 0;
    globfree(&made);
    int copies = lines_about(proc_out(r), "", path, &line);
    int errors = lines_about(proc_err(r), "dashspool convert: ", path, &said);
    bool probed = judge_probe(i, path);
    if (copies + errors != 1 || (copies > 0) != (files > 0))
        finding(i, path, "convert states nothing, or too much", said ? said : "");
    else if (errors && probed)
        finding(i, path, "probe says that it can be used, convert does not", said);
    else
        tally[i % KINDS][errors ? NO_COPIES : has_note(line) ? COPIES_NOTE : COPIES]++;
}

static int hidden_left(void)
{
    char pattern[PATH_ROOM];
    glob_t found = {0};
    snprintf(pattern, sizeof pattern, "%s/out/.dashspool-*", top);
    int n = glob(pattern, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    return n;
}

static void run_batch(int from, int until, char path[][PATH_ROOM], char stem[][64])
{
    char in[PATH_ROOM], out[PATH_ROOM];
    snprintf(in, sizeof in, "%s/in", top);
    snprintf(out, sizeof out, "%s/out", top);
    const char *const argv[] = {
        "timeout",
        "-k",
        "5",
        "600",
        DASHSPOOL_BINARY,
        "convert",
        in,
        "-o",
        out,
        "--jobs",
        "2",
        "--lat",
        "54.69",
        "--lon",
        "25.28",
        "--tz",
        "+02:00",
        "--copies",
        from / BATCH % 2 ? "working,timing,csv" : "working,viewing,timing,csv,poster,sheet,srt,gpx",
        NULL};
    struct proc_result r = proc_run(argv);
    if (r.status > 1 || alarm_in(proc_err(&r)))
        finding(from, path[0], "convert ended badly; one of this batch did it", proc_err(&r));
    if (hidden_left() > 0)
        finding(from, path[0], "a hidden directory is left; one of this batch did it", "");
    for (int i = from; i < until; i++)
        judge(i, path[i - from], stem[i - from], &r);
    proc_clear(&r);
}

/* Makes the inputs from..until-1, has them converted and probed, and looks whether they are still
 * the same. */
static void batch(int from, int until)
{
    static struct input in;
    static struct buf before[BATCH];
    char path[BATCH][PATH_ROOM], stem[BATCH][64], dir[PATH_ROOM];
    struct err err;
    for (int k = 0; k < 2; k++) {
        snprintf(dir, sizeof dir, "%s/%s", top, k ? "out" : "in");
        if (fsx_remove_tree(dir, &err) < 0 || fsx_mkdirs(dir, &err) < 0)
            fail_msg("%s", err.text);
    }
    for (int i = from; i < until; i++) {
        int k = i - from;
        make(&in, i);
        snprintf(stem[k], sizeof stem[k], "i%04d", i);
        snprintf(path[k], sizeof path[k], "%s/in/%s.%s", top, stem[k], in.end);
        support_write(path[k], in.data, in.n);
        before[k] = support_read(path[k]);
    }
    run_batch(from, until, path, stem);
    for (int i = from; i < until; i++) {
        struct buf *was = &before[i - from], now = support_read(path[i - from]);
        if (now.used != was->used || memcmp(buf_data(&now), buf_data(was), now.used) != 0)
            finding(i, path[i - from], "the master has changed", "");
        buf_clear(&now);
        buf_clear(was);
    }
}

static void find_sources(void)
{
    static const char *const patterns[] = {
        TEST_SAMPLES "/*.h265",           TEST_SAMPLES "/photo*.jpg", TEST_DATA "/hevc/*.h265",
        TEST_DATA "/hevc-damaged/*.h265", TEST_DATA "/ptmf/*.h265",   TEST_DATA "/jpeg/*.jpg"};
    static glob_t found; /* owns the names until the end */
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        (void)glob(patterns[i], i ? GLOB_APPEND : 0, NULL, &found);
    for (size_t i = 0; i < found.gl_pathc && sources < SOURCES_MAX; i++)
        source[sources++] = found.gl_pathv[i];
}

static int print_table(void)
{
    int sum[N_OUTCOMES] = {0};
    printf("%-16s|%-26s |%-26s |\n", "", " convert", " probe");
    printf("%-16s|%8s %8s %8s |%8s %8s %8s |%9s\n", "", "copies", "+ note", "error", "clean",
           "damaged", "error", "findings");
    for (int k = 0; k <= KINDS; k++) {
        printf("%-16s", k < KINDS ? kinds[k].name : "all");
        for (int o = 0; o < N_OUTCOMES; o++) {
            printf("%s%8d", o % 3 == 0 ? (o ? " |" : "|") : " ", k < KINDS ? tally[k][o] : sum[o]);
            sum[o] += k < KINDS ? tally[k][o] : 0;
        }
        printf("\n");
    }
    return sum[FINDINGS];
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 500;
    random_state = argc > 2 ? strtoull(argv[2], NULL, 10) : 20261121;
    setvbuf(stdout, NULL, _IOLBF, 0);
    find_sources();
    printf("%d inputs from %d sources, seed %llu\n", count, sources,
           (unsigned long long)random_state);
    top = support_tmp_dir();
    for (int i = 0; i < count; i += BATCH)
        batch(i, i + BATCH < count ? i + BATCH : count);
    int findings = print_table();
    findings += truth_run(argc > 3 ? (int)strtol(argv[3], NULL, 10) : count, random_state, top);
    support_tmp_remove(&top);
    return findings > 0;
}
