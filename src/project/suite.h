/*
 * suite.h: run a project's pytest suite and read back what every test did.
 *
 * suite_run() starts the project's interpreter with pytest, comb's observing
 * plugin (pytest_comb.observe, through PYTHONPATH and -p; nothing is installed
 * there) and the options asked for. The plugin writes one record file; tests
 * are known by their index in collection order, never by node id, for ids can
 * be equal. What was collected and has no outcome is TEST_NOT_RUN: a run that
 * has such tests is never green, whatever its summary says.
 */
#ifndef COMB_PROJECT_SUITE_H
#define COMB_PROJECT_SUITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "project/project.h"
#include "project/touch.h"

enum outcome {
	TEST_NOT_RUN,
	TEST_PASSED,
	TEST_FAILED,  /* the call failed */
	TEST_ERROR,   /* setup or teardown failed */
	TEST_SKIPPED,
	TEST_XFAILED,
	TEST_XPASSED,
	TEST_CRASHED, /* its process ended in it */
};
const char *outcome_name(enum outcome outcome); /* "passed", … */
int outcome_parse(const char *name, enum outcome *outcome); /* 0, or -1 when name is none */
bool outcome_is_good(enum outcome outcome);     /* passed, skipped, xfailed, xpassed (not strict) */

/* What a test reached outside its own process and its own temporary folder. */
struct touch {
	enum touch_kind kind;
	char phase;      /* 's'etup, 'c'all, 't'eardown, 'i'mport */
	size_t test;     /* index; SIZE_MAX for collection and import */
	char *what;      /* bytes of a path need not be UTF-8 */
	char *file;      /* the Python line that did it, relative to the root; NULL unknown */
	int line;
	char *fixture;   /* the fixture, wider than a function, whose set-up did it; NULL: the test itself */
};

/* The set-up of a fixture that is wider than a function: paid by one test, used by several. */
struct fixture_setup {
	char *name;
	char *scope;     /* "class", "module", "package", "session" */
	char *base;      /* node id of the folder, file or class below which it can be used; "" for plugins' */
	size_t test;     /* for which it was set up; SIZE_MAX unknown */
	double seconds;  /* its own, without the fixtures it needs */
};

struct test {
	char *id;        /* node id, as pytest prints it */
	char *path;      /* file relative to the root; of the module, also for inherited tests */
	char *kind;      /* "function", or the type of another item: "DoctestItem" */
	char *module_class; /* "TestA::TestB" or NULL */
	char *function;  /* name without parameters; NULL for items that are no functions */
	char *source_path; /* where the function stands (differs for inherited and made tests); NULL unknown */
	int source_line; /* 1-based line of its first decorator, or of its def; 0 unknown */
	bool in_source;  /* Python says that a plain def of this name stands there */
	struct strings bases; /* "path::Outer.Inner" of each class whose marks it inherits, itself first */
	struct strings marks;    /* names of all marks in force */
	struct strings fixtures; /* closure of fixture names */
	struct strings requested; /* of these, what it asks for itself, directly or through others: no autouse */
	char *widest_scope; /* of these, where the project defines them: "function", "class", "module", "package", "session" */
	struct strings barred; /* of unit, integration, slow: marks that would change whether the project's own -m selects it */
	char *group;     /* xdist_group in force, or NULL */

	enum outcome outcome;
	double setup_s, call_s, teardown_s;
	int worker;      /* n of gwN; -1 in a serial run */
	int order;       /* nth test that its process ran; -1 not run */
	char *failure;   /* text of the failure, or why it did not run to its end, hostile; NULL */
};

struct collect_error {
	char *path;
	char *text; /* hostile */
	int line;   /* 0 unknown */
};

enum suite_engine { ENGINE_SERIAL, ENGINE_XDIST, ENGINE_COMB };

struct suite_options {
	enum suite_engine engine;
	int workers;             /* for the parallel engines */
	const char *dist;        /* "load", "loadscope", "loadgroup", "worksteal", …; NULL: the engine's default */
	const char *markers;     /* -m expression, or NULL */
	bool all_workers;        /* of comb's engine: at once, also where they share processors and only compute */
	bool collect_only;
	bool whole;              /* also the tests that -m of the project's own addopts leaves out; with markers NULL */
	bool footprint;          /* record touches by the audit hook */
	bool plain;              /* no observing plugin: for honest timing */
	bool outcomes_only;      /* of comb's engine: ids, outcomes and durations, told by the controller at its end; workers
				    are left alone. With another engine (or none, as after -n0) as without it */
	bool interactive;        /* pytest talks to the person itself, see below */
	bool output_to_stderr;   /* interactive: its stdout too goes to our stderr */
	bool keep_addopts;       /* false: -n, --dist and --comb of the project's own addopts are overridden */
	uint64_t shuffle_seed;   /* 0: the suite's own order; else modules, classes and tests shuffled */
	const size_t *order;     /* run these tests only, in this order, by index; NULL: all */
	size_t order_count;      /* 0 with an order: none is run */
	double timeout_s;        /* whole run; 0: none */
	const struct strings *arguments; /* more for pytest, such as paths and node ids */
	const struct strings *env;       /* as proc_options.env */
	void (*on_progress)(void *context, size_t done, size_t total, const char *running);
	void *on_progress_context;
};

struct suite_run {
	VEC(struct test) tests;
	VEC(struct touch) touches;
	VEC(struct fixture_setup) fixture_setups;
	VEC(struct collect_error) collect_errors;
	struct strings markers; /* names that are registered, in the configuration or by plugins */
	int exit_code;     /* pytest's; -1 killed */
	int signal;        /* that killed it; 0 */
	bool timed_out;
	bool cut_short;    /* pytest's session began and did not come to its end, whatever the exit code says */
	bool watched;      /* touches were asked for: none means none */
	double wall_s;     /* process start to end */
	double cpu_s;      /* of pytest and the processes it waited for */
	int64_t max_rss_bytes; /* of the largest of them */
	double collect_s;
	struct str output; /* pytest's own, stdout and stderr, hostile */
};
#define SUITE_RUN_INIT { .exit_code = -1 }

/*
 * 0 when pytest ran and its record could be read, whatever the outcomes; -1
 * with ERR_ENVIRONMENT or ERR_INPUT where it could not start (usage error, a
 * broken conftest: names file and line), ERR_INTERRUPTED (then too *run says how
 * far it came). *run is released first.
 *
 * Interactive: as `cd PROJECT && pytest` on our own terminal (proc.h,
 * foreground), in the project's folder that was given and with the user's own
 * cache and order of tests. output stays empty, and that pytest did not start
 * is no error: it said why, see exit_code.
 */
int suite_run(const struct project *project, const struct suite_options *options, struct suite_run *run,
	      struct err *err);
/* What *from was and did in a run (outcome, times, place, failure) becomes what *to did; both describe one test. */
void test_move_result(struct test *to, struct test *from);
void suite_run_release(struct suite_run *run);
#define cleanup_suite_run __attribute__((cleanup(suite_run_release)))

/*
 * For each test of b the index of the same test in a, or SIZE_MAX: the nth test with an id is the nth with it
 * there. Parameters may be named differently in any two runs (an address, the order of a set): what is left then of
 * a function is matched in its order, where it is the same number of tests in both. Indexes differ between runs when
 * files, selection or arguments do. The caller frees; NULL: no memory.
 */
size_t *suite_match(const struct suite_run *a, const struct suite_run *b);
/* Whether two node ids differ in their parameters at most. */
bool suite_same_function(const char *a, const char *b);

/* The first file that run could not collect and the other run could, or did not meet; NULL: none. Lives with run. */
const char *suite_broken_only(const struct suite_run *run, const struct suite_run *other);

struct suite_counts {
	size_t collected, ran, passed, failed, skipped, other; /* failed: failed + error + crashed */
};
struct suite_counts suite_count(const struct suite_run *run);
/* Exit code 0, no failure, no collect error and nothing collected left out. */
bool suite_is_green(const struct suite_run *run);

#endif
