/* The page that checks packages in a browser, as bytes in the program: verify.html. */
    .section .rodata
    .balign 16
    .global verify_page_bytes
    .global verify_page_bytes_end
    .type verify_page_bytes, %object
verify_page_bytes:
    .incbin VERIFY_PAGE_FILE
verify_page_bytes_end:
    .byte 0
    .size verify_page_bytes, verify_page_bytes_end - verify_page_bytes
    .section .note.GNU-stack, "", %progbits
