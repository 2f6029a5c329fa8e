#include "damage_truth.h"
#include "footage/media/decode.h"
#include "footage/media/examine.h"
#include "support/footage.h"
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURES_MAX 400
#define UNITS_MAX    2000

static uint64_t state;
static size_t below(size_t n)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return n ? (size_t)(state >> 33) % n : 0;
}

/* What a stream gives. */
struct told {
    int n;
    uint64_t bytes[PICTURES_MAX], frame[PICTURES_MAX]; /* 0: none comes out */
    enum media_state said[PICTURES_MAX];
    const char *why[PICTURES_MAX];
};

static uint64_t fnv(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static uint64_t hash_frame(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get((enum AVPixelFormat)f->format);
    size_t wide = d->comp[0].depth > 8 ? 2 : 1;
    uint64_t h = 1;
    for (int k = 0; k < d->nb_components; k++) {
        int w = k ? AV_CEIL_RSHIFT(f->width, d->log2_chroma_w) : f->width;
        int rows = k ? AV_CEIL_RSHIFT(f->height, d->log2_chroma_h) : f->height;
        for (int y = 0; y < rows; y++)
            h = fnv(h, f->data[k] + (ptrdiff_t)y * f->linesize[k], (size_t)w * wide);
    }
    return h;
}

/* false: the stream cannot be read at all. */
static bool tell(const char *path, struct told *t)
{
    static const struct media_facts facts;
    struct convert_options options = footage_options(COPY_WORKING);
    struct media m;
    struct decoder d = {0};
    struct err err = {0};
    AVFrame *f = av_frame_alloc();
    int rc = media_open(&m, path, MEDIA_ANNEXB, &facts, &options.media, &err);
    bool opened = rc == ERR_OK && m.n_pictures <= PICTURES_MAX;
    *t = (struct told){.n = opened ? (int)m.n_pictures : 0};
    if (opened)
        assert_ok(decoder_open(&d, &m, 1, &err));
    for (int64_t i = opened ? m.first : 1; opened && i <= m.n_pictures; i++) {
        bool got = true;
        assert_ok(decoder_send(&d, &m, i < m.n_pictures ? i : -1, &err));
        while (got) {
            assert_ok(decoder_receive(&d, f, &got, &err));
            if (got && f->pts >= 0 && f->pts < t->n)
                t->frame[f->pts] = hash_frame(f);
        }
    }
    if (opened) {
        decoder_close(&d);
        assert_ok(examine(&m, 0, NULL, NULL, &err));
    }
    for (int i = 0; i < t->n; i++) {
        const struct media_picture *p = &m.picture[i];
        t->bytes[i] = fnv(2, m.map + p->offset, p->n);
        t->said[i] = p->state;
        t->why[i] = p->why;
    }
    av_frame_free(&f);
    media_close(&m);
    return opened;
}

/* ---- damage inside slices ---- */

struct unit {
    size_t at, n;
};

static void bit(uint8_t *p, size_t n)
{
    p[below(n)] ^= (uint8_t)(1 << below(8));
}

static void bits(uint8_t *p, size_t n)
{
    for (size_t i = below(20) + 2; i > 0; i--)
        bit(p, n);
}

static void zeros(uint8_t *p, size_t n)
{
    size_t at = below(n), many = below(200) + 4;
    memset(p + at, 0, many < n - at ? many : n - at);
}

static void garbage(uint8_t *p, size_t n)
{
    size_t at = below(n), many = below(200) + 4;
    for (size_t i = at; i < n && i < at + many; i++)
        p[i] = (uint8_t)(below(251) + 4);
}

static void end_zeroed(uint8_t *p, size_t n)
{
    size_t many = below(n / 2) + 4;
    memset(p + n - (many < n ? many : n), 0, many < n ? many : n);
}

static void gone(uint8_t *p, size_t n)
{
    p[-2] = 0xff; /* its start code and header: no unit any more */
    memset(p, 0xff, n);
}

static const struct {
    const char *name;
    void (*fn)(uint8_t *p, size_t n);
} kinds[] = {{"one bit", bit},
             {"bits", bits},
             {"zeros", zeros},
             {"garbage", garbage},
             {"its end zeroed", end_zeroed},
             {"a unit gone", gone}};
enum { KINDS = sizeof kinds / sizeof *kinds, HEADER = 16 };

/* ---- who said what ---- */

enum { SAME, SAME_BUILT_ON, FALSE_ALARM, OTHER, MISSED, N_VERDICTS };
static int64_t tally[KINDS][2][N_VERDICTS];

/* Pictures of the damaged stream against those of the whole one, which have the same bytes, or
 * their place between two such. */
static int compare(const struct told *whole, const struct told *is, int64_t (*sum)[N_VERDICTS],
                   bool hashed, const char *what)
{
    int lies = 0;
    for (int i = 0, j = 0; i < is->n && j < whole->n; i++, j++) {
        int ahead = 0;
        while (j + ahead < whole->n && whole->bytes[j + ahead] != is->bytes[i])
            ahead++;
        if (j + ahead < whole->n && ahead < 8)
            j += ahead;
        else if (is->n != whole->n)
            continue;
        bool same = is->frame[i] == whole->frame[j], damaged = is->said[i] == MEDIA_DAMAGED;
        int v = same          ? damaged       ? FALSE_ALARM
                                : is->said[i] ? SAME_BUILT_ON
                                              : SAME
                : is->said[i] ? OTHER
                              : MISSED;
        sum[hashed][v]++;
        if (v != FALSE_ALARM && !(v == MISSED && hashed))
            continue;
        lies++;
        printf("LIE %s: picture %d comes out %s, and is called %s\n", what, i,
               same ? "as it was" : "as another", is->why[i] ? is->why[i] : "good");
    }
    return lies;
}

static void print_truth(void)
{
    printf("\n%-16s|%-44s |%-44s\n", "", " without hashes", " with hashes");
    for (int h = 0; h < 2; h++)
        printf("%*s|%8s %8s %8s %8s %8s", h ? 1 : 16, "", "same", "built on", "alarm", "told",
               "missed");
    for (int k = 0; k < KINDS; k++) {
        printf("\n%-16s", kinds[k].name);
        for (int h = 0; h < 2; h++)
            for (int v = 0; v < N_VERDICTS; v++)
                printf("%s%8lld", v ? " " : h ? " |" : "|", (long long)tally[k][h][v]);
    }
    printf("\n");
}

int truth_run(int count, uint64_t seed, const char *dir)
{
    static const char *const names[] = {"road-320x180-md5", "cros-test-25fps", "cros-bear",
                                        "libvpl-cars_320x240"};
    enum { NAMES = sizeof names / sizeof *names };
    static struct told whole, is;
    static struct unit slice[UNITS_MAX];
    int lies = 0;
    av_log_route();
    state = seed;
    for (int s = 0; s < NAMES; s++) {
        char name[64], path[512], what[128];
        struct nal nal;
        int slices = 0;
        snprintf(name, sizeof name, "hevc/%s.h265", names[s]);
        snprintf(path, sizeof path, "%s/truth.h265", dir);
        struct buf b = support_read(support_data(name));
        struct nal_scan scan = nal_scan_init(buf_data(&b), b.used);
        while (slices < UNITS_MAX && nal_next(&scan, &nal))
            if (nal_is_slice(&nal) && nal.n > HEADER + 8)
                slice[slices++] = (struct unit){(size_t)(nal.p - buf_data(&b)), nal.n};
        support_write(path, buf_data(&b), b.used);
        assert_true(tell(path, &whole));
        uint8_t *copy = malloc(b.used);
        assert_non_null(copy);
        for (int i = s; i < count; i += NAMES) {
            int k = i / NAMES % KINDS;
            struct unit u = slice[1 + below((size_t)slices - 1)];
            memcpy(copy, buf_data(&b), b.used);
            size_t from = kinds[k].fn == gone ? 0 : HEADER;
            kinds[k].fn(copy + u.at + from, u.n - from);
            support_write(path, copy, b.used);
            snprintf(what, sizeof what, "%s, %s at %zu (input %d)", names[s], kinds[k].name, u.at,
                     i);
            if (tell(path, &is))
                lies += compare(&whole, &is, tally[k], s == 0, what);
        }
        free(copy);
        buf_clear(&b);
    }
    print_truth();
    return lies;
}
