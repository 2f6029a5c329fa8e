/* The overlay's font as bytes in the program: font/DejaVuSansMono-Bold.ttf (font/LICENSE). */
    .section .rodata
    .balign 16
    .global convert_font
    .global convert_font_end
    .type convert_font, %object
convert_font:
    .incbin CONVERT_FONT_FILE
convert_font_end:
    .byte 0
    .size convert_font, convert_font_end - convert_font
    .section .note.GNU-stack, "", %progbits
