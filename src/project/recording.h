/*
 * recording.h: read the record that watched pytest processes write, while they
 * write it or afterwards.
 *
 * A record is a folder with one file PID.jsonl for each process, controller
 * and workers alike. Each line is an object (record_line.h) with an "event":
 *
 *   begin          format, pid, worker ("gw0"; null: controller or serial)
 *   item           test (index in collection order), id, path, kind, class, bases, marks, fixtures, requested,
 *                  scope, barred, group, function, source_path, source_line, in_source; written by one process only
 *   session        pytest's session began
 *   collected      count, duration_ns, markers (names that are registered), ids (by the controller of comb's engine)
 *   collect_error  path, line, text
 *   start          test
 *   report         test, when ("setup", "call", "teardown"), outcome, xfail, part (of a test: a subtest),
 *                  duration_ns, text
 *   finish         test, reason (null, or the exception that ended the session in it)
 *   result         test, id, outcome (an enum outcome), setup_ns, call_ns, teardown_ns: all about a test in one
 *                  line, by the controller of comb's engine (suite_options.outcomes_only)
 *   touch          test (-1: collection), phase, kind, what, file, line, fixture
 *   fixture        test, name, scope, base, duration_ns: one wider than a function was set up
 *   lost           worker, text: the controller lost a worker
 *   end            exit: pytest's session has come to its end; without it the process was killed
 *
 * A line is read once it is whole; what follows the last newline of a killed
 * process is left out. Unknown events are skipped, so that a record may grow.
 */
#ifndef COMB_PROJECT_RECORDING_H
#define COMB_PROJECT_RECORDING_H

#include "project/record_line.h"
#include "project/suite.h"

struct record_file {
	char *path;
	size_t offset;     /* read so far */
	struct str rest;   /* of an unfinished line */
	char *worker;      /* NULL: controller or serial */
	bool began, in_session, ended, collected;
	size_t current;    /* test that started and did not finish; SIZE_MAX */
	int started;       /* tests so far */
	size_t count;      /* collected */
};

/* One test while reports about it come in. */
struct attempt {
	bool setup_bad, call_bad, teardown_bad;
	enum outcome outcome; /* of setup and call; TEST_NOT_RUN until they reported */
};

struct recording {
	char *dir;
	VEC(struct record_file) files;
	VEC(struct attempt) attempts; /* one a test */
	struct strings lost_workers;
	size_t finished;              /* tests */
	size_t running;               /* test started last; SIZE_MAX */
	size_t expected;              /* tests, as far as known */
	bool bare;                    /* tests are described elsewhere: indexes will do; set after recording_open() */
};
#define RECORDING_INIT { .running = SIZE_MAX }

/* dir: the record's folder; it may still be empty. */
int recording_open(struct recording *recording, const char *dir, struct err *err);
/* Reads what has been written since the last call into *run. A line that is no record is ERR_INTERNAL. */
int recording_poll(struct recording *recording, struct suite_run *run, struct err *err);
/*
 * All processes have ended: decides what became of tests without an outcome.
 * timed_out: the run was stopped from outside, so a test it was in did not crash.
 */
int recording_finish(struct recording *recording, struct suite_run *run, bool timed_out, struct err *err);
/* True once any process has begun: pytest got as far as loading the plugin. */
bool recording_began(const struct recording *recording);
void recording_release(struct recording *recording);
#define cleanup_recording __attribute__((cleanup(recording_release)))

#endif
