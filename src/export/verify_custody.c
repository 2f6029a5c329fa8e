#include "dashspool/custody.h"
#include "verify_internal.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* A master's hash in the manifest is that of its event "stored", and of "reindexed". */
static void judge_master(struct verify *v, const char *line, size_t n)
{
    const char *id = NULL, *event = NULL, *sha256 = NULL;
    size_t n_files;
    json_t *json = json_loadb(line, n, 0, NULL);
    const struct file *all = verify_files(v, &n_files);
    if (json_unpack(json, "{s:s, s:s, s:{s:s}}", "id", &id, "event", &event, "what", "sha256",
                    &sha256) == 0 &&
        (strcmp(event, "stored") == 0 || strcmp(event, "reindexed") == 0)) {
        char begins[CUSTODY_ID_ROOM + 16];
        bool there = false;
        snprintf(begins, sizeof begins, "data/master/%s.", id);
        for (size_t i = 0; i < n_files; i++)
            there = there || (strncmp(all[i].name, begins, strlen(begins)) == 0 &&
                              strcmp(all[i].sha256, sha256) == 0);
        if (!there)
            verify_problem(v, VERIFY_CUSTODY,
                           "%s: no file in data/master/ has the SHA-256 of receipt, %s", id,
                           sha256);
    }
    json_decref(json);
}

void verify_custody_judge(struct verify *v)
{
    const struct buf *b = &v->texts[T_CUSTODY];
    const char *at = (const char *)buf_data(b), *end = at + b->used;
    struct custody_chain chain = {.n = 0};
    struct err err;
    int64_t lines = 0, transfers = 0;
    char text[100];
    if (!v->have[T_CUSTODY]) {
        v->to->told(v->to->arg, VERIFY_CUSTODY, VERIFY_NOT_PRESENT, "no data/custody.jsonl");
        return;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline ? newline : end) - at);
        if (!newline)
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl ends within a line");
        if (custody_next(&chain, at, n, &err) < 0) {
            verify_problem(v, VERIFY_CUSTODY, "data/custody.jsonl, line %" PRId64 ": %s", lines + 1,
                           err.text);
            break;
        }
        judge_master(v, at, n);
        lines++;
        transfers += chain.n == 1;
        at += n + 1;
    }
    snprintf(text, sizeof text, "%" PRId64 " events of %" PRId64 " transfers, unbroken", lines,
             transfers);
    verify_tell(v, VERIFY_CUSTODY, text);
}
