/*
 * probe_server.h: run tests of a project in chosen orders, each sequence in a fresh process, without starting pytest anew.
 *
 * One pytest process of the project collects once (python/pytest_comb/probes.py;
 * nothing is installed there) and stays single-threaded. For each sequence it
 * forks a process that runs these tests, by index and in that order, as a
 * serial pytest run with that selection would: fixtures of every scope are torn
 * down where the next test does not need them, the temporary folder is its own.
 * What a sequence leaves in memory dies with its process.
 *
 *     probe_server_open(&server, project, NULL, err)       once; collects
 *     probe_server_submit(server, tests, count, 60, &id, err)
 *     probe_server_wait(server, &answer, err)              for each submitted, in the order in which they end
 *     probe_answer_release(&answer)
 *     probe_server_close(server)
 *
 * Several sequences may run at the same time; they share whatever is outside
 * their processes (files, ports), so evidence about one wants it alone.
 *
 * A suite cannot be served where the collection leaves what a fork cannot share:
 * threads, sockets, SQLite databases, processes. Then, and when the server ends
 * before its time, calls return -1 with ERR_ENVIRONMENT and the reason: do the
 * same with suite_run(). Nothing is left behind, even when comb is killed.
 */
#ifndef COMB_ENGINE_PROBE_SERVER_H
#define COMB_ENGINE_PROBE_SERVER_H

#include "base/err.h"
#include "project/suite.h"

struct probe_server;

struct probe_server_options {
	const struct strings *arguments; /* more for pytest; NULL: none */
	double start_timeout_s;          /* for import and collection; 0: 600 */
};

/* ERR_ENVIRONMENT: this suite cannot be served, and why. ERR_INTERRUPTED. options may be NULL. */
int probe_server_open(struct probe_server **server, const struct project *project,
		      const struct probe_server_options *options, struct err *err);
/* The tests as collected; nothing has run in it. An index of a sequence is one here. */
const struct suite_run *probe_server_suite(const struct probe_server *server);

/* timeout_s 0: none. *id is what the answer will bear. ERR_INPUT: an index that is none. */
int probe_server_submit(struct probe_server *server, const size_t *tests, size_t count, double timeout_s, uint64_t *id,
			struct err *err);
/* Sequences submitted whose answer was not taken yet. */
size_t probe_server_pending(const struct probe_server *server);

struct probe_answer {
	uint64_t id;
	/*
	 * By the index of the suite, and no longer than the highest one that ran: outcome, durations, order, worker (-1)
	 * and failure; no ids, nothing of the source. timed_out, exit_code, signal and wall_s are the process's.
	 */
	struct suite_run run;
};
#define PROBE_ANSWER_INIT { .run = SUITE_RUN_INIT }
void probe_answer_release(struct probe_answer *answer);
#define cleanup_probe_answer __attribute__((cleanup(probe_answer_release)))

/* Waits for the next sequence to end. *answer is released first. Nothing pending is ERR_INTERNAL. */
int probe_server_wait(struct probe_server *server, struct probe_answer *answer, struct err *err);
/* Ends sequences that run, lets pytest finish its session, removes the folder. Safe on NULL. */
void probe_server_close(struct probe_server *server);

#endif
