/* sandbox, inside. */
#ifndef CORE_SANDBOX_INTERNAL_H
#define CORE_SANDBOX_INTERNAL_H

#include "dashspool/sandbox.h"

/* The sanitizers reserve terabytes, and call what they please. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* sandbox_calls.c: refuses all system calls but those that this kind of process needs. */
int sandbox_filter(enum sandbox_kind kind, struct err *err) DS_MUST_CHECK;

#endif
