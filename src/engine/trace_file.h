/*
 * trace_file.h: a trace as a file in Chrome's trace format, which Perfetto and
 * chrome://tracing open; one track a worker with tests, their phases, waits,
 * steals and crashes, one for each lock. The member "comb" of the same file is
 * the record that a replay reads (record.h).
 */
#ifndef COMB_ENGINE_TRACE_FILE_H
#define COMB_ENGINE_TRACE_FILE_H

#include "base/err.h"
#include "base/str.h"
#include "engine/sched.h"
#include "engine/trace.h"

struct trace_run {
	const struct trace *trace;
	const struct sched *sched;
	const struct slice *ids; /* node ids of the collection, any bytes */
	uint32_t id_count;       /* in the mode `each` less than trace->tests */
	uint32_t workers;
	int64_t start_ns;
};

/* Writes it atomically. */
int trace_file_write(const char *path, const struct trace_run *run, struct err *err);

#endif
