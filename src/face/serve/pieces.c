/* Pieces of markup that many pages have. */
#include "serve_internal.h"

void frame_icon(struct web_page *h, const char *name)
{
    web_print(h,
              "<svg class=\"i\" aria-hidden=\"true\"><use href=\"/assets/icons.svg#i-%s\"/></svg>",
              name);
}

void frame_script(struct web_page *h, const char *name)
{
    web_print(h, "<script type=\"module\" src=\"/assets/%s\"></script>\n", name);
}

void frame_void(struct web_page *h, const char *icon, const char *title, const char *text)
{
    web_put(h, "<div class=\"void\">");
    frame_icon(h, icon);
    web_print(h, "<p><b>%s</b><br>%s</p>\n<p class=\"row\">", title, text);
}

void frame_void_end(struct web_page *h)
{
    web_put(h, "</p></div>\n");
}

/* It leads back to the page that it is on, unless it has a field "to". */
void frame_action(struct web_page *h, const struct web_ask *ask, const char *what)
{
    web_print(h,
              "<input type=\"hidden\" name=\"csrf\" value=\"%s\">"
              "<input type=\"hidden\" name=\"do\" value=\"%s\">",
              ask->csrf, what);
}
