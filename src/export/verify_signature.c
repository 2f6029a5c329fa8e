#include "dashspool/seal.h"
#include "verify_internal.h"
#include <stdio.h>

/* Of the tag manifest as it came. */
int verify_signature_judge(struct verify *v, char *text, size_t room, struct err *err)
{
    struct seal_finding found = {.intact = false};
    const struct buf *p7s = &v->texts[T_SIGNATURE], *tags = &v->texts[T_TAGS];
    if (!v->have[T_SIGNATURE])
        return ERR_OK;
    int rc = seal_check(&found, buf_data(p7s), p7s->used, buf_data(tags), tags->used, NULL, err);
    if (rc == ERR_NOMEM)
        return rc;
    if (rc < 0)
        verify_problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", err->text);
    else if (!found.intact)
        verify_problem(v, VERIFY_SIGNATURE, "signature/manifest.p7s: %s", found.why);
    snprintf(text, room, "by %.180s%s; certificate%s SHA-256 %s", found.signer.subject,
             found.bound || found.trusted ? "" : " (a name that nothing proves)",
             found.signer.self_signed ? " (self-signed)" : "", found.signer.fingerprint);
    return ERR_OK;
}

void verify_signature_tell(struct verify *v, const char *text)
{
    if (v->have[T_SIGNATURE])
        verify_tell(v, VERIFY_SIGNATURE, text);
    else
        v->to->told(v->to->arg, VERIFY_SIGNATURE, VERIFY_NOT_PRESENT, "the package is not signed");
}
