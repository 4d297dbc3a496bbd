#define _GNU_SOURCE
#include "engine/board.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/os.h"
#include "engine/trace_file.h"

#include "base/banned.h"

#define RING_BYTES (1u << 18)
#define SCHED_AREA_BYTES (1u << 29) /* reserved, not used: pages of the memory file exist once they are written */
#define TRACE_AREA_BYTES (1u << 28) /* the same, of a traced board */
#define FULL_RING_NAP_NS 200000
#define WAIT_LIMIT_NS 50000000
#define TOO_LITTLE_DONE 20 /* less than a twentieth done says nothing of the pace */

/* What all processes share. */
struct shared {
	pthread_mutex_t mutex;
	_Atomic uint32_t changes; /* futex: bumped whenever a waiting worker might get another answer */
	_Atomic uint32_t bell;    /* futex: 1 when it rang */
	_Atomic uint32_t planned; /* futex */
	_Atomic uint64_t digest;
	_Atomic int64_t planned_ns;
	_Atomic int64_t ended_ns; /* the last end of a test */
	_Atomic bool stopped;
	uint32_t workers;
	uint32_t reserve; /* under the mutex: the worker that waits for what might come back, or SCHED_NONE */
	bool costs_known, replays;
	_Atomic uint64_t returned[BOARD_MAX_RETURNED]; /* 1 + test; 0: free */
	struct board_slot slots[BOARD_MAX_WORKERS];
};

/* Each process has its own copy of this one. */
struct board {
	struct shared *shared;
	size_t bytes;
	bool traced;
	struct ring_reader readers[BOARD_MAX_WORKERS + 1]; /* the controller's */
};

static size_t page_aligned(size_t bytes)
{
	return (bytes + 4095) & ~(size_t)4095;
}

static size_t ring_stride(void)
{
	return page_aligned(ring_bytes(RING_BYTES));
}

static struct ring *ring_of(const struct board *self, uint32_t ring)
{
	return (struct ring *)((char *)self->shared + page_aligned(sizeof(struct shared)) + ring * ring_stride());
}

static struct sched *sched_of(const struct board *self)
{
	return (struct sched *)ring_of(self, BOARD_MAX_WORKERS + 1);
}

/* NULL when this board is not traced, or has no plan yet. */
static struct trace *trace_of(const struct board *self)
{
	struct trace *trace = (struct trace *)((char *)sched_of(self) + SCHED_AREA_BYTES);
	return self->traced && trace->tests ? trace : NULL;
}

static int init_mutex(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;
	if (pthread_mutexattr_init(&attributes) != 0)
		return -1;
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	int failed = pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return failed ? -1 : 0;
}

static int map_shared(struct board *self, struct err *err)
{
	cleanup_fd int fd = os_memfd("comb");
	self->bytes = page_aligned(sizeof(struct shared)) + (BOARD_MAX_WORKERS + 1) * ring_stride() + SCHED_AREA_BYTES +
		      (self->traced ? TRACE_AREA_BYTES : 0);
	if (fd < 0 || os_ftruncate(fd, (off_t)self->bytes) < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot make shared memory:");
	self->shared = os_mmap_shared(fd, self->bytes);
	if (!self->shared) {
		err_set(err, ERR_ENVIRONMENT, "cannot map %zu bytes of shared memory:", self->bytes);
		return err_hint(err, "look at the limit of address space: ulimit -v");
	}
	return 0;
}

struct board *board_open(enum board_kind kind, struct err *err)
{
	struct board *self = os_calloc(1, sizeof(*self));
	if (!self) {
		err_no_memory(err);
		return NULL;
	}
	self->traced = kind != BOARD_PLAIN;
	if (map_shared(self, err) < 0)
		goto fail;
	if (init_mutex(&self->shared->mutex) < 0) {
		err_set(err, ERR_ENVIRONMENT, "cannot make a mutex that processes share:");
		goto fail;
	}
	for (uint32_t w = 0; w < BOARD_MAX_WORKERS; w++) {
		struct board_slot *slot = board_slot(self, w);
		atomic_store(&slot->test, SCHED_NONE);
		atomic_store(&slot->claim, SCHED_NONE);
		slot->replay_first = slot->replay_next = SCHED_NONE;
	}
	self->shared->reserve = SCHED_NONE;
	self->shared->replays = kind == BOARD_REPLAYS;
	ring_init(ring_of(self, 0), RING_BYTES);
	return self;
fail:
	board_close(self);
	return NULL;
}

void board_close(struct board *self)
{
	if (!self)
		return;
	for (uint32_t r = 0; r <= BOARD_MAX_WORKERS; r++)
		ring_reader_release(&self->readers[r]);
	if (self->shared)
		os_munmap(self->shared, self->bytes);
	cleanup_free_pointer(&self);
}

static struct sched *lock(struct board *self)
{
	struct sched *sched = sched_of(self);
	if (pthread_mutex_lock(&self->shared->mutex) == EOWNERDEAD) {
		sched_recover(sched);
		pthread_mutex_consistent(&self->shared->mutex);
	}
	return sched;
}

static void unlock(struct board *self)
{
	pthread_mutex_unlock(&self->shared->mutex);
}

static long futex(_Atomic uint32_t *at, int operation, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, at, operation, value, timeout, NULL, 0);
}

/* Somebody who waits might get another answer now. */
static void announce_change(struct board *self)
{
	atomic_fetch_add(&self->shared->changes, 1);
	futex(&self->shared->changes, FUTEX_WAKE, INT_MAX, NULL);
}

int board_make_rings(struct board *self, uint32_t workers, struct err *err)
{
	if (workers > BOARD_MAX_WORKERS)
		return err_set(err, ERR_INPUT, "%u workers asked for, at most %d are possible", workers,
			       BOARD_MAX_WORKERS);
	for (uint32_t w = 0; w < workers; w++)
		ring_init(ring_of(self, 1 + w), RING_BYTES);
	return 0;
}

static void announce_plan(struct board *self)
{
	atomic_store(&self->shared->planned, 1);
	futex(&self->shared->planned, FUTEX_WAKE, INT_MAX, NULL);
}

static int plan_trace(struct board *self, uint32_t tests, struct err *err)
{
	if (!self->traced || tests == 0)
		return 0;
	if (trace_bytes(tests) > TRACE_AREA_BYTES)
		return err_set(err, ERR_INPUT, "%u tests are more than can be traced", tests);
	trace_init((struct trace *)((char *)sched_of(self) + SCHED_AREA_BYTES), tests);
	return 0;
}

int board_plan(struct board *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       uint64_t digest, struct err *err)
{
	if (sched_bytes(tests, count, options) > SCHED_AREA_BYTES)
		return err_set(err, ERR_INPUT, "%u tests on %u workers are more than can be scheduled", count,
			       options->workers);
	struct sched *sched = lock(self);
	int result = sched_init(sched, tests, count, options, err);
	if (result == 0)
		result = plan_trace(self, sched_count(sched), err);
	unlock(self);
	if (result == 0) {
		atomic_store(&self->shared->digest, digest);
		atomic_store(&self->shared->planned_ns, clock_now_ns());
		self->shared->workers = options->each || options->workers < count ? options->workers : count;
		self->shared->costs_known = options->longest_first;
		if (!self->shared->replays)
			announce_plan(self);
	}
	return result;
}

void board_name_resources(struct board *self, struct slice names)
{
	struct trace *trace = trace_of(self);
	if (!trace || names.len >= sizeof(trace->names))
		return;
	memcpy(trace->names, names.ptr, names.len);
	trace->names[names.len] = 0;
}

int board_replay(struct board *self, const struct record *record, const struct slice *ids, uint32_t count, struct err *err)
{
	uint32_t heads[BOARD_MAX_WORKERS];
	struct sched *sched = lock(self);
	struct trace *trace = trace_of(self);
	int result = trace && sched ? record_apply(record, ids, count, trace, heads, err) : 0;
	for (uint32_t w = 0; trace && result == 0 && w < record_workers(record); w++)
		board_slot(self, w)->replay_first = board_slot(self, w)->replay_next = heads[w];
	for (uint32_t i = 0; trace && result == 0 && i < trace->tests; i++)
		if (!trace_entries(trace)[i].wanted)
			sched_omit(sched, i);
	unlock(self);
	if (result == 0)
		announce_plan(self);
	return result;
}

int board_write_trace(struct board *self, const char *path, const struct slice *ids, uint32_t count, struct err *err)
{
	struct sched *sched = lock(self);
	struct trace_run run = { .trace = trace_of(self), .sched = sched, .ids = ids, .id_count = count,
				 .workers = self->shared->workers, .start_ns = atomic_load(&self->shared->planned_ns) };
	int result = run.trace ? trace_file_write(path, &run, err) : 0;
	unlock(self);
	return result;
}

bool board_wait_plan(struct board *self, int64_t timeout_ns)
{
	struct timespec limit = { .tv_sec = timeout_ns / NS_PER_SECOND, .tv_nsec = timeout_ns % NS_PER_SECOND };
	if (!atomic_load(&self->shared->planned))
		futex(&self->shared->planned, FUTEX_WAIT, 0, &limit);
	return atomic_load(&self->shared->planned);
}

uint64_t board_digest(const struct board *self)
{
	return atomic_load(&self->shared->digest);
}

/* The next test of this worker in the record. While its last one is torn down only what was known then, too. */
static int64_t take_recorded(struct board *self, struct sched *sched, struct trace *trace, uint32_t worker)
{
	struct board_slot *slot = board_slot(self, worker);
	for (; slot->replay_next != SCHED_NONE; slot->replay_next = trace_entries(trace)[slot->replay_next].next) {
		uint32_t test = slot->replay_next;
		if (sched_state(sched, test) != SCHED_TEST_WAITING)
			continue;
		if (sched_running(sched, worker) != SCHED_NONE && !trace_entries(trace)[test].wanted_early)
			return SCHED_WAIT;
		return sched_assign(sched, worker, test) ? (int64_t)test : SCHED_DONE;
	}
	return SCHED_DONE;
}

static int64_t take(struct board *self, struct sched *sched, uint32_t worker)
{
	struct trace *trace = trace_of(self);
	struct board_slot *slot = board_slot(self, worker);
	uint32_t from;
	bool recorded = trace && trace_is_replay(trace) && sched_claimed(sched, worker) == SCHED_NONE;
	enum sched_wait waited_for = sched_wait(sched, worker);
	int64_t test = recorded ? take_recorded(self, sched, trace, worker) : sched_take(sched, worker);
	if (!trace || test < 0 || atomic_load(&slot->claim) == (uint32_t)test)
		return test;
	struct trace_entry *entry = &trace_entries(trace)[test];
	entry->taken_ns = clock_now_ns();
	entry->how = sched_how(sched, worker, &from);
	entry->from = from == SCHED_NONE ? SCHED_NONE : board_slot(self, from)->number;
	entry->waited_for = waited_for;
	entry->early = sched_running(sched, worker) != SCHED_NONE;
	atomic_store(&slot->claim, (uint32_t)test);
	return test;
}

/*
 * With the lock held. Of the workers for which nothing is left one waits, for
 * a test that its holder might give back. The others may go while tests still
 * run: their ends cost processor time, and nobody waits for it then.
 */
static bool is_reserve(struct board *self, uint32_t worker)
{
	if (self->shared->reserve == SCHED_NONE)
		self->shared->reserve = worker;
	return self->shared->reserve == worker;
}

static bool could_be_wanted(struct board *self, const struct sched *sched, uint32_t worker)
{
	return is_reserve(self, worker) || sched_is_fallback(sched, worker);
}

static void leave_reserve(struct board *self, uint32_t worker)
{
	if (self->shared->reserve == worker)
		self->shared->reserve = SCHED_NONE;
}

int64_t board_take(struct board *self, uint32_t worker, bool wait)
{
	for (;;) {
		uint32_t changes = atomic_load(&self->shared->changes);
		struct sched *sched = lock(self);
		int64_t answer = take(self, sched, worker);
		bool drained = sched_is_drained(sched);
		enum sched_wait why = sched_wait(sched, worker);
		bool may_go = answer == SCHED_DONE && wait && (drained || !could_be_wanted(self, sched, worker));
		if (answer >= 0)
			leave_reserve(self, worker);
		unlock(self);
		if (may_go)
			atomic_store(&board_slot(self, worker)->gone_ns, clock_now_ns());
		if (answer >= 0 || !wait || drained || may_go)
			return answer;
		struct timespec limit = { .tv_nsec = WAIT_LIMIT_NS };
		int64_t since_ns = clock_now_ns();
		futex(&self->shared->changes, FUTEX_WAIT, changes, &limit);
		atomic_fetch_add(&board_slot(self, worker)->waited_ns[why], clock_now_ns() - since_ns);
	}
}

uint32_t board_guess(struct board *self, uint32_t worker, bool *alone)
{
	struct sched *sched = lock(self);
	struct trace *trace = trace_of(self);
	uint32_t test = trace && trace_is_replay(trace) ? board_slot(self, worker)->replay_next : sched_guess(sched, worker);
	*alone = sched_is_alone(sched, worker);
	unlock(self);
	return test;
}

/* With the lock held, when a replay lets this worker's test begin or end. The test is SCHED_NONE when there is none. */
static struct sched *lock_in_turn(struct board *self, uint32_t worker, bool begins, uint32_t *test)
{
	for (;;) {
		uint32_t changes = atomic_load(&self->shared->changes);
		struct sched *sched = lock(self);
		struct trace *trace = trace_of(self);
		*test = begins ? sched_claimed(sched, worker) : sched_running(sched, worker);
		if (!trace || *test == SCHED_NONE || atomic_load(&self->shared->stopped) ||
		    (begins ? trace_may_begin(trace, *test) : trace_may_end(trace, *test)))
			return sched;
		unlock(self);
		struct timespec limit = { .tv_nsec = WAIT_LIMIT_NS };
		futex(&self->shared->changes, FUTEX_WAIT, changes, &limit);
	}
}

static void trace_beginning(struct board *self, uint32_t worker, uint32_t test)
{
	struct trace *trace = trace_of(self);
	struct board_slot *slot = board_slot(self, worker);
	if (!trace || test == SCHED_NONE)
		return;
	struct trace_entry *entry = &trace_entries(trace)[test];
	entry->slot = worker;
	entry->number = slot->number;
	entry->idle_ns = slot->idle_ns;
	entry->begin_ns = clock_now_ns();
	atomic_store(&slot->claim, SCHED_NONE);
	trace_begin(trace, test);
	if (trace_is_replay(trace))
		announce_change(self);
}

void board_begin(struct board *self, uint32_t worker)
{
	struct board_slot *slot = board_slot(self, worker);
	uint32_t test;
	struct sched *sched = lock_in_turn(self, worker, true, &test);
	sched_begin(sched, worker);
	trace_beginning(self, worker, test);
	atomic_store(&slot->since_ns, clock_now_ns()); /* first: the time limit is looked at as soon as there is a test */
	atomic_store(&slot->test, sched_running(sched, worker));
	unlock(self);
	atomic_store(&slot->phase, PHASE_SETUP);
}

static void trace_ending(struct board *self, uint32_t worker, uint32_t test, bool lost)
{
	struct trace *trace = trace_of(self);
	if (!trace || test == SCHED_NONE)
		return;
	board_slot(self, worker)->idle_ns = trace_entries(trace)[test].end_ns = clock_now_ns();
	trace_end(trace, test, lost);
}

void board_end(struct board *self, uint32_t worker)
{
	struct board_slot *slot = board_slot(self, worker);
	uint32_t test;
	atomic_store(&slot->phase, PHASE_IDLE);
	atomic_store(&slot->test, SCHED_NONE);
	struct sched *sched = lock_in_turn(self, worker, false, &test);
	sched_end(sched, worker);
	trace_ending(self, worker, test, false);
	atomic_store(&self->shared->ended_ns, clock_now_ns());
	unlock(self);
	announce_change(self);
}

uint32_t board_lose(struct board *self, uint32_t worker)
{
	atomic_store(&board_slot(self, worker)->test, SCHED_NONE);
	uint32_t lost = sched_lose(lock(self), worker);
	trace_ending(self, worker, lost, true);
	unlock(self);
	announce_change(self);
	return lost;
}

uint32_t board_leave(struct board *self, uint32_t worker)
{
	atomic_store(&board_slot(self, worker)->test, SCHED_NONE);
	uint32_t lost = sched_leave(lock(self), worker);
	trace_ending(self, worker, lost, true);
	leave_reserve(self, worker);
	board_slot(self, worker)->replay_next = board_slot(self, worker)->replay_first;
	atomic_store(&board_slot(self, worker)->claim, SCHED_NONE);
	unlock(self);
	announce_change(self);
	return lost;
}

uint32_t board_hand_over(struct board *self, uint32_t worker)
{
	struct sched *sched = lock(self);
	uint32_t holder = sched_hand_over(sched, worker);
	if (holder == SCHED_NONE)
		sched_abandon(sched, worker);
	atomic_store(&board_slot(self, worker)->claim, SCHED_NONE);
	unlock(self);
	announce_change(self);
	return holder;
}

bool board_revive(struct board *self, uint32_t test)
{
	bool revived = sched_revive(lock(self), test);
	unlock(self);
	announce_change(self);
	return revived;
}

void board_stop(struct board *self)
{
	atomic_store(&self->shared->stopped, true);
	sched_stop(lock(self));
	unlock(self);
	announce_change(self);
	if (!atomic_load(&self->shared->planned))
		announce_plan(self);
}

bool board_is_stopped(const struct board *self)
{
	return atomic_load(&self->shared->stopped);
}

enum sched_state board_state(struct board *self, uint32_t test)
{
	enum sched_state state = sched_state(lock(self), test);
	unlock(self);
	return state;
}

uint32_t board_waiting(struct board *self)
{
	uint32_t waiting = sched_waiting(lock(self));
	unlock(self);
	return waiting;
}

double board_left_s(struct board *self)
{
	double done_s, left_s;
	if (!atomic_load(&self->shared->planned) || self->shared->workers == 0)
		return -1;
	sched_costs(lock(self), &done_s, &left_s);
	unlock(self);
	double elapsed_s = (double)(clock_now_ns() - atomic_load(&self->shared->planned_ns)) / (double)NS_PER_SECOND;
	if (elapsed_s >= 1 && done_s >= (done_s + left_s) / TOO_LITTLE_DONE)
		return left_s * elapsed_s / done_s;
	return self->shared->costs_known ? left_s / self->shared->workers : -1;
}

void board_start_slot(struct board *self, uint32_t worker, int32_t pid, uint32_t number)
{
	struct board_slot *slot = board_slot(self, worker);
	slot->number = number;
	slot->idle_ns = clock_now_ns();
	atomic_store(&slot->finished, false);
	atomic_store(&slot->gone_ns, 0);
	atomic_store(&slot->pid, pid);
}

struct board_times board_times(const struct board *self)
{
	const struct shared *shared = self->shared;
	int64_t ended_ns = atomic_load(&shared->ended_ns);
	int64_t span_ns = ended_ns - atomic_load(&shared->planned_ns);
	struct board_times times = { .span_s = span_ns > 0 ? (double)span_ns / (double)NS_PER_SECOND : 0 };
	for (uint32_t w = 0; w < shared->workers; w++) {
		for (int why = 0; why < SCHED_WAITS; why++)
			times.waited_s[why] += (double)atomic_load(&shared->slots[w].waited_ns[why]) /
					       (double)NS_PER_SECOND;
		int64_t gone_ns = atomic_load(&shared->slots[w].gone_ns);
		if (gone_ns > 0 && gone_ns < ended_ns)
			times.waited_s[SCHED_WAIT_TAIL] += (double)(ended_ns - gone_ns) / (double)NS_PER_SECOND;
	}
	return times;
}

const struct sched *board_sched(const struct board *self)
{
	return sched_of(self);
}

struct board_slot *board_slot(struct board *self, uint32_t worker)
{
	return &self->shared->slots[worker];
}

void board_return_to(struct board *self, uint32_t worker, uint32_t test)
{
	struct board_slot *slot = board_slot(self, worker);
	bool ends = test == SCHED_NONE;
	atomic_store(&slot->since_ns, clock_now_ns());
	atomic_store(&slot->phase, ends ? PHASE_IDLE : PHASE_TEARDOWN);
	atomic_store(&slot->test, test);
}

void board_tell_returned(struct board *self, uint32_t test)
{
	for (uint32_t i = 0; i < BOARD_MAX_RETURNED; i++) {
		uint64_t found = 0;
		if (atomic_compare_exchange_strong(&self->shared->returned[i], &found, 1 + (uint64_t)test) ||
		    found == 1 + (uint64_t)test)
			return;
	}
}

uint32_t board_returned(const struct board *self, uint32_t tests[BOARD_MAX_RETURNED])
{
	uint32_t count = 0;
	for (; count < BOARD_MAX_RETURNED; count++) {
		uint64_t found = atomic_load(&self->shared->returned[count]);
		if (!found)
			break;
		tests[count] = (uint32_t)(found - 1);
	}
	return count;
}

void board_set_phase(struct board *self, uint32_t worker, enum board_phase phase)
{
	struct board_slot *slot = board_slot(self, worker);
	struct trace *trace = trace_of(self);
	uint32_t test = atomic_load_explicit(&slot->test, memory_order_relaxed);
	atomic_store_explicit(&slot->phase, phase, memory_order_relaxed);
	if (!trace || test >= trace->tests)
		return;
	if (phase == PHASE_CALL)
		trace_entries(trace)[test].call_ns = clock_now_ns();
	if (phase == PHASE_TEARDOWN)
		trace_entries(trace)[test].teardown_ns = clock_now_ns();
}

void board_send(struct board *self, uint32_t ring_index, uint16_t type, const void *bytes, size_t len, bool urgent)
{
	struct ring *ring = ring_of(self, ring_index);
	size_t done = 0;
	while (!ring_write(ring, type, bytes, len, &done)) {
		struct timespec nap = { .tv_nsec = FULL_RING_NAP_NS };
		board_ring_bell(self);
		nanosleep(&nap, NULL);
	}
	if (urgent || ring_is_filling(ring))
		board_ring_bell(self);
}

int board_receive(struct board *self, uint32_t ring, struct ring_frame *frame)
{
	return ring_read(ring_of(self, ring), &self->readers[ring], frame);
}

void board_reset_ring(struct board *self, uint32_t ring)
{
	ring_reader_release(&self->readers[ring]);
	ring_init(ring_of(self, ring), RING_BYTES);
}

bool board_wait_bell(struct board *self, int64_t timeout_ns)
{
	struct timespec limit = { .tv_sec = timeout_ns / NS_PER_SECOND, .tv_nsec = timeout_ns % NS_PER_SECOND };
	if (atomic_exchange(&self->shared->bell, 0))
		return true;
	futex(&self->shared->bell, FUTEX_WAIT, 0, &limit);
	return atomic_exchange(&self->shared->bell, 0);
}

void board_ring_bell(struct board *self)
{
	if (atomic_exchange(&self->shared->bell, 1) == 0)
		futex(&self->shared->bell, FUTEX_WAKE, 1, NULL);
}
