#include "dashspool/clock.h"
#include "dashspool/seal.h"
#include "export/redaction.h"
#include "verify_internal.h"
#include <stdio.h>

/* "by CN=…; certificate SHA-256 …": whose it is is said, whether that is so the reader must know.
 */
static void describe(const struct seal_signer *signer, const char *remark, char *out, size_t room)
{
    snprintf(out, room, "by %.180s%s; certificate%s SHA-256 %s", signer->subject, remark,
             signer->self_signed ? " (self-signed)" : "", signer->fingerprint);
}

/* at_us: when the certificate must have been valid. */
static int judge_signature(struct verify *v, int64_t at_us, char *text, size_t room,
                           struct err *err)
{
    struct seal_finding found = {.intact = false};
    const struct seal_trust trust = {v->request->ca_path, at_us};
    const struct buf *p7s = &v->texts[T_SIGNATURE], *tags = &v->texts[T_TAGS];
    if (!v->have[T_SIGNATURE] && trust.ca_path)
        verify_problem(v, VERIFY_SIGNATURE, "the package is not signed");
    if (!v->have[T_SIGNATURE])
        return ERR_OK;
    int rc = seal_check(&found, buf_data(p7s), p7s->used, buf_data(tags), tags->used, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        verify_problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", err->text);
    else if (!found.intact || (trust.ca_path && !found.trusted))
        verify_problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", found.why);
    describe(&found.signer, found.bound || found.trusted ? "" : " (name not verified, use --ca)",
             text, room);
    return ERR_OK;
}

static int judge_stamp(struct verify *v, int64_t *at_us, char *text, size_t room, struct err *err)
{
    struct seal_stamp stamp = {.at_us = 0};
    const struct seal_trust trust = {v->request->ca_path, 0};
    const struct buf *token = &v->texts[T_STAMP], *tags = &v->texts[T_TAGS],
                     *query = &v->texts[T_REQUEST];
    char at[CLOCK_TEXT_ROOM], whose[500], accuracy[40] = "";
    if (!v->have[T_STAMP])
        return ERR_OK;
    int rc = seal_ts_check(&stamp, buf_data(token), token->used, buf_data(tags), tags->used,
                           v->have[T_REQUEST] ? buf_data(query) : NULL, query->used, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0) {
        verify_problem(v, VERIFY_STAMP, "signature/token.tsr: %s", err->text);
        return ERR_OK;
    }
    if (trust.ca_path && !stamp.trusted)
        verify_problem(v, VERIFY_STAMP, "signature/token.tsr: %s", stamp.why);
    *at_us = stamp.at_us;
    clock_rfc3339(stamp.at_us, 3, at);
    if (stamp.accuracy_us > 0)
        snprintf(accuracy, sizeof accuracy, " ±%.6g s", (double)stamp.accuracy_us / 1e6);
    describe(&stamp.authority, "", whose, sizeof whose);
    snprintf(text, room, "%s%s, %s", at, accuracy, whose);
    return ERR_OK;
}

int verify_seals_judge(struct verify *v, struct verify_seals *out, struct err *err)
{
    int64_t at_us = clock_utc_us();
    int rc = judge_stamp(v, &at_us, out->stamp, sizeof out->stamp, err);
    return rc < 0 ? rc : judge_signature(v, at_us, out->signature, sizeof out->signature, err);
}

void verify_seals_tell(struct verify *v, const struct verify_seals *seals)
{
    char full[HASH_HEX_ROOM];
    if (v->have[T_SIGNATURE] || v->problems[VERIFY_SIGNATURE] > 0)
        verify_result(v, VERIFY_SIGNATURE, seals->signature);
    else
        v->to->told(v->to->arg, VERIFY_SIGNATURE, VERIFY_NOT_PRESENT,
                    redaction_declared(buf_data(&v->texts[T_INFO]), v->texts[T_INFO].used, full)
                        ? "the package is not signed: it could be a full package that someone "
                          "stripped and labelled redacted"
                        : "the package is not signed");
    if (v->have[T_STAMP])
        verify_result(v, VERIFY_STAMP, seals->stamp);
    else
        v->to->told(v->to->arg, VERIFY_STAMP, VERIFY_NOT_PRESENT, "the package has no time stamp");
}
