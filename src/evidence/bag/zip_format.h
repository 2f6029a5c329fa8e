/* zip_format: the numbers of APPNOTE.TXT 6.3.10 that writing and reading share. Internal. */
#ifndef ARCHIVE_ZIP_FORMAT_H
#define ARCHIVE_ZIP_FORMAT_H

enum {
    ZIP_LOCAL = 0x04034b50,      /* 4.3.7 */
    ZIP_DESCRIPTOR = 0x08074b50, /* 4.3.9 */
    ZIP_CENTRAL = 0x02014b50,    /* 4.3.12 */
    ZIP_END64 = 0x06064b50,      /* 4.3.14 */
    ZIP_END64_AT = 0x07064b50,   /* 4.3.15 */
    ZIP_END = 0x06054b50,        /* 4.3.16 */
    ZIP_LOCAL_BYTES = 30,        /* without name and extra fields */
    ZIP_CENTRAL_BYTES = 46,      /* without name, extra fields and comment */
    ZIP_END64_BYTES = 56,
    ZIP_END64_AT_BYTES = 20,
    ZIP_END_BYTES = 22,           /* without comment */
    ZIP_EXTRA_64 = 0x0001,        /* 4.5.3: what does not fit into 32 bits */
    ZIP_EXTRA_UNICODE = 0x7075,   /* 4.6.9: another name */
    ZIP_FLAG_ENCRYPTED = 1 << 0,  /* 4.4.4, also those that follow */
    ZIP_FLAG_DESCRIPTOR = 1 << 3, /* sizes and CRC-32 come behind the content */
    ZIP_FLAG_STRONG = 1 << 6,
    ZIP_FLAG_UTF8 = 1 << 11,
    ZIP_FLAG_MASKED = 1 << 13, /* the directory is encrypted */
    ZIP_STORED = 0,            /* 4.4.5 */
    ZIP_DEFLATED = 8,
};

#define ZIP_MAX16 0xffffu     /* "see the Zip64 record" */
#define ZIP_MAX32 0xffffffffu /* … extra field */

#endif
