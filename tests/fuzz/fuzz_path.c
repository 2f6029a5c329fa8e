/* A camera's path, and a stranger's first bytes: what is printed is printable and fits, and the
 * words are ours. The first byte chooses the room. */
#include "dashspool/wire.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool good)
{
    if (!good)
        abort();
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char *const cameras[] = {"front", "rear", "driver", "road", "other", NULL};
    static const char *const kinds[] = {"video", "photo", NULL};
    char camera[8], kind[8], text[8 + 255];
    if (n < 1 || n > 1 + WIRE_PATH_BYTES_MAX)
        return 0;
    size_t room = 8 + data[0];
    const uint8_t *path = data + 1;
    wire_path_words(path, n - 1, NULL, camera, kind);
    must(is_one_of(camera, cameras) && is_one_of(kind, kinds));
    must(wire_path_text(path, n - 1, text, room) == text && strlen(text) < room);
    for (const char *p = text; *p; p++)
        must(*p > ' ' && *p < 0x7f);
    wire_foreign_protocol(path, n - 1);
    return 0;
}
