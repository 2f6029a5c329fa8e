#include "dashspool/sandbox.h"
#include "dashspool/fsx.h"
#include "dashspool/log.h"
#include "serve_internal.h"
#include <stdlib.h>

enum { FILES = 3 };

/* /proc/locks: who works at a job, as a status tells. */
int serve_guard(const char *root, struct err *err)
{
    static const char *const files[FILES] = {"catalogue.db", "catalogue.db-wal",
                                             "catalogue.db-shm"};
    const char *const dirs[] = {root, NULL};
    char *file[FILES + 1] = {NULL};
    struct sandbox_report report;
    int rc = ERR_OK;
    for (size_t i = 0; rc == ERR_OK && i < FILES; i++)
        rc = fsx_path(&file[i], err, "%s/%s", root, files[i]);
    struct sandbox_rules rules = {.kind = SANDBOX_SERVER,
                                  .read = {"/proc/locks"},
                                  .read_dirs = dirs,
                                  .write_files = (const char *const *)file};
    if (rc == ERR_OK)
        rc = sandbox_enter(&rules, &report, err);
    if (rc == ERR_OK && report.missing[0])
        log_warn("serve", "sandbox incomplete", LOG_TEXT("reason", report.missing));
    for (size_t i = 0; i < FILES; i++)
        free(file[i]);
    return rc;
}
