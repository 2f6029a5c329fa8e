/* master, inside: row.c has a row as facts, which facts.c writes as JSON and record.c into the
 * custody; witness.c asks each source what it knows, upon which check.c compares, and mends. */
#ifndef MASTER_INTERNAL_H
#define MASTER_INTERNAL_H

#include "dashspool/buf.h"
#include "dashspool/master.h"

/* What the row says of it, to be compared with what its bytes say. */
struct wire_facts facts_of_row(const struct catalogue_transfer *t);
struct wire_bytes facts_bytes(const struct catalogue_wire *w);

/* Decoded facts of metadata into the row's columns. */
void facts_to_row(const struct wire_facts *f, struct catalogue_transfer *t);

/* ---- witnesses ---- */

enum fact {
    ID,
    SOURCE,
    STATE,
    DAY,
    ARRIVED,
    COMPLETED,
    LENGTH,
    SHA256,
    INIT,
    META,
    START,
    PATH,
    PEER,
    CONNECTIONS,
    PACKETS,
    CRC_ERRORS,
    RESUMES,
    BYTES_LOST,
    DUPLICATES,
    FIRST_PACKET,
    LIST, /* of the connections */
    DECODED,
    N_FACTS = DECODED + WIRE_N_FACTS
};

struct witness {
    char who[40];
    bool knows[N_FACTS];
    char says[N_FACTS][WIRE_FACT_ROOM];
};
enum { ROW, BYTES, RAW, CUSTODY, N_WITNESSES };

/* ---- a copy, a protection, as the custody has it ---- */

struct noted_copy {
    char path[512], kind[16], sha256[HASH_HEX_ROOM], settings_sha256[HASH_HEX_ROOM];
    char made[CLOCK_TEXT_ROOM], tool[64];
    bool met; /* there is a row of it */
};

struct noted_protection {
    char reason[CATALOGUE_REASON_ROOM], who[128], since[CLOCK_TEXT_ROOM];
    bool met; /* there is a row of it */
};

struct check {
    struct catalogue *c;
    struct raw *raw;
    struct catalogue_transfer t;
    struct witness w[N_WITNESSES];
    const char *name[N_FACTS];
    bool sealed;
    struct catalogue_transfer master; /* what was sealed with it */
    struct buf told;                  /* 'd' or 'n', then a text with its NUL */

    /* of the custody */
    int64_t lines;
    struct custody_chain chain;
    bool gap;    /* they do not follow one another: their reader tells, nobody believes the rest */
    int decoder; /* that made its facts; 0: it has none */
    bool reindexed, deleted, of_file;
    char path[FACTS_PATH_ROOM], modified[CLOCK_TEXT_ROOM], ending[160];
    bool ends_well;
    struct buf copies, protections;
};

void check_init(struct check *k, struct catalogue *c, struct raw *raw);
void check_clear(struct check *k);

int check_tell(struct check *k, bool note, struct err *err, const char *fmt, ...)
    DS_PRINTF(4, 5) DS_MUST_CHECK;

/* What the custody says of the copy at this path; NULL: nothing. */
struct noted_copy *check_find_copy(struct check *k, const char *path);

/* Each asks one witness of the row k->t. That a master is not there, or cannot be read, is none of
 * their errors: its reader tells. ask_bytes() comes after ask_raw(). */
int ask_row(struct check *k, struct err *err) DS_MUST_CHECK;
int ask_raw(struct check *k, struct err *err) DS_MUST_CHECK;
int ask_custody(struct check *k, struct err *err) DS_MUST_CHECK;
void ask_bytes(struct check *k);

#endif
