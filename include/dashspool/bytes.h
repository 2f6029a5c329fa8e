/*
 * bytes: files as bytes in the program, of a room's .S file:
 *
 *     #include "dashspool/bytes.h"
 *         bytes report_style, style.css
 *
 * The file is looked for where CMakeLists.txt says (-I). In C its bytes are from report_style to
 * report_style_end, where a zero stands, so that a text is one:
 *
 *     extern const char report_style[], report_style_end[];
 */
#ifndef DASHSPOOL_BYTES_H
#define DASHSPOOL_BYTES_H

#ifdef __ASSEMBLER__
/* clang-format off */
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

    .section .note.GNU-stack, "", %progbits
    .section .rodata
/* clang-format on */
#endif

#endif
