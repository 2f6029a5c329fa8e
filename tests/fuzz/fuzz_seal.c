/* Hostile signatures and time stamps: one that holds for some content holds for no other, and what
 * is refused has a reason. */
#include "dashspool/seal.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool holds(const uint8_t *data, size_t n, const char *content)
{
    struct seal_finding f;
    struct seal_stamp s;
    struct err err = {0};
    size_t length = strlen(content);
    bool intact = false;
    if (seal_check(&f, data, n, content, length, NULL, &err) == ERR_OK) {
        intact = f.intact;
        if (intact == (f.why[0] != '\0'))
            abort();
    } else if (!err.text[0]) {
        abort();
    }
    err.text[0] = '\0';
    int rc = seal_ts_check(&s, data, n, content, length, NULL, 0, NULL, &err);
    if (rc < 0 && !err.text[0])
        abort();
    return intact || rc == ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (holds(data, n, "manifest\n") && holds(data, n, "other\n"))
        abort();
    return 0;
}
