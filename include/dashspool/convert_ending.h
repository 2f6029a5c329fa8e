/*
 * media_ending: what a file of footage is, whether it ends as one does, and whether this program
 * made it; by its structure alone, without a decoder. For whoever takes files while they may still
 * be written: a copy that is under way ends within a record.
 *
 * Pure but for pread(2); the file may be cut, grow or be anything. Thread-safe.
 *
 *   PTMF   the last record is whole, and nothing is behind it
 *   JPEG   an EOI ends the picture (ITU-T T.81, annex B); more may follow
 *   MP4    the boxes fill the file, one of them is moov (ISO/IEC 14496-12, 4.2)
 *   plain H.265 does not tell
 */
#ifndef DASHSPOOL_CONVERT_ENDING_H
#define DASHSPOOL_CONVERT_ENDING_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

enum media_end { MEDIA_END_WELL, MEDIA_END_CUT, MEDIA_END_UNKNOWN };

struct media_ending {
    enum media_end end;
    bool photo;
    bool ours;      /* MP4, JPEG: it says that dashspool made it */
    char note[160]; /* unless it ends well: why */
};

/* Reads what is needed of the first length_bytes of fd. ERR_MALFORMED or ERR_UNSUPPORTED: it is no
 * footage, with what it looks like; ERR_AGAIN: the file has become shorter meanwhile; ERR_IO. */
int media_ending(int fd, int64_t length_bytes, struct media_ending *out,
                 struct err *err) DS_MUST_CHECK;

#endif
