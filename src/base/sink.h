/*
 * sink.h: how long work tells a person what goes on.
 *
 * Whoever works calls through struct progress_sink; whoever talks to the person
 * fills it in (report/terminal.h). All texts may be hostile; the sink escapes
 * them. A NULL sink, or a NULL member, drops what it would have got: call
 * through the functions below.
 */
#ifndef COMB_BASE_SINK_H
#define COMB_BASE_SINK_H

#include <stddef.h>

struct progress_sink {
	void (*step)(void *context, const char *text);                            /* what runs now */
	void (*progress)(void *context, size_t done, size_t total, const char *running);
	void (*note)(void *context, const char *text);                            /* one line that stays */
	void *context;
};

static inline void sink_step(const struct progress_sink *sink, const char *text)
{
	if (sink && sink->step)
		sink->step(sink->context, text);
}

/* total 0: not known. running may be NULL. */
static inline void sink_progress(const struct progress_sink *sink, size_t done, size_t total, const char *running)
{
	if (sink && sink->progress)
		sink->progress(sink->context, done, total, running);
}

static inline void sink_note(const struct progress_sink *sink, const char *text)
{
	if (sink && sink->note)
		sink->note(sink->context, text);
}

/* The same, formatted. Out of memory drops the text. */
void sink_stepf(const struct progress_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sink_notef(const struct progress_sink *sink, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
