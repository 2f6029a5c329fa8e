#define _GNU_SOURCE /* memmem */
/* What stands over a package: signature, certificate, time stamp and its request. They are in no
 * manifest, so each is judged by what it has to be; what has to be there, bag-info.txt claims. */
#include "dashspool/clock.h"
#include "dashspool/seal.h"
#include "verify_internal.h"
#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* ---- what bag-info.txt claims ---- */

bool verify_info(const struct verify *v, enum bag_key key, struct bag_value *out)
{
    const struct buf *info = &v->texts[T_INFO];
    *out = (struct bag_value){NULL, 0};
    return bag_info_next(buf_data(info), info->used, key, out);
}

bool verify_of_this_version(const struct verify *v)
{
    static const char agent[] = "dashspool " DASHSPOOL_VERSION, first[] = "dashspool 0.1.0";
    struct bag_value by;
    return verify_info(v, BAG_SOFTWARE_AGENT, &by) &&
           ((by.n == sizeof agent - 1 && memcmp(by.at, agent, by.n) == 0) ||
            (by.n == sizeof first - 1 && memcmp(by.at, first, by.n) == 0));
}

bool verify_redacted(const struct verify *v)
{
    char full[HASH_HEX_ROOM];
    return bag_info_redacted(buf_data(&v->texts[T_INFO]), v->texts[T_INFO].used, full);
}

static bool value_is(const struct bag_value *value, const char *text)
{
    return value->n == strlen(text) && memcmp(value->at, text, value->n) == 0;
}

/* Packages that were made before there were claims have none. */
static bool has_claims(const struct verify *v)
{
    struct bag_value value;
    return verify_info(v, BAG_SIGNER, &value) || verify_info(v, BAG_STAMP_ASKED, &value);
}

/* Version 0.1.0 claimed nothing. A package is taken for one of its only if all that every later one
 * has, or may have, is missing: who takes the claims away must make the rest anew, too. */
static bool could_be_without_claims(const struct verify *v)
{
    static const char version[] = "0.1.0", agent[] = "dashspool 0.1.0";
    const char *const later[] = {"\"facts\":{",
                                 "\"connections_sha256\":"}; /* what was said of it */
    const struct buf *custody = &v->texts[T_CUSTODY], *tool = &v->texts[T_TOOL];
    struct bag_value by;
    if ((verify_info(v, BAG_SOFTWARE_AGENT, &by) && !value_is(&by, agent)) ||
        verify_find(v, BAG_PAGE))
        return false;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++)
        if (custody->used && memmem(buf_data(custody), custody->used, later[i], strlen(later[i])))
            return false;
    json_t *o = json_loadb((const char *)buf_data(tool), tool->used, 0, NULL);
    const char *is = json_string_value(json_object_get(o, "version"));
    bool could = is && strcmp(is, version) == 0 && !json_object_get(o, "package");
    json_decref(o);
    return could;
}

/* One line that says it, of one of these forms. */
static void judge_claim_line(struct verify *v, enum bag_key key, enum verify_check check,
                             const char *question)
{
    const char *label = bag_info_label(key);
    struct bag_value value;
    char hex[HASH_HEX_ROOM] = "";
    if (!verify_info(v, key, &value)) {
        verify_problem(v, check,
                       "bag-info.txt does not say %s (%s), which every package of its version "
                       "does: that was removed",
                       question, label);
        return;
    }
    if (value.n == sizeof hex - 1)
        memcpy(hex, value.at, value.n);
    if (key == BAG_SIGNER
            ? !value_is(&value, BAG_NO_SIGNER) && strspn(hex, "0123456789abcdef") != sizeof hex - 1
            : !value_is(&value, "yes") && !value_is(&value, "no"))
        verify_problem(v, check, "bag-info.txt: what it says in %s no package has", label);
}

static void judge_claim_lines(struct verify *v)
{
    if (!has_claims(v) && could_be_without_claims(v))
        return;
    judge_claim_line(v, BAG_SIGNER, VERIFY_SIGNATURE, "whether the package was signed");
    judge_claim_line(v, BAG_STAMP_ASKED, VERIFY_STAMP, "whether a time stamp was asked for");
}

static bool claims_signature(const struct verify *v)
{
    struct bag_value value;
    return verify_info(v, BAG_SIGNER, &value) && !value_is(&value, BAG_NO_SIGNER);
}

bool verify_seal_belongs(const struct verify *v, const char *name)
{
    return strcmp(name, BAG_SIGNATURE) == 0 || strcmp(name, BAG_TS_REQUEST) == 0 ||
           strcmp(name, BAG_TS_TOKEN) == 0 ||
           (strcmp(name, BAG_CERTIFICATE) == 0 && (v->have[T_SIGNATURE] || claims_signature(v)));
}

/* What is longer was not kept. */
static bool fits(struct verify *v, enum text which, enum verify_check check)
{
    const struct file *f = verify_find(v, verify_text_names[which]);
    bool good = f && f->bytes <= SEAL_DER_MAX_BYTES;
    if (f && !good)
        verify_problem(v, check, "%s: larger than %d bytes", f->name, SEAL_DER_MAX_BYTES);
    return good;
}

/* "by CN=…; certificate SHA-256 …": whose it is is said, whether that is so the reader must know.
 */
static void describe(const struct seal_signer *signer, const char *remark, char *out, size_t room)
{
    snprintf(out, room, "by %.180s%s; certificate%s SHA-256 %s", signer->subject, remark,
             signer->self_signed ? " (self-signed)" : "", signer->fingerprint);
}

/* ---- time stamp ---- */

#define DAY_US (86400 * INT64_C(1000000)) /* so far may clocks and zones be apart */

/* The request is always the same bytes for the same tag manifest. */
static int judge_query(struct verify *v, struct err *err)
{
    const struct buf *tags = &v->texts[T_TAGS], *query = &v->texts[T_REQUEST];
    struct buf again;
    if (!v->have[T_REQUEST] && has_claims(v))
        verify_problem(v, VERIFY_STAMP, "missing: " BAG_TS_REQUEST);
    if (!v->have[T_REQUEST] || !v->have[T_TAGS] || !fits(v, T_REQUEST, VERIFY_STAMP))
        return ERR_OK;
    buf_init(&again, SEAL_DER_MAX_BYTES);
    int rc = seal_ts_request(buf_data(tags), tags->used, false, &again, err);
    if (rc == ERR_OK &&
        (again.used != query->used || memcmp(buf_data(&again), buf_data(query), query->used) != 0))
        verify_problem(v, VERIFY_STAMP,
                       BAG_TS_REQUEST ": not the request for a time stamp of this package");
    buf_clear(&again);
    return rc;
}

/* By the tag manifest alone: it may have been asked for in another way, and attached later. */
static int judge_stamp(struct verify *v, int64_t *at_us, char *text, size_t room, struct err *err)
{
    struct seal_stamp stamp = {.at_us = 0};
    const struct seal_trust trust = {v->request->ca_path, 0};
    const struct buf *token = &v->texts[T_STAMP], *tags = &v->texts[T_TAGS];
    char at[CLOCK_TEXT_ROOM], whose[500], accuracy[40] = "";
    if (!v->have[T_STAMP] && v->request->require & VERIFY_REQUIRE_STAMP)
        verify_unmet(v, VERIFY_STAMP, "the package has no time stamp");
    if (!v->have[T_STAMP] || !fits(v, T_STAMP, VERIFY_STAMP))
        return ERR_OK;
    int rc = seal_ts_check(&stamp, buf_data(token), token->used, buf_data(tags), tags->used, NULL,
                           0, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0) {
        verify_problem(v, VERIFY_STAMP, BAG_TS_TOKEN ": %s", err->text);
        return ERR_OK;
    }
    if (trust.ca_path && !stamp.trusted)
        verify_unmet(v, VERIFY_STAMP, BAG_TS_TOKEN ": not by an authority of %s: %s", trust.ca_path,
                     stamp.why);
    *at_us = stamp.at_us;
    clock_rfc3339(stamp.at_us, 3, at);
    if (stamp.at_us > clock_utc_us() + DAY_US)
        verify_note(v, VERIFY_STAMP,
                    BAG_TS_TOKEN ": it is of the future, by the clock of this computer");
    if (stamp.accuracy_us > 0)
        snprintf(accuracy, sizeof accuracy, " ±%.6g s", (double)stamp.accuracy_us / 1e6);
    describe(&stamp.authority, "", whose, sizeof whose);
    snprintf(text, room, "%s%s, %s", at, accuracy, whose);
    return ERR_OK;
}

/* ---- signature ---- */

/* The other side is told to use this file, so it must be what it is taken for. */
static int judge_certificate(struct verify *v, struct err *err)
{
    const struct buf *pem = &v->texts[T_CERTIFICATE], *p7s = &v->texts[T_SIGNATURE];
    if (!v->have[T_CERTIFICATE])
        verify_problem(v, VERIFY_SIGNATURE, "missing: " BAG_CERTIFICATE);
    if (!v->have[T_CERTIFICATE] || !fits(v, T_CERTIFICATE, VERIFY_SIGNATURE))
        return ERR_OK;
    int rc = seal_pem_check(buf_data(pem), pem->used, buf_data(p7s), p7s->used, has_claims(v), err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        verify_problem(v, VERIFY_SIGNATURE, BAG_CERTIFICATE ": %s", err->text);
    return ERR_OK;
}

static void judge_claim(struct verify *v, const struct seal_signer *signer)
{
    struct bag_value claimed;
    if (!verify_info(v, BAG_SIGNER, &claimed) || value_is(&claimed, signer->fingerprint))
        return;
    if (value_is(&claimed, BAG_NO_SIGNER))
        verify_problem(v, VERIFY_SIGNATURE,
                       BAG_SIGNATURE ": added later; the package was made without a signature, "
                                     "bag-info.txt says");
    else
        verify_problem(v, VERIFY_SIGNATURE,
                       BAG_SIGNATURE ": by another certificate than bag-info.txt says, SHA-256 "
                                     "%.*s",
                       (int)(claimed.n < 64 ? claimed.n : 64), claimed.at);
}

/* at_us: when the certificate must have been valid. */
static int judge_signature(struct verify *v, int64_t at_us, char *text, size_t room,
                           struct err *err)
{
    struct seal_finding found = {.intact = false};
    const struct seal_trust trust = {v->request->ca_path, at_us};
    const struct buf *p7s = &v->texts[T_SIGNATURE], *tags = &v->texts[T_TAGS];
    if (!v->have[T_SIGNATURE] && claims_signature(v))
        verify_problem(v, VERIFY_SIGNATURE,
                       "missing: " BAG_SIGNATURE "; the package was signed, bag-info.txt says");
    else if (!v->have[T_SIGNATURE] &&
             (trust.ca_path || v->request->require & VERIFY_REQUIRE_SIGNATURE))
        verify_unmet(v, VERIFY_SIGNATURE, "the package is not signed");
    if (!v->have[T_SIGNATURE] || !fits(v, T_SIGNATURE, VERIFY_SIGNATURE))
        return ERR_OK;
    int rc = seal_check(&found, buf_data(p7s), p7s->used, buf_data(tags), tags->used, &trust, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0) {
        verify_problem(v, VERIFY_SIGNATURE, BAG_SIGNATURE ": %s", err->text);
        return ERR_OK;
    }
    if (!found.intact)
        verify_problem(v, VERIFY_SIGNATURE, BAG_SIGNATURE ": %s", found.why);
    else if (trust.ca_path && !found.trusted)
        verify_unmet(v, VERIFY_SIGNATURE, BAG_SIGNATURE ": not by a signer of %s: %s",
                     trust.ca_path, found.why);
    judge_claim(v, &found.signer);
    describe(&found.signer, found.bound || found.trusted ? "" : " (name not verified, use --ca)",
             text, room);
    return judge_certificate(v, err);
}

int verify_seals_judge(struct verify *v, struct seals *out, struct err *err)
{
    int64_t at_us = clock_utc_us();
    *out = (struct seals){"", ""};
    judge_claim_lines(v);
    int rc = judge_query(v, err);
    if (rc == ERR_OK)
        rc = judge_stamp(v, &at_us, out->stamp, sizeof out->stamp, err);
    return rc < 0 ? rc : judge_signature(v, at_us, out->signature, sizeof out->signature, err);
}

/* ---- telling ---- */

static const char *no_signature(const struct verify *v)
{
    if (!has_claims(v))
        return "the package has no signature, and does not say whether it was signed (version "
               "0.1.0 never said so): a signature may have been removed";
    return verify_redacted(v)
               ? "the package is not signed: it could be a full package that someone stripped and "
                 "labelled redacted"
               : "the package is not signed: whoever can change it can make its manifests and its "
                 "custody record anew; only the fingerprint above, noted elsewhere, shows that";
}

static const char *no_stamp(const struct verify *v)
{
    struct bag_value asked;
    if (!has_claims(v))
        return "the package has no time stamp, and does not say whether one was asked for";
    return verify_info(v, BAG_STAMP_ASKED, &asked) && value_is(&asked, "yes")
               ? "the package has no time stamp, although one was asked for: the authority did not "
                 "answer then, or it was removed"
               : "the package has no time stamp";
}

void verify_seals_tell(struct verify *v, const struct seals *seals)
{
    const struct file *tags = verify_find(v, BAG_TAG_MANIFEST);
    const char *expected = v->request->fingerprint;
    char text[200];
    if (tags && expected[0] && strcmp(tags->sha256, expected) != 0)
        verify_unmet(v, VERIFY_FINGERPRINT, "%s, expected %s: this is another package",
                     tags->sha256, expected);
    if (!tags) {
        verify_tell(v, VERIFY_FINGERPRINT, VERIFY_NOT_PRESENT, "no " BAG_TAG_MANIFEST);
    } else {
        snprintf(text, sizeof text, "%s%s", tags->sha256,
                 expected[0]
                     ? ", as expected"
                     : "; compare it with the one that was noted when the package was made");
        if (expected[0])
            verify_result(v, VERIFY_FINGERPRINT, text);
        else
            verify_tell(v, VERIFY_FINGERPRINT, VERIFY_NOT_JUDGED, text);
    }
    if (v->have[T_SIGNATURE] || verify_failed(v, VERIFY_SIGNATURE))
        verify_result(v, VERIFY_SIGNATURE, seals->signature);
    else
        verify_tell(v, VERIFY_SIGNATURE, VERIFY_NOT_PRESENT, no_signature(v));
    if (v->have[T_STAMP] || verify_failed(v, VERIFY_STAMP))
        verify_result(v, VERIFY_STAMP, seals->stamp);
    else
        verify_tell(v, VERIFY_STAMP, VERIFY_NOT_PRESENT, no_stamp(v));
}
