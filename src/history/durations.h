/*
 * durations.h: what comb's engine reads from the history before a run and
 * writes to it after one: how long each test takes, and what setting up the
 * fixtures of a module costs.
 *
 * Lean, for a run of ten thousand short tests must not notice it: no results a
 * test and run are kept, only the moving averages of history_paces(); averages
 * of a test that is and was short stay as they are. A test is known by its node
 * id alone: file, name with parameters, and the how-manieth of that id it is.
 */
#ifndef COMB_HISTORY_DURATIONS_H
#define COMB_HISTORY_DURATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/vec.h"
#include "history/history.h"

/*
 * One collected test, also where it did not run: of tests with one id the
 * second is known by being the second. A crashed one has no duration: only
 * that it crashed is kept.
 */
struct duration {
	const char *id;
	enum outcome outcome;
	double setup_s; /* without fixtures wider than the test's class */
	double call_s, teardown_s;
};

/* The set-up of a fixture as wide as a module, by one worker. */
struct module_setup {
	const char *path; /* of the module whose test needed it */
	const char *fixture;
	double seconds;
};

struct durations {
	VEC(struct duration) tests;
	VEC(struct module_setup) setups;
};

/*
 * Opens history.db for one quick transaction: waits for other processes a
 * moment only, looks for no damage, and leaves the write-ahead log for a later
 * comb to fold in. reading: *history is NULL where there is none, or none of
 * this version; nothing is made. 0, -1, or 1 with *err where the file is
 * damaged: history_open() puts it aside.
 */
int history_open_quickly(struct history **history, const char *folder, bool reading, struct err *err);

/*
 * Expected seconds of each test (setup, call and teardown). One that was never
 * seen gets the 75th percentile of its siblings: of the same function, else
 * file, else folder, else suite. *known: how many were seen; with 0 costs are 0.
 */
int durations_expect(struct history *history, const char *const *ids, size_t count, float *costs_s, size_t *known,
		     struct err *err);

struct module_cost {
	char *path;
	double seconds;
};
struct module_costs {
	VEC(struct module_cost) list;
};
/* What a worker pays for the fixtures of each module that has some. */
int durations_setups(struct history *history, struct module_costs *costs, struct err *err);
void module_costs_release(struct module_costs *costs);
#define cleanup_module_costs __attribute__((cleanup(module_costs_release)))

/* How large a process of this suite may become, from earlier runs; 0: not known. */
int durations_process_bytes(struct history *history, int64_t *bytes, struct err *err);

struct durations_run {
	struct history_run what;
	int exit_code;
	bool green;
	double wall_s;
	size_t collected, failed;
	int64_t process_bytes; /* of the largest process; 0: not known */
};
/*
 * Opens the history of folder, adds a run in one transaction, closes it. A
 * damaged file is put aside and a new one begun, *note says so then.
 */
int durations_write(const char *folder, const struct durations_run *run, const struct durations *durations,
		    struct str *note, struct err *err);

#endif
