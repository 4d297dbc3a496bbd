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

#include "base/banned.h"

#define RING_BYTES (1u << 18)
#define SCHED_AREA_BYTES (1u << 29) /* reserved, not used: pages of the memory file exist once they are written */
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
	uint32_t workers;
	bool costs_known;
	struct board_slot slots[BOARD_MAX_WORKERS];
};

/* Each process has its own copy of this one. */
struct board {
	struct shared *shared;
	size_t bytes;
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
	self->bytes = page_aligned(sizeof(struct shared)) + (BOARD_MAX_WORKERS + 1) * ring_stride() + SCHED_AREA_BYTES;
	if (fd < 0 || os_ftruncate(fd, (off_t)self->bytes) < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot make shared memory:");
	self->shared = os_mmap_shared(fd, self->bytes);
	if (!self->shared) {
		err_set(err, ERR_ENVIRONMENT, "cannot map %zu bytes of shared memory:", self->bytes);
		return err_hint(err, "look at the limit of address space: ulimit -v");
	}
	return 0;
}

struct board *board_open(struct err *err)
{
	struct board *self = os_calloc(1, sizeof(*self));
	if (!self) {
		err_no_memory(err);
		return NULL;
	}
	if (map_shared(self, err) < 0)
		goto fail;
	if (init_mutex(&self->shared->mutex) < 0) {
		err_set(err, ERR_ENVIRONMENT, "cannot make a mutex that processes share:");
		goto fail;
	}
	for (uint32_t w = 0; w < BOARD_MAX_WORKERS; w++)
		atomic_store(&self->shared->slots[w].test, SCHED_NONE);
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

int board_plan(struct board *self, const struct sched_test *tests, uint32_t count, const struct sched_options *options,
	       uint64_t digest, struct err *err)
{
	if (sched_bytes(tests, count, options) > SCHED_AREA_BYTES)
		return err_set(err, ERR_INPUT, "%u tests on %u workers are more than can be scheduled", count,
			       options->workers);
	struct sched *sched = lock(self);
	int result = sched_init(sched, tests, count, options, err);
	unlock(self);
	if (result == 0) {
		atomic_store(&self->shared->digest, digest);
		atomic_store(&self->shared->planned_ns, clock_now_ns());
		self->shared->workers = options->workers < count ? options->workers : count;
		self->shared->costs_known = options->longest_first;
		atomic_store(&self->shared->planned, 1);
		futex(&self->shared->planned, FUTEX_WAKE, INT_MAX, NULL);
	}
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

int64_t board_take(struct board *self, uint32_t worker, bool wait)
{
	for (;;) {
		uint32_t changes = atomic_load(&self->shared->changes);
		struct sched *sched = lock(self);
		int64_t answer = sched_take(sched, worker);
		bool drained = sched_is_drained(sched);
		unlock(self);
		if (answer >= 0 || !wait || drained)
			return answer;
		struct timespec limit = { .tv_nsec = WAIT_LIMIT_NS };
		futex(&self->shared->changes, FUTEX_WAIT, changes, &limit);
	}
}

void board_begin(struct board *self, uint32_t worker)
{
	struct board_slot *slot = board_slot(self, worker);
	struct sched *sched = lock(self);
	sched_begin(sched, worker);
	atomic_store(&slot->test, sched_running(sched, worker));
	unlock(self);
	atomic_store(&slot->since_ns, clock_now_ns());
	atomic_store(&slot->phase, PHASE_SETUP);
}

void board_end(struct board *self, uint32_t worker)
{
	struct board_slot *slot = board_slot(self, worker);
	atomic_store(&slot->phase, PHASE_IDLE);
	atomic_store(&slot->test, SCHED_NONE);
	sched_end(lock(self), worker);
	unlock(self);
	announce_change(self);
}

uint32_t board_leave(struct board *self, uint32_t worker)
{
	atomic_store(&board_slot(self, worker)->test, SCHED_NONE);
	uint32_t lost = sched_leave(lock(self), worker);
	unlock(self);
	announce_change(self);
	return lost;
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
	sched_stop(lock(self));
	unlock(self);
	announce_change(self);
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

struct board_slot *board_slot(struct board *self, uint32_t worker)
{
	return &self->shared->slots[worker];
}

void board_set_phase(struct board *self, uint32_t worker, enum board_phase phase)
{
	atomic_store_explicit(&board_slot(self, worker)->phase, phase, memory_order_relaxed);
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
