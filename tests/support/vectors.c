#include "support/vectors.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vector vectors[100];
size_t n_vectors;

static size_t from_hex(const char *hex, size_t digits, uint8_t *out, size_t room)
{
    assert_true(digits % 2 == 0 && digits / 2 <= room);
    for (size_t i = 0; i < digits / 2; i++) {
        char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'}, *end;
        out[i] = (uint8_t)strtoul(two, &end, 16);
        assert_true(*end == '\0');
    }
    return digits / 2;
}

void vectors_load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/golden/%s", TEST_SOURCE_DIR, name);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    static char line[16384];
    n_vectors = 0;
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '#')
            continue;
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        char *tab2 = strchr(tab + 1, '\t');
        assert_non_null(tab2);
        assert_true(n_vectors < sizeof vectors / sizeof *vectors);
        struct vector *v = &vectors[n_vectors++];
        snprintf(v->name, sizeof v->name, "%.*s", (int)(tab - line), line);
        v->n = from_hex(tab + 1, (size_t)(tab2 - tab - 1), v->data, sizeof v->data);
    }
    fclose(f);
}

const struct vector *vector(const char *name)
{
    for (size_t i = 0; i < n_vectors; i++)
        if (strcmp(vectors[i].name, name) == 0)
            return &vectors[i];
    fail_msg("no vector %s", name);
    return NULL;
}

void vectors_all_known(const char *const *prefixes)
{
    assert_true(n_vectors > 0);
    for (size_t v = 0; v < n_vectors; v++) {
        const char *const *p = prefixes;
        while (*p && strncmp(vectors[v].name, *p, strlen(*p)) != 0)
            p++;
        if (!*p)
            fail_msg("no test looks at vector %s", vectors[v].name);
    }
}
