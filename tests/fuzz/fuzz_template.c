/* Whatever a person types as a template, it is refused or gives lines of UTF-8 that fit. */
#include "footage/convert/osd.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const value[] = {"a", "{", "\\", "",  "€", "f", "\n", "h",
                                        "i", "j", "k",  "l", "m", "n", "o"};
    _Static_assert(sizeof value / sizeof *value == TEMPLATE_N_FIELDS, "a value for each field");
    struct err err;
    struct template t;
    char out[OSD_LINES][OSD_LINE_ROOM], *text = malloc(n + 1);
    if (!text)
        return 0;
    if (n > 0)
        memcpy(text, data, n);
    text[n] = '\0';
    if (template_compile(&t, text, &err) == ERR_OK) {
        template_format(&t, value, out);
        for (int i = 0; i < OSD_LINES; i++)
            if (!memchr(out[i], '\0', OSD_LINE_ROOM) || strpbrk(out[i], "\n\r\x1b"))
                abort();
    }
    free(text);
    return 0;
}
