#define _GNU_SOURCE /* memmem */
#include "dashspool/reader.h"
#include "dashspool/text.h"
#include "media.h"
#include "photo.h"
#include "ptmf.h"
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEARCH_BYTES 65536 /* a damaged beginning may be this long */

static bool is_text(const uint8_t *data, size_t n)
{
    n = n < 512 ? n : 512;
    for (size_t i = 0; i < n; i++)
        if ((data[i] < 0x20 && !strchr("\t\r\n\f", data[i])) || data[i] == 0 || data[i] == 0x7f)
            return false;
    return true;
}

static bool is_zeros(const uint8_t *data, size_t n)
{
    n = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 0; i < n; i++)
        if (data[i])
            return false;
    return true;
}

static bool has_records(const uint8_t *data, size_t n)
{
    size_t search = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 0; i < search; i++)
        if (data[i] == 'P' && ptmf_header_ok(data + i, n - i, NULL))
            return true;
    return false;
}

/* ---- what else it may be ---- */

/* A photo's markers up to its first scan (T.81, annex B), with a frame header among them. */
static bool has_photo(const uint8_t *data, size_t n)
{
    struct rd r = rd_init(data, n);
    bool frame = false;
    if (rd_be16(&r) != 0xffd8)
        return false;
    while (!r.bad) {
        uint8_t ff = rd_u8(&r), marker = rd_u8(&r);
        while (marker == 0xff && !r.bad)
            marker = rd_u8(&r);
        if (ff != 0xff || marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9))
            return false;
        if (marker == 0xda)
            return frame;
        uint16_t length = rd_be16(&r);
        frame = frame || (marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc);
        if (length < 2)
            return false;
        rd_bytes(&r, length - 2u);
    }
    return false;
}

/* Where such a photo begins behind other bytes; n: nowhere. */
static size_t find_photo(const uint8_t *data, size_t n)
{
    size_t search = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 1; i + 3 < search; i++)
        if (data[i] == 0xff && data[i + 1] == 0xd8 && data[i + 2] == 0xff &&
            has_photo(data + i, n - i))
            return i;
    return n;
}

/* H.264 has one byte where H.265 has two: its sequence parameter set begins with 67 (27, 47: other
 * nal_ref_idc) and a profile of its table A, and no unit is a parameter set of H.265. */
static bool is_h264(const uint8_t *data, size_t n)
{
    static const uint8_t profiles[] = {44, 66, 77, 83, 86, 88, 100, 110, 118, 122, 128, 244};
    bool h264 = false;
    n = n < SEARCH_BYTES ? n : SEARCH_BYTES;
    for (size_t i = 0; i + 4 < n; i++) {
        if (data[i] || data[i + 1] || data[i + 2] != 1)
            continue;
        uint8_t first = data[i + 3], second = data[i + 4];
        if (first >= NAL_VPS << 1 && first <= NAL_PPS << 1 && first % 2 == 0 && second == 1)
            return false;
        h264 = h264 || ((first & 0x9f) == 7 && (first & 0x60) != 0 &&
                        memchr(profiles, second, sizeof profiles));
    }
    return h264;
}

/* What the video records of a camera hold, if it is not H.265; NULL. */
static const char *other_codec(const uint8_t *data, size_t n)
{
    enum { LOOKED_AT = 64 };
    struct ptmf p = ptmf_init(data, n);
    struct ptmf_record r;
    const char *other = NULL;
    for (int i = 0; i < LOOKED_AT && ptmf_next(&p, &r);) {
        struct annexb_au au;
        struct nal_scan scan = nal_scan_init(r.payload, r.n);
        if (r.type == 'A')
            continue;
        i++;
        if (has_photo(r.payload, r.n))
            other = other ? other : "MJPEG";
        else if (is_h264(r.payload, r.n))
            other = other ? other : "H.264";
        else if (!other && annexb_next(&scan, &au))
            return NULL;
    }
    return other;
}

/* Formats that people mistake for footage of these cameras. */
static const char *other_format(const uint8_t *data, size_t n)
{
    static const struct {
        size_t at, n;
        const char *magic, *name;
    } formats[] = {
        {8, 4, "AVI ", "an AVI file"},
        {8, 4, "WAVE", "a WAV file"},
        {8, 4, "WEBP", "a WebP picture"},
        {0, 4, "\x1a\x45\xdf\xa3", "a Matroska or WebM file"},
        {0, 8, "\x89PNG\r\n\x1a\n", "a PNG picture"},
        {0, 4, "GIF8", "a GIF picture"},
        {0, 4, "\0\0\1\xba", "an MPEG program stream"},
        {0, 4, "PK\3\4", "a zip file"},
        {0, 2, "\x1f\x8b", "a gzip file"},
        {0, 5, "%PDF-", "a PDF"},
    };
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (n >= formats[i].at + formats[i].n &&
            memcmp(data + formats[i].at, formats[i].magic, formats[i].n) == 0)
            return formats[i].name;
    if (n > 188 * 2 && data[0] == 0x47 && data[188] == 0x47 && data[188 * 2] == 0x47)
        return "an MPEG transport stream";
    return NULL;
}

/* ---- plain H.265 ---- */

/* The unit types that a camera's H.265 stream is made of; a random byte is rarely one of them. */
static bool plausible_nal(const struct nal *nal)
{
    return nal_is_slice(nal) ||
           (nal->layer == 0 && nal->type >= NAL_VPS && nal->type <= NAL_SUFFIX_SEI);
}

static int sniff_stream(const uint8_t *data, size_t n, enum media_container *out, struct err *err)
{
    struct nal_scan scan = nal_scan_init(data, n);
    struct nal nal;
    int64_t units = 0, slices = 0, odd = 0;
    size_t first_slice = 0;
    bool vps = false, sps = false, pps = false;
    while (nal_next(&scan, &nal)) {
        if (!plausible_nal(&nal)) {
            odd++; /* legal beside others: another layer, or a type that nobody specifies */
            continue;
        }
        units++;
        if (nal_is_slice(&nal) && slices++ == 0)
            first_slice = nal.start;
        vps = vps || nal.type == NAL_VPS;
        sps = sps || nal.type == NAL_SPS;
        pps = pps || nal.type == NAL_PPS;
        if (slices && sps && pps) {
            *out = MEDIA_ANNEXB;
            return ERR_OK;
        }
    }
    if (units == 0 || (odd > units && !vps && !sps && !pps))
        return err_set(err, ERR_MALFORMED,
                       "unknown format: neither camera records (PTMF), H.265 nor JPEG");
    if (slices == 0)
        return err_set(err, ERR_MALFORMED, "H.265 stream without a single frame");
    *out = MEDIA_ANNEXB;
    return err_set(err, ERR_MALFORMED,
                   "H.265 stream without parameter sets (%s), first slice at offset %zu; take them "
                   "from another clip of the same camera with --params-from CLIP",
                   sps   ? "no PPS"
                   : pps ? "no SPS"
                         : "no SPS, no PPS",
                   first_slice);
}

int sniff_bytes(const uint8_t *data, size_t n, enum media_container *out, struct err *err)
{
    static const uint8_t jpeg[3] = {0xff, 0xd8, 0xff};
    const char *other;
    size_t photo;
    *out = MEDIA_UNKNOWN;
    if (n >= sizeof jpeg && memcmp(data, jpeg, sizeof jpeg) == 0)
        *out = MEDIA_JPEG;
    else if (has_records(data, n)) {
        if ((other = other_codec(data, n)) != NULL)
            return err_set(err, ERR_UNSUPPORTED,
                           "camera records (PTMF) that hold %s, not H.265: set the camera to H.265",
                           other);
        *out = MEDIA_PTMF;
    } else if (n >= 12 && memcmp(data + 4, "ftyp", 4) == 0)
        return err_set(err, ERR_UNSUPPORTED, "already an MP4 file; nothing to convert");
    else if ((other = other_format(data, n)) != NULL)
        return err_set(err, ERR_UNSUPPORTED, "this is %s, not H.265", other);
    else if (is_text(data, n))
        return err_set(err, ERR_MALFORMED, "this is text, not H.265");
    else if (is_zeros(data, n))
        return err_set(err, ERR_MALFORMED, "the file contains only zeros");
    else if (is_h264(data, n))
        return err_set(err, ERR_UNSUPPORTED, "this is H.264, not H.265");
    else if ((photo = find_photo(data, n)) < n)
        return err_set(err, ERR_UNSUPPORTED,
                       "a JPEG photo behind %zu stray byte%s: take %s off (tail -c +%zu FILE "
                       "> photo.jpg)",
                       photo, photo == 1 ? "" : "s", photo == 1 ? "it" : "them", photo + 1);
    else
        return sniff_stream(data, n, out, err);
    return ERR_OK;
}

int media_sniff(const char *path, enum media_container *out, struct err *err)
{
    struct media m = {0};
    *out = MEDIA_UNKNOWN;
    int rc = media_map(&m, path, err);
    if (rc == ERR_OK)
        rc = sniff_bytes(m.map, m.n, out, err);
    media_close(&m);
    return rc < 0 ? err_wrap(err, "%s", path) : ERR_OK;
}

/* ---- how it ends ---- */

enum {
    LOOK_BYTES = 1024 * 1024, /* of the beginning, to tell what it is */
    WINDOW_BYTES = 64 * 1024,
    PHOTO_LOOK_BYTES = 64 * 1024 * 1024, /* larger photos without an end are taken for cut */
    BOXES_MAX = 1000000,                 /* of a fragmented MP4: two a second would be 5 days */
};

static const char mark[] = "dashspool "; /* the encoder of our MP4, the software of our JPEG */

struct file {
    int fd;
    int64_t n;
    uint8_t window[WINDOW_BYTES];
};

/* Exactly n bytes at `at`, all within the length that was told. */
static int read_at(struct file *f, int64_t at, void *out, size_t n, struct err *err)
{
    uint8_t *p = out;
    for (size_t got = 0; got < n;) {
        ssize_t r = pread(f->fd, p + got, n - got, (off_t)(at + (int64_t)got));
        if (r < 0 && errno != EINTR)
            return err_sys(err, "cannot be read at %" PRId64, at);
        if (r == 0)
            return err_set(err, ERR_AGAIN, "has become shorter while it was read");
        got += r > 0 ? (size_t)r : 0;
    }
    return ERR_OK;
}

/* Fills the window from `at` on, with what there is. */
static int look(struct file *f, int64_t at, size_t *n, struct err *err)
{
    int64_t left = f->n - at;
    *n = left < WINDOW_BYTES ? (size_t)left : WINDOW_BYTES;
    return read_at(f, at, f->window, *n, err);
}

DS_PRINTF(2, 3)
static void set_cut(struct media_ending *out, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(out->note, sizeof out->note, fmt, ap);
    va_end(ap);
    out->end = MEDIA_END_CUT;
}

/* ---- PTMF ---- */

/* Where the next record begins whose payload is all there, from `at` on; f->n: nowhere. */
static int find_record(struct file *f, int64_t at, int64_t *found, struct err *err)
{
    size_t n;
    uint32_t length;
    int rc = ERR_OK;
    for (*found = f->n; f->n - at >= PTMF_HEADER_BYTES; at += (int64_t)n - PTMF_HEADER_BYTES + 1) {
        if ((rc = look(f, at, &n, err)) < 0)
            return rc;
        for (size_t i = 0; i + PTMF_HEADER_BYTES <= n; i++)
            if (f->window[i] == 'P' && ptmf_header_ok(f->window + i, n - i, &length) &&
                length <= f->n - at - (int64_t)i - PTMF_HEADER_BYTES) {
                *found = at + (int64_t)i;
                return rc;
            }
    }
    return rc;
}

static int end_of_ptmf(struct file *f, struct media_ending *out, struct err *err)
{
    uint8_t header[PTMF_HEADER_BYTES];
    uint32_t length;
    int rc = ERR_OK;
    for (int64_t at = 0; at < f->n;) {
        int64_t left = f->n - at, next;
        if (left >= PTMF_HEADER_BYTES) {
            if ((rc = read_at(f, at, header, sizeof header, err)) < 0)
                return rc;
            if (ptmf_header_ok(header, sizeof header, &length) &&
                length <= left - PTMF_HEADER_BYTES) {
                at += PTMF_HEADER_BYTES + (int64_t)length;
                continue;
            }
        }
        if ((rc = find_record(f, at + 1, &next, err)) < 0)
            return rc;
        if (next == f->n)
            set_cut(out, "ends early, the last %lld %s no whole record",
                    SIZE_COUNT(left, "byte is", "bytes are"));
        at = next;
    }
    return rc;
}

/* ---- JPEG ---- */

enum { JPEG_SOI = 0xd8, JPEG_SOS = 0xda, JPEG_RST7 = 0xd7 }; /* beside those of jpeglib.h */

/* The first marker in the coded data from *at on; 0: there is none. *at is on it. */
static int find_marker(struct file *f, int64_t *at, uint8_t *marker, struct err *err)
{
    size_t n;
    int rc;
    for (*marker = 0; f->n - *at >= 2; *at += (int64_t)n - 1) {
        if ((rc = look(f, *at, &n, err)) < 0)
            return rc;
        for (const uint8_t *p = f->window, *end = f->window + n - 1;
             (p = memchr(p, 0xff, (size_t)(end - p))); p++) {
            if (p[1] == 0 || p[1] == 0xff || (p[1] >= JPEG_RST0 && p[1] <= JPEG_RST7))
                continue;
            *at += p - f->window;
            *marker = p[1];
            return ERR_OK;
        }
    }
    *at = f->n;
    return ERR_OK;
}

/* One marker segment at *at, FF first; *marker 0: that is none. */
static int next_segment(struct file *f, int64_t *at, struct media_ending *out, uint8_t *marker,
                        struct err *err)
{
    size_t n;
    int rc = look(f, *at, &n, err);
    struct rd r = rd_init(f->window, rc < 0 ? 0 : n);
    *marker = 0;
    while (rd_left(&r) > 1 && r.p[0] == 0xff && r.p[1] == 0xff)
        rd_u8(&r); /* fill bytes */
    uint8_t ff = rd_u8(&r), type = rd_u8(&r);
    if (rc < 0 || r.bad || ff != 0xff || type == 0)
        return rc;
    *marker = type;
    *at += r.p - f->window;
    if (type == JPEG_EOI || type == JPEG_SOI || (type >= JPEG_RST0 && type <= JPEG_RST7))
        return rc;
    uint16_t length = rd_be16(&r);
    bool app_or_comment = (type >= 0xe0 && type <= 0xef) || type == 0xfe;
    size_t here = rd_left(&r) < length ? rd_left(&r) : length;
    out->ours |= app_or_comment && memmem(r.p, here, mark, sizeof mark - 1);
    *at += length;
    if (r.bad || length < 2 || *at > f->n)
        *marker = 0;
    return rc;
}

/* Without an EOI the coded data tells: all blocks of all scans are there, and nothing is lost. */
static int has_whole_photo(struct file *f, bool *whole, struct err *err)
{
    struct err unread;
    *whole = false;
    if (f->n > PHOTO_LOOK_BYTES)
        return ERR_OK;
    uint8_t *jpeg = malloc((size_t)f->n);
    struct photo *p = malloc(sizeof *p);
    int rc = jpeg && p ? read_at(f, 0, jpeg, (size_t)f->n, err) : err_nomem(err, "a photo");
    if (rc == ERR_OK) {
        *whole = photo_open(p, jpeg, (size_t)f->n, &unread) == ERR_OK && !p->errors.damaged;
        photo_close(p);
    }
    free(p);
    free(jpeg);
    return rc;
}

static int end_of_jpeg(struct file *f, struct media_ending *out, struct err *err)
{
    uint8_t marker = JPEG_SOI;
    int64_t at = 2;
    int rc = ERR_OK;
    while (rc == ERR_OK && marker != 0 && marker != JPEG_EOI && at < f->n) {
        rc = next_segment(f, &at, out, &marker, err);
        if (rc == ERR_OK && marker == JPEG_SOS)
            rc = find_marker(f, &at, &marker, err);
    }
    bool whole = marker == JPEG_EOI;
    if (rc == ERR_OK && !whole)
        rc = has_whole_photo(f, &whole, err);
    if (rc == ERR_OK && !whole)
        set_cut(out, "ends early, within the JPEG picture");
    return rc;
}

/* ---- MP4 ---- */

/* Whether a box says who made it; its pieces overlap by the length of the mark. */
static int find_mark(struct file *f, int64_t from, int64_t until, bool *found, struct err *err)
{
    size_t n;
    int rc = ERR_OK;
    while (!*found && until - from >= (int64_t)sizeof mark) {
        if ((rc = look(f, from, &n, err)) < 0)
            return rc;
        n = until - from < (int64_t)n ? (size_t)(until - from) : n;
        *found = memmem(f->window, n, mark, sizeof mark - 1);
        from += (int64_t)n - (int64_t)sizeof mark + 1;
    }
    return rc;
}

/* Size of the box at `at`; 0: that is none. */
static int box_size(struct file *f, int64_t at, char type[4], uint64_t *size, struct err *err)
{
    uint8_t head[16];
    int64_t left = f->n - at;
    size_t n = left < (int64_t)sizeof head ? (size_t)left : sizeof head;
    int rc = read_at(f, at, head, n, err);
    struct rd r = rd_init(head, rc < 0 ? 0 : n);
    *size = rd_be32(&r);
    const uint8_t *t = rd_bytes(&r, 4);
    uint64_t head_bytes = 8;
    if (*size == 1) {
        *size = rd_be64(&r);
        head_bytes = 16;
    } else if (*size == 0) { /* up to the end */
        *size = (uint64_t)left;
    }
    if (r.bad || *size < head_bytes)
        *size = 0;
    else
        memcpy(type, t, 4);
    return rc;
}

static int end_of_mp4(struct file *f, struct media_ending *out, struct err *err)
{
    char type[4] = "";
    uint64_t size = 1;
    bool moov = false;
    int64_t at = 0;
    int rc = ERR_OK;
    for (int boxes = 0; rc == ERR_OK && at < f->n && boxes < BOXES_MAX; boxes++) {
        rc = box_size(f, at, type, &size, err);
        if (rc < 0 || size == 0 || size > (uint64_t)(f->n - at))
            break;
        if (memcmp(type, "moov", 4) == 0) {
            moov = true;
            rc = find_mark(f, at, at + (int64_t)size, &out->ours, err);
        }
        at += (int64_t)size;
    }
    if (rc == ERR_OK && at < f->n)
        set_cut(out, "ends early, the last %lld %s no whole box of an MP4",
                SIZE_COUNT(f->n - at, "byte is", "bytes are"));
    else if (rc == ERR_OK && !moov)
        set_cut(out, "ends early, the MP4 has no index (moov)");
    return rc;
}

/* ---- what it is ---- */

static int judge(struct file *f, const uint8_t *data, size_t n, struct media_ending *out,
                 struct err *err)
{
    enum media_container container;
    if (n >= 12 && memcmp(data + 4, "ftyp", 4) == 0)
        return end_of_mp4(f, out, err);
    int rc = sniff_bytes(data, n, &container, err);
    switch (container) {
    case MEDIA_PTMF:
        return end_of_ptmf(f, out, err);
    case MEDIA_JPEG:
        out->photo = true;
        return end_of_jpeg(f, out, err);
    case MEDIA_ANNEXB: /* also without parameter sets: others may lend them */
        out->end = MEDIA_END_UNKNOWN;
        snprintf(out->note, sizeof out->note, "plain H.265 does not tell where it ends");
        return ERR_OK;
    case MEDIA_UNKNOWN:
        break;
    }
    return rc;
}

int media_ending(int fd, int64_t length_bytes, struct media_ending *out, struct err *err)
{
    *out = (struct media_ending){.end = MEDIA_END_WELL};
    if (length_bytes <= 0)
        return err_set(err, ERR_MALFORMED, "the file is empty");
    size_t n = length_bytes < LOOK_BYTES ? (size_t)length_bytes : LOOK_BYTES;
    struct file *f = malloc(sizeof *f);
    uint8_t *data = malloc(n);
    int rc = f && data ? ERR_OK : err_nomem(err, "looking at a file");
    if (rc == ERR_OK) {
        f->fd = fd;
        f->n = length_bytes;
        rc = read_at(f, 0, data, n, err);
    }
    if (rc == ERR_OK)
        rc = judge(f, data, n, out, err);
    free(data);
    free(f);
    return rc;
}
