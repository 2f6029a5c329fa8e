#include "package_internal.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int package_put_tool(struct package *p, struct err *err)
{
    json_t *o = json_pack("{s:s, s:s, s:s}", "program", "dashspool", "version", DASHSPOOL_VERSION,
                          "compiler", __VERSION__);
    char *text = o ? json_dumps(o, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    int rc = text ? bag_put(p->bag, "data/tool.json", text, strlen(text), err)
                  : err_set(err, ERR_NOMEM, "no memory for JSON");
    free(text);
    json_decref(o);
    return rc;
}
