/* What objects are called. */
#include "dashspool/fsx.h"
#include "objects_internal.h"
#include <stdio.h>
#include <string.h>

bool objects_key_ok(const char *key)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789/_.-";
    size_t n = strlen(key);
    return n < OBJECTS_KEY_ROOM && strspn(key, letters) == n && fsx_path_is_inside(key);
}

int objects_key(char out[OBJECTS_KEY_ROOM], const char *folder, const char *sha256,
                const char *suffix, struct err *err)
{
    if (strlen(sha256) != HASH_HEX_ROOM - 1 ||
        strspn(sha256, "0123456789abcdef") != HASH_HEX_ROOM - 1)
        return err_set(err, ERR_MALFORMED, "'%.80s' is no SHA-256", sha256);
    snprintf(out, OBJECTS_KEY_ROOM, "%s/%.2s/%s%s", folder, sha256, sha256, suffix);
    return ERR_OK;
}

void objects_full_key(const struct objects *o, const char *key, char out[OBJECTS_KEY_ROOM + 202])
{
    const char *prefix = site_prefix(o->site);
    snprintf(out, OBJECTS_KEY_ROOM + 202, "%s%s%s", prefix, prefix[0] ? "/" : "", key);
}
