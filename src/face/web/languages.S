/* The catalogues of po/LINGUAS, compiled by msgfmt: languages.h, which the build makes, has a line LANGUAGE(de) each. */
#include "dashspool/bytes.h"

#define LANGUAGE(code) bytes language_##code, code.mo
#include "languages.h"
