/*
 * ring.h: a queue of frames from one process to one other, in shared memory.
 *
 * Single producer, single consumer, no lock. A frame is a type and bytes; one
 * that is larger than a quarter of the ring travels in fragments. A fragment
 * becomes visible only when it is complete, so a producer that dies in the
 * middle of a write leaves a readable ring: the consumer drops the fragments of
 * a frame that never ended when another begins, or with ring_reader_release().
 * A process forked by the producer may write in its place while that waits.
 *
 * struct ring lies in the shared memory and holds no pointer. What the consumer
 * needs to put fragments together is its own, in struct ring_reader.
 */
#ifndef COMB_ENGINE_RING_H
#define COMB_ENGINE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct ring {
	_Alignas(64) _Atomic uint64_t written; /* bytes ever written; only the producer stores */
	_Alignas(64) _Atomic uint64_t read;    /* bytes ever read; only the consumer stores */
	_Alignas(64) uint32_t capacity;        /* bytes, a power of two */
	char bytes[];
};

struct ring_reader {
	struct str frame; /* fragments so far */
};
#define RING_READER_INIT { .frame = STR_INIT }

/* A frame as read: payload is valid until the next ring_read() with this reader. */
struct ring_frame {
	uint16_t type;
	struct slice payload;
};

/* The bytes that a ring of this capacity takes. */
size_t ring_bytes(uint32_t capacity);
/* Empties it. capacity: a power of two, at least 1024. No other process may use it meanwhile. */
void ring_init(struct ring *self, uint32_t capacity);

/*
 * Writes as much of the frame as fits, from byte *done on, and moves *done
 * (start with 0). True when all of it is written; else call again when the
 * consumer has made room.
 */
bool ring_write(struct ring *self, uint16_t type, const void *bytes, size_t len, size_t *done);
/* True when less than half of the ring is free. */
bool ring_is_filling(const struct ring *self);

/*
 * 1 and *frame; 0 when no complete frame is there; -1 when out of memory, or
 * when the content cannot be a frame (a producer that wrote over shared memory).
 */
int ring_read(struct ring *self, struct ring_reader *reader, struct ring_frame *frame);
void ring_reader_release(struct ring_reader *reader);

#endif
