/* The page's style and the fonts of the printed report
 * (font/LICENSE; cjk.ttc: WenQuanYi Micro Hei, Apache-2.0, see CMakeLists.txt) as bytes in the
 * program. */
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
    bytes report_style, style.css
    bytes report_sans, font/DejaVuSans.ttf
    bytes report_bold, font/DejaVuSans-Bold.ttf
    bytes report_mono, font/DejaVuSansMono.ttf
    bytes report_cjk, cjk.ttc
    .section .note.GNU-stack, "", %progbits
