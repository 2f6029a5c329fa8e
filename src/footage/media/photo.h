/*
 * photo: a JPEG as DCT coefficients. libjpeg reads them and writes them again without going to
 * pixels in between, so what nobody changes stays the same to the bit. libjpeg's errors jump: they
 * are caught in one place, photo_guard().
 */
#ifndef MEDIA_PHOTO_H
#define MEDIA_PHOTO_H

#include "dashspool/buf.h"
#include <setjmp.h>
#include <stdio.h>
/* libjpeg wants those before it */
#include <jpeglib.h>

/* Bounds on what a photo can ask for. 64 megapixels take 192 MB of coefficients with the usual
 * 4:2:0, 384 MB with 4:4:4. */
#define PHOTO_PIXELS_MAX      (64 * 1000 * 1000)  /* the cameras make 2; phones up to 50 */
#define PHOTO_BYTES_MAX       (256 * 1024 * 1024) /* of the file */
#define PHOTO_SCANS_MAX       100                 /* progressive photos have 10 */

/* What 8-bit samples can give, and the Huffman coder takes (T.81, F.1.2). */
#define PHOTO_COEFFICIENT_MAX 1023

struct photo_errors {
    struct jpeg_error_mgr mgr; /* first: libjpeg's pointer to it is ours */
    jmp_buf jump;
    int code; /* of the error that jumped */
    char text[JMSG_LENGTH_MAX];

    /* the first sign of damage, and where it was */
    bool damaged, ends_early;
    bool no_end; /* the bytes are over before an end (EOI); by itself, nothing is lost */
    char damage[JMSG_LENGTH_MAX];
    int scan, row_px;
    size_t offset;
    long stray_bytes; /* between segments: harmless */
};

struct photo {
    struct jpeg_decompress_struct in;
    struct jpeg_compress_struct out;
    struct jpeg_progress_mgr progress;
    struct jpeg_destination_mgr sink;
    struct photo_errors errors;
    const uint8_t *jpeg;
    size_t n;
    jvirt_barray_ptr *blocks; /* of each component; libjpeg's */
    /* Segments behind the start of the first scan: who shows the photo has decided by then how to
     * turn it, and in which colours. They are not in in.marker_list, nor written. */
    jpeg_saved_marker_ptr late;
    int width_px, height_px;
    int log2_w[3], log2_h[3]; /* how much smaller a component is than luma */

    /* for photo_write() */
    const struct buf *exif;               /* APP1 payload that is put in, or none */
    const struct jpeg_marker_struct *old; /* … the segment that it takes the place of; NULL: new */
    int fd;
    uint8_t block[65536];
    struct err sink_err;
};

/* Reads all coefficients. jpeg is borrowed until photo_close(), which is right after a failure too.
 * A photo that is damaged behind its first rows is a success: see errors.damaged. ERR_MALFORMED,
 * ERR_UNSUPPORTED (CMYK, RGB, 12 bit …), ERR_LIMIT, ERR_NOMEM. */
int photo_open(struct photo *p, const uint8_t *jpeg, size_t n, struct err *err) DS_MUST_CHECK;
void photo_close(struct photo *p);

/* APPn and COM segments of the header in their order: p->in.marker_list. */
bool photo_is_jfif(const struct jpeg_marker_struct *m);
bool photo_is_exif(const struct jpeg_marker_struct *m);

/* Writes the coefficients with the same tables, process and segments. exif (an APP1 payload; used
 * 0: none) takes the place of `old`; NULL: behind JFIF. */
int photo_write(struct photo *p, int fd, const struct buf *exif,
                const struct jpeg_marker_struct *old, struct err *err) DS_MUST_CHECK;

/* Runs a step whose libjpeg calls may jump, and tells what libjpeg said. */
int photo_guard(struct photo *p, void (*step)(struct photo *p, void *arg), void *arg,
                struct err *err) DS_MUST_CHECK;

/* How viewers turn a photo, by its APP1 segments in their order; {0} at the beginning. */
struct photo_turn {
    int first;     /* 1..8; what the photo says first */
    unsigned ways; /* bit n for each orientation n in which it may be seen */
    bool odd, broken;
    int exifs;
};

/* The payload of one. Those that read less strictly, or more, than DC-008 take the orientation in
 * any form: SHORT, LONG, BYTE, several values, twice, in a directory that is cut, in a second
 * block, in XMP alone. late: it stands behind a scan, where hardly anybody looks. broken: an Exif
 * block that cannot be read to its end. */
void photo_turn_segment(struct photo_turn *turn, bool late, const uint8_t *app1, size_t n);

/* True: all viewers agree. */
bool photo_turn_end(struct photo_turn *turn);

#endif
