/*
 * package: evidence packages for the tests of bag: zips made by hand, with whatever lies in
 * them, and what a package was read as. Everything fails the running test on error.
 */
#ifndef TESTS_PACKAGE_H
#define TESTS_PACKAGE_H

#include "dashspool/bag.h"
#include "support/support.h"

/* What the headers of an entry say; 0 is what is right, where there is something right. */
struct package_entry {
    const char *name;
    const char *local_name; /* NULL: the same */
    const void *data;       /* as it lies in the zip */
    size_t n;
    uint32_t size;       /* 0: n */
    uint32_t packed;     /* 0: n */
    uint32_t crc_flip;   /* these bits of the right CRC-32 (of data) are wrong */
    uint32_t crc;        /* not 0: this one instead */
    uint16_t flags;      /* of both headers */
    uint16_t method;     /* 0 stored, 8 deflated */
    uint32_t mode;       /* 0: a regular file */
    uint32_t local_size; /* 0: size */
    const void *extra;   /* of the directory */
    size_t extra_n;
    int descriptor; /* bytes of the descriptor behind the content (0, 12, 16, 20, 24); sets bit 3 */
};

/* The bytes of a zip; buf_clear() them. */
struct buf package_zip(const struct package_entry *entries, size_t n);

/* Deflates n bytes (raw); buf_clear() them. */
struct buf package_deflated(const void *data, size_t n);

/* What was read: "name size sha256\n" for each file that came to its end, in order. */
struct package_seen {
    char top[BAG_READ_NAME_ROOM];
    char text[16384];
    char empty[400]; /* folders that nothing is in: "a b/c " */
    int64_t files, bytes;
    const char *only; /* the only file that is wanted; NULL: all are */
    /* Called at each begin, where there is one. */
    void (*at_begin)(void *arg, const char *name);
    void *arg;
    /* of the file that is read */
    char name[BAG_READ_NAME_ROOM];
    int64_t size, got;
    struct hash *hash;
};

/* Reads path; every callback's order and sizes are checked. limits may be NULL. */
int package_read(const char *path, const struct bag_limits *limits, struct package_seen *seen,
                 struct err *err);

/* The line of a file in package_seen.text. */
const char *package_line(char out[512], const char *name, const void *data, size_t n);

#endif
