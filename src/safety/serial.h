/*
 * serial.h: run chosen tests in a chosen order, one after another in one process of their own.
 *
 * By forks of a process that has collected once (engine/probe_server.h) where
 * that is possible, and by whole pytest runs where not; what the tests do is
 * the same. The first run finds out which, and says so to the sink.
 */
#ifndef COMB_SAFETY_SERIAL_H
#define COMB_SAFETY_SERIAL_H

#include "base/sink.h"
#include "engine/probe_server.h"
#include "project/suite.h"

struct serial {
	const struct project *project; /* these three are borrowed */
	const struct suite_run *base; /* index means the index there */
	const struct progress_sink *sink;
	struct probe_server *server; /* NULL until the first run, and where whole runs are needed */
	size_t *there; /* a test's index in the server */
	bool whole_runs; /* the suite cannot be served */
	size_t forked, started; /* runs by fork, and by a pytest of their own */
};
#define SERIAL_INIT                                                                                                    \
	{                                                                                                              \
		.project = NULL                                                                                        \
	}

/*
 * *run gets base->tests.len tests by their index in the base: outcome,
 * durations, order, failure, and nothing that describes them. One that was not
 * asked for is TEST_NOT_RUN. timeout_s 0: none; a time limit is no error.
 */
int serial_run(struct serial *self, const size_t *order, size_t count, double timeout_s, struct suite_run *run,
	       struct err *err);
void serial_release(struct serial *self);
#define cleanup_serial __attribute__((cleanup(serial_release)))

#endif
