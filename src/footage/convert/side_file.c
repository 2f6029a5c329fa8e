#include "side_file.h"
#include "dashspool/fsx.h"
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct side_file side_file_init(struct err *err)
{
    struct side_file f = {.rc = ERR_OK, .err = err};
    buf_init(&f.text, SIDE_FILE_BYTES_MAX);
    return f;
}

static void add(struct side_file *f, const char *text, size_t n)
{
    if (f->rc == ERR_OK && n > 0)
        f->rc = buf_append(&f->text, text, n, f->err);
}

void side_file_add(struct side_file *f, const char *text)
{
    add(f, text, strlen(text));
}

void side_file_print(struct side_file *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    side_file_add(f, text);
}

void side_file_escaped(struct side_file *f, const char *text)
{
    for (; *text; text++) {
        bool none = strncmp(text, "\xef\xbf\xbe", 3) == 0 || /* U+FFFE */
                    strncmp(text, "\xef\xbf\xbf", 3) == 0;   /* U+FFFF */
        const char *escape = *text == '&'   ? "&amp;"
                             : *text == '<' ? "&lt;"
                             : *text == '>' ? "&gt;"
                             : *text == '"' ? "&quot;"
                             : none         ? "?"
                                            : NULL;
        if (escape)
            side_file_add(f, escape);
        else
            add(f, text, 1);
        text += none ? 2 : 0;
    }
}

int side_file_write(struct side_file *f, const char *path)
{
    int fd = f->rc == ERR_OK ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (f->rc == ERR_OK && fd < 0)
        f->rc = err_sys(f->err, "open %s", path);
    if (f->rc == ERR_OK)
        f->rc = fsx_write_all(fd, buf_data(&f->text), f->text.used, f->err);
    if (fd >= 0 && close(fd) < 0 && f->rc == ERR_OK)
        f->rc = err_sys(f->err, "close %s", path);
    buf_clear(&f->text);
    return f->rc;
}
