/*
 * access: which cameras may hand over files. A file of IMEIs, one a line, "#" begins a comment; it
 * is read at the start and again when asked to. In learn mode a camera that is not in it is added
 * to it, durably, and taken: for the first days of a fleet. A server that has shut itself in
 * (sandbox.h) may write to the file that was there when it began; one put in its place is read, and
 * learned into after the next start.
 */
#ifndef DASHSPOOL_RECEIVE_ACCESS_H
#define DASHSPOOL_RECEIVE_ACCESS_H

#include "dashspool/err.h"
#include <stdbool.h>
#include <stddef.h>

struct access;

/* path "": everybody may. In learn mode a missing file is made. ERR_CONFIG names file and
 * line of what is no IMEI. */
int access_open(struct access **out, const char *path, bool learn, struct err *err) DS_MUST_CHECK;
void access_close(struct access **access);

/* Reads the file again; on failure the list stays as it was. *n (may be NULL): cameras in it. */
int access_reload(struct access *access, size_t *n, struct err *err) DS_MUST_CHECK;

/* ERR_OK: may; *learned tells that it was added just now. ERR_NOTFOUND: may not. Other errors: it
 * could not be added, and may not. */
int access_check(struct access *access, const char *imei, bool *learned,
                 struct err *err) DS_MUST_CHECK;

#endif
