/*
 * interrupt.h: Ctrl-C and SIGTERM, noticed by whoever waits.
 *
 * The command line installs the handlers once; everything that waits polls
 * interrupt_fd() beside its own descriptors, or asks interrupt_pending()
 * between steps, cleans up, and returns interrupt_error().
 */
#ifndef COMB_BASE_INTERRUPT_H
#define COMB_BASE_INTERRUPT_H

#include <stdbool.h>

#include "base/err.h"

/* SIGINT, SIGTERM, SIGHUP. A second SIGINT does nothing more: clean-up is short. */
int interrupt_install(struct err *err);
/* Readable once a signal came; -1 where none was installed (a library user). Never read it. */
int interrupt_fd(void);
bool interrupt_pending(void);
/* The last one was a key of the terminal (Ctrl-C), which every process of the foreground group got too. */
bool interrupt_from_terminal(void);
/* Returns -1, ERR_INTERRUPTED. */
int interrupt_error(struct err *err);

#endif
