/*
 * board.h: the shared memory in which controller, zygote and workers meet.
 *
 * One anonymous memory file, mapped before the first fork, so that every
 * process of a run has it at the same address; it needs no name and no space in
 * /dev/shm, and is gone with the last process. It holds the scheduler behind a
 * robust mutex (a process that dies with it leaves the scheduler recoverable),
 * a slot for each process (ring 0 is the zygote's, ring 1 + n worker n's), and
 * what each worker does right now.
 *
 * The controller reads all rings; each other process writes its own. A doorbell
 * wakes the controller for what should not wait for its next look.
 */
#ifndef COMB_ENGINE_BOARD_H
#define COMB_ENGINE_BOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/record.h"
#include "engine/ring.h"
#include "engine/sched.h"

#define BOARD_MAX_WORKERS 1024
#define BOARD_MAX_RETURNED 64

enum board_phase { PHASE_IDLE, PHASE_SETUP, PHASE_CALL, PHASE_TEARDOWN };

/* What a worker does; written by it alone, read by the controller at any time. */
struct board_slot {
	_Atomic int32_t pid;
	_Atomic uint32_t test;  /* SCHED_NONE: none */
	_Atomic uint32_t phase; /* enum board_phase */
	_Atomic int64_t since_ns; /* clock_now_ns() when the test began */
	_Atomic uint32_t claim; /* for the trace: claimed, and written down */
	_Atomic bool finished;  /* said goodbye: what follows is its orderly end */
	_Atomic bool said_all;  /* a process that stood in for the worker has sent all its reports itself */
	_Atomic int64_t waited_ns[SCHED_WAITS]; /* with nothing to do while others had */
	_Atomic int64_t gone_ns; /* since when it is done for good; 0: it is not */
	/* For the trace and a replay, under the mutex: */
	uint32_t number;        /* gw<number> */
	int64_t idle_ns;        /* since when it has no test */
	uint32_t replay_first, replay_next; /* SCHED_NONE: none */
};

struct board;

enum board_kind {
	BOARD_PLAIN,
	BOARD_TRACED,  /* who runs what is written down */
	BOARD_REPLAYS, /* the same; and a plan counts only after board_replay() */
};

/* NULL and *err when memory is refused. */
struct board *board_open(enum board_kind kind, struct err *err);
/* Unmaps it in this process. Safe on NULL. */
void board_close(struct board *self);

/* Makes the rings of so many workers, before the first of them starts; for the controller. ERR_INPUT: too many. */
int board_make_rings(struct board *self, uint32_t workers, struct err *err);

/*
 * Makes the scheduler, once. digest stands for the collection it is made for: a
 * worker that collected for itself compares (board_digest()) before it starts.
 */
int board_plan(struct board *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       uint64_t digest, struct err *err);
/*
 * For a traced board that has a plan: names of resources, each with a newline
 * behind it; and the demand that everything runs as in the record, and nothing
 * that did not run there.
 */
void board_name_resources(struct board *self, struct slice names);
int board_replay(struct board *self, const struct record *record, const struct slice *ids, uint32_t count, struct err *err);
/* The trace as a file; ids as in struct trace_run. Nothing happens where nothing was planned. */
int board_write_trace(struct board *self, const char *path, const struct slice *ids, uint32_t count, struct err *err);
/* Waits until there is a plan, or there will be none (board_stop(), the digest is 0 then); false after timeout_ns. */
bool board_wait_plan(struct board *self, int64_t timeout_ns);
uint64_t board_digest(const struct board *self);

/*
 * The scheduler calls of sched.h under the mutex. take: with wait, blocks
 * while the answer is SCHED_WAIT. When it is SCHED_DONE while others still hold
 * tests, one worker waits for what could come back, and so do those to whom
 * something could be handed over; the others are told. SCHED_DONE is final then.
 */
int64_t board_take(struct board *self, uint32_t worker, bool wait);
/*
 * After a board_take() that did not wait and was told SCHED_WAIT: sched_guess(),
 * or what the record has next; *alone: sched_is_alone().
 */
uint32_t board_guess(struct board *self, uint32_t worker, bool *alone);
void board_begin(struct board *self, uint32_t worker);
void board_end(struct board *self, uint32_t worker);
uint32_t board_lose(struct board *self, uint32_t worker);
uint32_t board_leave(struct board *self, uint32_t worker);
/* sched_hand_over(); where nobody has the scope, sched_abandon(). */
uint32_t board_hand_over(struct board *self, uint32_t worker);
bool board_revive(struct board *self, uint32_t test);
void board_stop(struct board *self);
bool board_is_stopped(const struct board *self);
enum sched_state board_state(struct board *self, uint32_t test);
uint32_t board_waiting(struct board *self);
/*
 * Seconds until all tests are done, as expected from their costs and from how
 * fast those that are done went; below 0 while that cannot be said.
 */
double board_left_s(struct board *self);

/* The process of worker gw<number> is in this slot now. */
void board_start_slot(struct board *self, uint32_t worker, int32_t pid, uint32_t number);
/* What became of the workers' time, once all tests are done. */
struct board_times {
	double span_s; /* from the plan to the end of the last test */
	double waited_s[SCHED_WAITS]; /* sums over the workers */
};
struct board_times board_times(const struct board *self);
/* For a look when nobody runs tests any more. */
const struct sched *board_sched(const struct board *self);

/*
 * A process that was forked in this test has come back out of it, where it would have run on as a second worker. Tests
 * beyond BOARD_MAX_RETURNED are not kept. board_returned(): fills tests, which has room for all, each once; how many.
 */
void board_tell_returned(struct board *self, uint32_t test);
uint32_t board_returned(const struct board *self, uint32_t tests[BOARD_MAX_RETURNED]);

struct board_slot *board_slot(struct board *self, uint32_t worker);
/*
 * The worker is at a test again that it has ended: what was set up wider than
 * that is torn down. SCHED_NONE: it is no longer. The scheduler is not told.
 */
void board_return_to(struct board *self, uint32_t worker, uint32_t test);
void board_set_phase(struct board *self, uint32_t worker, enum board_phase phase);

/* ring 0: zygote, 1 + n: worker n. Blocks while the ring is full. urgent: rings the bell. */
void board_send(struct board *self, uint32_t ring, uint16_t type, const void *bytes, size_t len, bool urgent);
/* For the controller: as ring_read(). */
int board_receive(struct board *self, uint32_t ring, struct ring_frame *frame);
/* Makes a ring of a dead worker new. */
void board_reset_ring(struct board *self, uint32_t ring);
/*
 * The doorbell is a futex, not a descriptor: a test may close every descriptor
 * it can find. wait: true when it rang, false after the time or at a signal.
 */
bool board_wait_bell(struct board *self, int64_t timeout_ns);
void board_ring_bell(struct board *self);

#endif
