/*
 * sql: looks into the databases of a store, past the modules under test, and changes them.
 * Everything fails the running test on error.
 */
#ifndef TESTS_SQL_H
#define TESTS_SQL_H

#include <stdint.h>

/* Runs statements on the database at path, one after the other, each up to its first row. The first
 * column of the last row that there was; -1: there was none. */
int64_t sql_run(const char *path, const char *text);

/* The same; they must change something. */
void sql_change(const char *path, const char *text);

/* Writes to it, and neither commits nor closes: in a child that ends by itself. */
void sql_hold(const char *path);

#endif
