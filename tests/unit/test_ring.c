/* Frames through a ring: order, size, fragments, two threads, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "engine/ring.h"

#define CAPACITY 4096

static struct ring *new_ring(void)
{
	struct ring *ring = aligned_alloc(64, (ring_bytes(CAPACITY) + 63) & ~(size_t)63);
	assert_non_null(ring);
	ring_init(ring, CAPACITY);
	return ring;
}

static void test_frames_come_out_as_they_went_in(void **state)
{
	(void)state;
	struct ring *ring = new_ring();
	struct ring_reader reader = RING_READER_INIT;
	struct ring_frame frame;
	size_t done = 0;
	assert_int_equal(ring_read(ring, &reader, &frame), 0);
	assert_true(ring_write(ring, 7, "abc", 3, &done));
	done = 0;
	assert_true(ring_write(ring, 8, NULL, 0, &done));
	assert_int_equal(ring_read(ring, &reader, &frame), 1);
	assert_int_equal(frame.type, 7);
	assert_int_equal(frame.payload.len, 3);
	assert_memory_equal(frame.payload.ptr, "abc", 3);
	assert_int_equal(ring_read(ring, &reader, &frame), 1);
	assert_int_equal(frame.type, 8);
	assert_int_equal(frame.payload.len, 0);
	assert_int_equal(ring_read(ring, &reader, &frame), 0);
	ring_reader_release(&reader);
	free(ring);
}

static void test_a_full_ring_takes_the_rest_later(void **state)
{
	(void)state;
	struct ring *ring = new_ring();
	struct ring_reader reader = RING_READER_INIT;
	struct ring_frame frame;
	static char large[3 * CAPACITY];
	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (char)(i * 7);
	size_t done = 0;
	int rounds = 0;
	while (!ring_write(ring, 9, large, sizeof(large), &done)) {
		assert_int_equal(ring_read(ring, &reader, &frame), 0); /* fragments only, so far */
		assert_true(++rounds < 100);
	}
	assert_int_equal(ring_read(ring, &reader, &frame), 1);
	assert_int_equal(frame.payload.len, sizeof(large));
	assert_memory_equal(frame.payload.ptr, large, sizeof(large));
	ring_reader_release(&reader);
	free(ring);
}

/* A forked process died in the middle of a large frame: what its parent writes next is whole. */
static void test_a_frame_that_never_ends_is_dropped(void **state)
{
	(void)state;
	struct ring *ring = new_ring();
	struct ring_reader reader = RING_READER_INIT;
	struct ring_frame frame;
	static char large[3 * CAPACITY];
	size_t done = 0;
	assert_false(ring_write(ring, 9, large, sizeof(large), &done));
	assert_true(done > 0);
	assert_int_equal(ring_read(ring, &reader, &frame), 0);
	done = 0;
	assert_true(ring_write(ring, 10, "abc", 3, &done));
	assert_int_equal(ring_read(ring, &reader, &frame), 1);
	assert_int_equal(frame.type, 10);
	assert_int_equal(frame.payload.len, 3);
	assert_memory_equal(frame.payload.ptr, "abc", 3);
	ring_reader_release(&reader);
	free(ring);
}

static void test_damage_is_an_error_and_no_crash(void **state)
{
	(void)state;
	struct ring *ring = new_ring();
	struct ring_reader reader = RING_READER_INIT;
	struct ring_frame frame;
	size_t done = 0;
	assert_true(ring_write(ring, 1, "abcd", 4, &done));
	memset(ring->bytes, 0xff, 64);
	assert_int_equal(ring_read(ring, &reader, &frame), -1);
	atomic_store(&ring->written, 1ull << 40);
	assert_int_equal(ring_read(ring, &reader, &frame), -1);
	ring_reader_release(&reader);
	free(ring);
}

#define FRAMES 20000

static size_t length_of(uint32_t n)
{
	return n % 97 == 0 ? 3000 + n % 5000 : 4 + n % 60;
}

static void *produce(void *at)
{
	struct ring *ring = at;
	char bytes[9000];
	for (uint32_t n = 0; n < FRAMES; n++) {
		size_t len = length_of(n), done = 0;
		memset(bytes, (int)(n & 0xff), len);
		memcpy(bytes, &n, sizeof(n));
		while (!ring_write(ring, (uint16_t)(n % 50), bytes, len, &done))
			sched_yield();
	}
	return NULL;
}

static void test_two_threads(void **state)
{
	(void)state;
	struct ring *ring = new_ring();
	struct ring_reader reader = RING_READER_INIT;
	struct ring_frame frame;
	pthread_t producer;
	assert_int_equal(pthread_create(&producer, NULL, produce, ring), 0);
	for (uint32_t n = 0; n < FRAMES;) {
		int got = ring_read(ring, &reader, &frame);
		assert_true(got >= 0);
		if (!got) {
			sched_yield();
			continue;
		}
		uint32_t number;
		memcpy(&number, frame.payload.ptr, sizeof(number));
		assert_int_equal(number, n);
		assert_int_equal(frame.type, n % 50);
		assert_int_equal(frame.payload.len, length_of(n));
		if (frame.payload.len > 4)
			assert_int_equal((unsigned char)frame.payload.ptr[frame.payload.len - 1], n & 0xff);
		n++;
	}
	pthread_join(producer, NULL);
	ring_reader_release(&reader);
	free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_come_out_as_they_went_in),
		cmocka_unit_test(test_a_full_ring_takes_the_rest_later),
		cmocka_unit_test(test_a_frame_that_never_ends_is_dropped),
		cmocka_unit_test(test_damage_is_an_error_and_no_crash),
		cmocka_unit_test(test_two_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
