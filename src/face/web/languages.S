/* The catalogues of po/LINGUAS, compiled by msgfmt: languages.h, which the build makes, has a line LANGUAGE(de) each. */
    .macro bytes name file
    .balign 16
    .global \name
    .global \name\()_end
    .type \name, %object
\name:
    .incbin "\file"
\name\()_end:
    .byte 0
    .size \name, \name\()_end - \name
    .endm

    .section .rodata
#define LANGUAGE(code) bytes language_##code, code.mo
#include "languages.h"
    .section .note.GNU-stack, "", %progbits
