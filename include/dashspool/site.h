/*
 * site: one store that many machines share, `[site]`: rows, custody and jobs in PostgreSQL, bytes
 * in an S3 store.
 *
 * Without it this machine is alone, and everything is in ROOT. With it ROOT is this node's own: in
 * flight files, scratch. Who opens a store asks site_used() once and takes its engine by that; who
 * uses the store does not ask.
 *
 * Reads the settings, the environment and the file of credentials; opens no connection, and knows
 * neither libpq nor curl: `database` is a text for the former. What is given out is borrowed until
 * site_free(). Set once before there are threads, then only read.
 */
#ifndef DASHSPOOL_SITE_H
#define DASHSPOOL_SITE_H

#include "dashspool/cfg.h"
#include "dashspool/err.h"
#include <stdbool.h>
#include <stdint.h>

extern const struct cfg_section site_cfg_section;

struct site;

/* *out is the caller's (site_free); NULL: this machine alone. ERR_CONFIG with "file:line". */
int site_load(struct site **out, const struct cfg *cfg, struct err *err) DS_MUST_CHECK;
void site_free(struct site **site);

/* Of the whole process, before its stores are opened; it stays the caller's, who takes it back with
 * NULL. */
void site_use(const struct site *site);
const struct site *site_used(void); /* NULL: this machine alone */

/* Whether what changed may change while this runs: nothing may. ERR_CONFIG names the first key.
 * old may be NULL. */
int site_try(const struct cfg *cfg, const struct cfg *old, struct err *err) DS_MUST_CHECK;

/* What PQconnectdb() takes, without a password; to be shown, too. */
const char *site_database(const struct site *site);
const char *site_schema(const struct site *site); /* [a-z_][a-z0-9_]*: needs no quotes */

/* s3://BUCKET/PREFIX: the bucket, and "" or "a/b", of [a-z0-9/_.-]. */
const char *site_bucket(const struct site *site);
const char *site_prefix(const struct site *site);
const char *site_endpoint(const struct site *site); /* "https://HOST:PORT"; "": AWS of the region */
const char *site_region(const struct site *site);
const char *site_ca_file(const struct site *site); /* "": the system's */

/* This machine's name among the others: [A-Za-z0-9._-]. */
const char *site_node(const struct site *site);

/* Whether a camera is acknowledged already when its file is on this node's disk. */
bool site_ack_is_local(const struct site *site);
int64_t site_ack_wait_ms(const struct site *site);

/* What may wait on this node for the site. */
int64_t site_staged_bytes(const struct site *site);
int64_t site_staged_age_ms(const struct site *site);

/* How long a job is its worker's without a sign of life. */
int64_t site_lease_ms(const struct site *site);

/* The files that who connects to either reads, for a sandbox: passwords, certificates. A list that
 * ends with NULL; borrowed. NULL: site is. */
const char *const *site_reads(const struct site *site);

/* ---- who we are to the S3 store ---- */

struct site_keys {
    char id[256], secret[256];
    char token[4096]; /* of a session; "": none */
};

/* Those of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), else of
 * the file `credentials`, read anew. ERR_NOTFOUND: neither is set; the instance that this runs on
 * may have some. ERR_CONFIG, ERR_IO: what is wrong with them. Never in a log, never in argv. */
int site_keys(const struct site *site, struct site_keys *out, struct err *err) DS_MUST_CHECK;

#endif
