/* The page's style and the world's outlines (map/LICENSE) as bytes in the program. */
    .section .rodata
    .global report_style
    .global report_style_end
    .type report_style, %object
report_style:
    .incbin "style.css"
report_style_end:
    .byte 0
    .size report_style, report_style_end - report_style
    .global report_world
    .global report_world_end
    .type report_world, %object
report_world:
    .incbin "map/world.bin"
report_world_end:
    .byte 0
    .size report_world, report_world_end - report_world
    .section .note.GNU-stack, "", %progbits
