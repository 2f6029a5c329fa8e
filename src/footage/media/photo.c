#define _GNU_SOURCE /* memmem */
#include "photo.h"
#include "dashspool/fsx.h"
#include "dashspool/reader.h"
#include <jerror.h>
#include <string.h>

static struct photo_errors *errors_of(j_common_ptr c)
{
    return (struct photo_errors *)(void *)c->err;
}

static int code_of(int message)
{
    switch (message) {
    case JERR_OUT_OF_MEMORY:
        return ERR_NOMEM;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_ARITH_NOTIMPL:
    case JERR_NOT_COMPILED:
        return ERR_UNSUPPORTED;
    case JERR_IMAGE_TOO_BIG:
        return ERR_LIMIT;
    default:
        return ERR_MALFORMED;
    }
}

static _Noreturn void on_error(j_common_ptr c)
{
    struct photo_errors *e = errors_of(c);
    e->code = code_of(e->mgr.msg_code);
    e->mgr.format_message(c, e->text);
    longjmp(e->jump, 1);
}

/* The first sign of it, here. */
static void set_damage(struct photo_errors *e, const struct photo *p)
{
    e->damaged = true;
    e->ends_early = e->no_end;
    if (e->no_end)
        snprintf(e->damage, sizeof e->damage, "it ends early");
    e->scan = p->in.input_scan_number;
    e->row_px = (int)p->in.input_iMCU_row * p->in.max_v_samp_factor * DCTSIZE;
    if (e->row_px > (int)p->in.image_height)
        e->row_px = (int)p->in.image_height;
    e->offset = e->ends_early ? p->n : p->n - p->in.src->bytes_in_buffer;
}

/* Level -1 is a warning. The first that means damage is kept, with its place. */
static void on_message(j_common_ptr c, int level)
{
    struct photo_errors *e = errors_of(c);
    if (level >= 0)
        return;
    e->mgr.num_warnings++;
    if (e->mgr.msg_code == JWRN_EXTRANEOUS_DATA)
        e->stray_bytes += e->mgr.msg_parm.i[0];
    if (e->mgr.msg_code == JWRN_EXTRANEOUS_DATA || e->mgr.msg_code == JWRN_ADOBE_XFORM ||
        e->mgr.msg_code == JWRN_JFIF_MAJOR || e->damaged || !c->is_decompressor)
        return;
    if (e->mgr.msg_code == JWRN_JPEG_EOF) {
        e->no_end = true; /* whether blocks are missing shows when they are asked for */
        return;
    }
    set_damage(e, c->client_data);
    if (!e->ends_early)
        e->mgr.format_message(c, e->damage);
}

static void on_progress(j_common_ptr c)
{
    const struct photo *p = c->client_data;
    if (c->is_decompressor && p->in.input_scan_number > PHOTO_SCANS_MAX) {
        struct photo_errors *e = errors_of(c);
        e->code = ERR_LIMIT;
        snprintf(e->text, sizeof e->text, "more than %d scans", PHOTO_SCANS_MAX);
        longjmp(e->jump, 1);
    }
}

int photo_guard(struct photo *p, void (*step)(struct photo *, void *), void *arg, struct err *err)
{
    if (setjmp(p->errors.jump) == 0) {
        step(p, arg);
        return ERR_OK;
    }
    if (p->sink_err.code) {
        *err = p->sink_err;
        return err->code;
    }
    return err_set(err, p->errors.code, "the JPEG is %s: %s",
                   p->errors.code == ERR_MALFORMED ? "broken" : "not supported", p->errors.text);
}

static void read_header(struct photo *p, void *arg)
{
    (void)arg;
    jpeg_create_decompress(&p->in);
    p->in.client_data = p;
    p->in.progress = &p->progress;
    for (int i = 0; i < 16; i++)
        jpeg_save_markers(&p->in, JPEG_APP0 + i, 0xffff);
    jpeg_save_markers(&p->in, JPEG_COM, 0xffff);
    jpeg_mem_src(&p->in, p->jpeg, (unsigned long)p->n);
    jpeg_read_header(&p->in, TRUE);
}

static int log2_exact(int of, int part)
{
    for (int log2 = 0; log2 <= 2; log2++)
        if (part << log2 == of)
            return log2;
    return -1;
}

static int check_header(struct photo *p, struct err *err)
{
    J_COLOR_SPACE space = p->in.jpeg_color_space;
    p->width_px = (int)p->in.image_width;
    p->height_px = (int)p->in.image_height;
    if (space != JCS_YCbCr && space != JCS_GRAYSCALE)
        return err_set(err, ERR_UNSUPPORTED, "a JPEG in %s; only YCbCr and grey are supported",
                       space == JCS_RGB                         ? "RGB"
                       : space == JCS_CMYK || space == JCS_YCCK ? "CMYK"
                                                                : "unknown colours");
    /* Luma has all pixels, both chroma planes are smaller by the same powers of two. A single
     * component is one plane whatever its factors say. */
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        p->log2_w[k] = log2_exact(p->in.max_h_samp_factor, c->h_samp_factor);
        p->log2_h[k] = log2_exact(p->in.max_v_samp_factor, c->v_samp_factor);
    }
    if (!(p->log2_w[0] == 0 && p->log2_h[0] == 0 && p->log2_w[1] >= 0 && p->log2_h[1] >= 0 &&
          p->log2_w[1] == p->log2_w[2] && p->log2_h[1] == p->log2_h[2]))
        return err_set(err, ERR_UNSUPPORTED, "a JPEG with unusual chroma subsampling");
    if (p->width_px > PHOTO_PIXELS_MAX / p->height_px)
        return err_set(err, ERR_LIMIT, "a JPEG of %dx%d; at most %d million pixels are supported",
                       p->width_px, p->height_px, PHOTO_PIXELS_MAX / 1000000);
    return ERR_OK;
}

/* No EOI, and no scan that is cut: are all scans there? A progressive photo has each coefficient's
 * last bit (T.81, G.1.1), a sequential one each component. Of arithmetic coding libjpeg does not
 * tell that bytes were missing. */
static bool has_all_scans(const struct photo *p)
{
    const struct jpeg_decompress_struct *in = &p->in;
    for (int k = 0; k < in->num_components; k++) {
        if (!in->comp_info[k].quant_table)
            return false;
        for (int i = 0; in->progressive_mode && i < DCTSIZE2; i++)
            if (!in->coef_bits || in->coef_bits[k][i] != 0)
                return false;
    }
    return !in->arith_code;
}

static void read_blocks(struct photo *p, void *arg)
{
    (void)arg;
    size_t of_header = 0;
    for (const struct jpeg_marker_struct *m = p->in.marker_list; m; m = m->next)
        of_header++;
    p->blocks = jpeg_read_coefficients(&p->in);
    jpeg_saved_marker_ptr *at = &p->in.marker_list;
    for (; of_header > 0; of_header--)
        at = &(*at)->next;
    p->late = *at;
    *at = NULL;
    if (p->errors.no_end && !p->errors.damaged && !has_all_scans(p))
        set_damage(&p->errors, p);
}

typedef bool row_fn(JBLOCKROW row, JDIMENSION n_blocks);

/* All coefficients, row by row, until fn() returns false. */
static bool each_row(struct photo *p, row_fn *fn)
{
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *c = &p->in.comp_info[k];
        for (JDIMENSION y = 0; y < c->height_in_blocks; y++) {
            JBLOCKROW row =
                p->in.mem->access_virt_barray((j_common_ptr)&p->in, p->blocks[k], y, 1, TRUE)[0];
            if (!fn(row, c->width_in_blocks))
                return false;
        }
    }
    return true;
}

/* A DC of -1024 is legal: black at the finest quantisation. */
static bool clamp_row(JBLOCKROW row, JDIMENSION n_blocks)
{
    for (JDIMENSION x = 0; x < n_blocks; x++)
        for (int i = 0; i < DCTSIZE2; i++) {
            int least = i == 0 ? -PHOTO_COEFFICIENT_MAX - 1 : -PHOTO_COEFFICIENT_MAX;
            JCOEF *at = &row[x][i];
            *at = *at > PHOTO_COEFFICIENT_MAX ? PHOTO_COEFFICIENT_MAX
                  : *at < least               ? (JCOEF)least
                                              : *at;
        }
    return true;
}

/* What a damaged photo decodes to can be more than the coder takes. */
static void clamp_blocks(struct photo *p, void *arg)
{
    (void)arg;
    each_row(p, clamp_row);
}

/* Without a branch inside, so that the compiler takes many at a time. */
static bool row_fits(JBLOCKROW row, JDIMENSION n_blocks)
{
    bool beyond = false;
    for (JDIMENSION x = 0; x < n_blocks; x++)
        for (int i = 0; i < DCTSIZE2; i++)
            beyond |= row[x][i] > PHOTO_COEFFICIENT_MAX || row[x][i] < -PHOTO_COEFFICIENT_MAX;
    return !beyond;
}

int photo_open(struct photo *p, const uint8_t *jpeg, size_t n, struct err *err)
{
    *p = (struct photo){.jpeg = jpeg, .n = n, .progress.progress_monitor = on_progress};
    p->in.err = p->out.err = jpeg_std_error(&p->errors.mgr);
    p->errors.mgr.error_exit = on_error;
    p->errors.mgr.emit_message = on_message;
    if (n > PHOTO_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "a JPEG of %zu MB; at most %d are supported", n >> 20,
                       PHOTO_BYTES_MAX >> 20);
    p->in.client_data = p; /* jpeg_create_decompress() keeps both */
    int rc = photo_guard(p, read_header, NULL, err);
    if (rc == ERR_OK && (rc = check_header(p, err)) == ERR_OK)
        rc = photo_guard(p, read_blocks, NULL, err);
    const struct photo_errors *e = &p->errors;
    if (rc == ERR_OK && e->ends_early && e->scan <= 1 && e->row_px == 0)
        return err_set(err, ERR_MALFORMED, "the JPEG is broken: it ends before its first row");
    /* damage that happens to decode is not told by a message */
    return rc == ERR_OK && (e->damaged || !each_row(p, row_fits))
               ? photo_guard(p, clamp_blocks, NULL, err)
               : rc;
}

void photo_close(struct photo *p)
{
    jpeg_destroy_compress(&p->out);
    jpeg_destroy_decompress(&p->in);
}

static bool has_tag(const struct jpeg_marker_struct *m, int marker, const char *tag, size_t n)
{
    return m->marker == marker && m->data_length >= n && memcmp(m->data, tag, n) == 0;
}

bool photo_is_jfif(const struct jpeg_marker_struct *m)
{
    return has_tag(m, JPEG_APP0, "JFIF", 5);
}

bool photo_is_exif(const struct jpeg_marker_struct *m)
{
    return has_tag(m, JPEG_APP0 + 1, "Exif\0", 6);
}

static void sink_start(j_compress_ptr c)
{
    struct photo *p = c->client_data;
    p->sink.next_output_byte = p->block;
    p->sink.free_in_buffer = sizeof p->block;
}

static void sink_flush(struct photo *p, size_t n)
{
    if (fsx_write_all(p->fd, p->block, n, &p->sink_err) < 0)
        longjmp(p->errors.jump, 1);
}

static boolean sink_full(j_compress_ptr c)
{
    struct photo *p = c->client_data;
    sink_flush(p, sizeof p->block); /* libjpeg: all of it, whatever free_in_buffer says */
    sink_start(c);
    return TRUE;
}

static void sink_end(j_compress_ptr c)
{
    struct photo *p = c->client_data;
    sink_flush(p, sizeof p->block - p->sink.free_in_buffer);
}

static void write_exif(struct photo *p)
{
    if (p->exif->used > 0)
        jpeg_write_marker(&p->out, JPEG_APP0 + 1, buf_data(p->exif), (unsigned)p->exif->used);
}

static bool same_table(const JHUFF_TBL *a, const JHUFF_TBL *b)
{
    return a && b && memcmp(a->bits, b->bits, sizeof a->bits) == 0 &&
           memcmp(a->huffval, b->huffval, sizeof a->huffval) == 0;
}

/* Whether the master has the usual Huffman tables (T.81, K.3), which `out` has been given, for luma
 * and chroma: they have a code for everything that 8-bit samples can give. */
static bool has_usual_codes(struct photo *p)
{
    for (int k = 0; k < p->in.num_components; k++) {
        const jpeg_component_info *in = &p->in.comp_info[k], *out = &p->out.comp_info[k];
        if (!in->quant_table) /* no scan has named it: its tables were never chosen */
            continue;
        if (!same_table(p->in.dc_huff_tbl_ptrs[in->dc_tbl_no],
                        p->out.dc_huff_tbl_ptrs[out->dc_tbl_no]) ||
            !same_table(p->in.ac_huff_tbl_ptrs[in->ac_tbl_no],
                        p->out.ac_huff_tbl_ptrs[out->ac_tbl_no]))
            return false;
    }
    return each_row(p, row_fits);
}

/* JFIF and Adobe are among the segments. */
static void write_all(struct photo *p, void *arg)
{
    (void)arg;
    jpeg_create_compress(&p->out);
    p->out.client_data = p;
    p->sink = (struct jpeg_destination_mgr){.init_destination = sink_start,
                                            .empty_output_buffer = sink_full,
                                            .term_destination = sink_end};
    p->out.dest = &p->sink;
    jpeg_copy_critical_parameters(&p->in, &p->out);
    p->out.write_JFIF_header = p->out.write_Adobe_marker = FALSE;
    /* Any other tables may lack codes for the overlay: better ones are made, which takes another
     * pass over the photo. The usual ones stay, as the cameras have them. */
    p->out.arith_code = p->in.arith_code;
    p->out.optimize_coding = !p->in.arith_code && (p->in.progressive_mode || !has_usual_codes(p));
    p->out.restart_interval = p->in.restart_interval;
    if (p->in.progressive_mode)
        jpeg_simple_progression(&p->out);
    jpeg_write_coefficients(&p->out, p->blocks);
    const struct jpeg_marker_struct *m = p->in.marker_list;
    bool written = p->old != NULL;
    if (!written && !(m && photo_is_jfif(m))) {
        write_exif(p);
        written = true;
    }
    for (; m; m = m->next) {
        if (m == p->old)
            write_exif(p);
        else
            jpeg_write_marker(&p->out, m->marker, m->data, m->data_length);
        if (!written)
            write_exif(p);
        written = true;
    }
    jpeg_finish_compress(&p->out);
}

int photo_write(struct photo *p, int fd, const struct buf *exif,
                const struct jpeg_marker_struct *old, struct err *err)
{
    p->fd = fd;
    p->exif = exif;
    p->old = old;
    return photo_guard(p, write_all, NULL, err);
}

/* ---- how it is turned ---- */

#define XMP_NAME "http://ns.adobe.com/xap/1.0/"

static uint32_t number(struct rd *r, bool big, size_t n)
{
    return (uint32_t)(big ? rd_be(r, n) : rd_le(r, n));
}

/* A TIFF block (CIPA DC-008-2019, 4.5 and 4.6; TIFF 6.0, section 2); returns what it says first, or
 * 0. *plain: it says exactly one, as DC-008 has it, or none. */
static int exif_says(struct photo_turn *t, const uint8_t *tiff, size_t n, bool *plain)
{
    struct rd r = rd_init(tiff, n), ifd = r;
    const uint8_t *order = rd_bytes(&r, 2);
    bool big = order && order[0] == 'M';
    int first = 0, found = 0;
    bool head = order && (memcmp(order, "II", 2) == 0 || memcmp(order, "MM", 2) == 0);
    head = number(&r, big, 2) == 42 && head;
    rd_bytes(&ifd, number(&r, big, 4));
    uint32_t entries = number(&ifd, big, 2);
    *plain = true;
    for (uint32_t i = 0; !r.bad && !ifd.bad && i < entries; i++) {
        uint32_t tag = number(&ifd, big, 2), type = number(&ifd, big, 2);
        uint32_t count = number(&ifd, big, 4);
        const uint8_t *field = rd_bytes(&ifd, 4);
        if (!field || tag != 0x0112)
            continue;
        struct rd value = rd_init(field, 4);
        size_t bytes = type == 1 || type == 2 || type == 6 || type == 7     ? 1
                       : type == 4 || type == 9 || type == 11 || type == 13 ? 4
                                                                            : 2;
        uint32_t v = number(&value, big, bytes);
        if (v >= 1 && v <= 8) {
            t->ways |= 1u << v;
            first = first ? first : (int)v;
        }
        *plain = *plain && type == 3 && count == 1 && found++ == 0;
    }
    t->broken = t->broken || !head || r.bad || ifd.bad;
    *plain = *plain && !r.bad && !ifd.bad;
    return first;
}

/* tiff:Orientation="6", or as an element (XMP specification part 1, 7.5 and 8.4); 0: none. */
static int xmp_says(const uint8_t *data, size_t n)
{
    static const char key[] = "tiff:Orientation";
    const uint8_t *at = memmem(data, n, key, strlen(key)), *end = data + n;
    for (at = at ? at + strlen(key) : end; at < end && memchr(" \t\r\n=\"'>", *at, 8); at++)
        ;
    return at < end && *at >= '1' && *at <= '8' ? *at - '0' : 0;
}

void photo_turn_segment(struct photo_turn *t, bool late, const uint8_t *app1, size_t n)
{
    static const char exif[] = "Exif\0";
    int says = 0;
    if (n >= sizeof exif && memcmp(app1, exif, sizeof exif) == 0) {
        bool plain;
        says = exif_says(t, app1 + sizeof exif, n - sizeof exif, &plain);
        t->odd = t->odd || (!late && (!plain || (t->exifs++ > 0 && says)));
    } else if (n > sizeof XMP_NAME && memcmp(app1, XMP_NAME, sizeof XMP_NAME) == 0 &&
               (says = xmp_says(app1, n)) != 0) {
        t->odd = t->odd || t->first == 0; /* many look into Exif alone */
        t->ways |= 1u << says;
    }
    t->odd = t->odd || (late && says);
    t->first = t->first || late ? t->first : says;
}

bool photo_turn_end(struct photo_turn *t)
{
    t->first = t->first ? t->first : 1;
    if (t->odd || !t->ways) /* who does not read it shows it as it is stored */
        t->ways |= 1u << 1;
    return (t->ways & (t->ways - 1)) == 0;
}
