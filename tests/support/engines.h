/*
 * engines: a site for a test, on the engines that tests/site/engines has started. Its environment
 * names them; a test that needs them and is run without is skipped (exit status 77, which
 * `tests/run site` does not let pass).
 */
#ifndef TESTS_ENGINES_H
#define TESTS_ENGINES_H

#include <stdbool.h>

/* For tests that are run on either engine of a door: ctest's site/NAME, which has
 * DASHSPOOL_TEST_ENGINE=site in its environment, is NAME on a site. */
bool engines_wanted(void);

/* A site that is empty: a schema and a prefix of its own. site_used() is this from now on. */
void engines_use_site(void);

/* The same where it is wanted; else this machine is alone. For set_up(). */
void engines_begin(void);

/* For tear_down(): this machine is alone again. The schema is gone with all that is in it. */
void engines_end(void);

/* So much time goes by that nobody who was not heard of has a job any more; where this machine is
 * alone, nothing happens. */
void engines_lose_leases(void);

/* Runs SQL in the schema of the site; the first value of its first row, as a number. */
long long engines_sql(const char *sql);

/* [site] of that site for a node, as a text of pipeline.d; in a static buffer. more: lines of the
 * section, "". */
const char *engines_settings(const char *node, const char *more);

#endif
