#include "dashspool/clock.h"
#include "dashspool/fsx.h"
#include "dir.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sweep_claim(struct dir *spool, const char *name, int *given_back, struct err *err)
{
    int lock = -1;
    int rc = spool_lock_job(spool, SPOOL_CUR, name, &lock, err);
    if (rc < 0)
        return spool_pass_over(spool, SPOOL_CUR, name, false, err); /* its worker may live */
    if (lock < 0)
        return rc; /* its worker lives, or it is gone */
    if ((rc = spool_give_back(spool, name, "its worker died", err)) == ERR_OK)
        ++*given_back;
    else
        rc = spool_pass_over(spool, SPOOL_CUR, name, true, err);
    close(lock);
    return rc;
}

/* Age by the last change of its entries, which unlike the inode's change time stays put when a
 * back-up or an administrator touches the rest. */
static int sweep_tmp(struct dir *spool, const char *name, struct err *err)
{
    char *path = NULL;
    struct stat st;
    int rc = spool_path(spool, SPOOL_TMP, name, &path, err);
    if (rc == ERR_OK && lstat(path, &st) == 0 &&
        st.st_mtim.tv_sec < clock_utc_us() / 1000000 - SPOOL_TMP_AGE_S)
        rc = fsx_remove_tree(path, err);
    if (rc < 0 && path)
        rc = spool_pass_over(spool, SPOOL_TMP, name, false, err);
    free(path);
    return rc;
}

/* One directory that cannot be swept does not keep the others from it; the first error is told. */
int dir_sweep(struct spool *s, int *given_back, struct err *err)
{
    struct dir *spool = dir_of(s);
    static const enum spool_state swept[] = {SPOOL_CUR, SPOOL_TMP};
    struct buf names;
    struct err later;
    int rc = ERR_OK;
    buf_init(&names, SPOOL_LIST_BYTES_MAX);
    for (int k = 0; k < 2; k++) {
        int listed = spool_list(spool, swept[k], &names, rc < 0 ? &later : err);
        rc = rc < 0 ? rc : listed;
        for (size_t i = 0; i < spool_list_count(&names); i++) {
            struct spool_entry e;
            struct err *why = rc < 0 ? &later : err;
            memcpy(&e, buf_data(&names) + i * sizeof e, sizeof e);
            int one = spool_is_aside(spool, &e) ? ERR_OK
                      : swept[k] == SPOOL_CUR   ? sweep_claim(spool, e.name, given_back, why)
                                                : sweep_tmp(spool, e.name, why);
            rc = rc < 0 ? rc : one;
        }
    }
    buf_clear(&names);
    return rc;
}
