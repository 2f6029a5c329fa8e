/* site, inside. */
#ifndef SITE_INTERNAL_H
#define SITE_INTERNAL_H

struct site;

const char *site_credentials_file(const struct site *site); /* "": none */

#endif
