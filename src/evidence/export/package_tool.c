#include "dashspool/convert.h"
#include "package_internal.h"
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Which program this is, to the bit: more than its version says. */
static int program_sha256(char hex[HASH_HEX_ROOM], struct err *err)
{
    static const char path[] = "/proc/self/exe";
    uint8_t bytes[64 * 1024], digest[HASH_BYTES];
    struct hash *hash = NULL;
    ssize_t n = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_sys(err, "open %s", path);
    int rc = hash_new(&hash, err);
    while (rc == ERR_OK && n > 0) {
        n = read(fd, bytes, sizeof bytes);
        if (n < 0)
            rc = err_sys(err, "read %s", path);
        else
            hash_update(hash, bytes, (size_t)n);
    }
    if (rc == ERR_OK)
        rc = hash_final(hash, digest, err);
    if (rc == ERR_OK)
        hash_hex(digest, hex);
    hash_free(&hash);
    close(fd);
    return rc;
}

static void add_library(void *arg, const char *name, const char *version)
{
    json_object_set_new(arg, name, json_string(version));
}

/* Of the settings, those that shape what is in a package: others may be secret. */
static void add_setting(void *arg, const struct cfg_section *section, const struct cfg_key *key,
                        const char *value, const char *origin)
{
    (void)origin; /* a path of this machine, mostly */
    if (strcmp(section->name, convert_cfg_section.name) == 0)
        json_object_set_new(arg, key->name, json_string(value));
}

static json_t *command_json(const struct export_request *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->n_command; i++)
        json_array_append_new(list, json_string(r->command[i]));
    return list;
}

int package_put_tool(struct package *p, struct err *err)
{
    char sha256[HASH_HEX_ROOM];
    int rc = program_sha256(sha256, err);
    if (rc < 0)
        return rc;
    json_t *libraries = json_object(), *settings = json_object();
    convert_libraries(add_library, libraries);
    if (p->request->cfg)
        cfg_each(p->request->cfg, add_setting, settings);
    json_t *o =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "program", "dashspool", "version",
                  DASHSPOOL_VERSION, "program_sha256", sha256, "compiler", __VERSION__, "libraries",
                  libraries, "settings", settings, "command", command_json(p->request));
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    rc = text ? bag_put(p->bag, BAG_TOOL, text, strlen(text), err)
              : err_set(err, ERR_NOMEM, "no memory for JSON");
    free(text);
    json_decref(o);
    return rc;
}
