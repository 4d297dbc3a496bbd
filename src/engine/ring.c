#include "engine/ring.h"

#include <string.h>

#include "base/banned.h"

/* Before every fragment; fragments start at multiples of 8. */
struct fragment {
	uint32_t len;
	uint16_t type;
	uint16_t place; /* bits, below */
};
enum { PLACE_GOES_ON = 1, PLACE_CONTINUES = 2 };

_Static_assert(sizeof(struct fragment) == 8, "fragments keep their alignment");

static uint64_t aligned(uint64_t bytes)
{
	return (bytes + 7) & ~(uint64_t)7;
}

size_t ring_bytes(uint32_t capacity)
{
	return sizeof(struct ring) + capacity;
}

void ring_init(struct ring *self, uint32_t capacity)
{
	self->capacity = capacity;
	atomic_store(&self->read, 0);
	atomic_store(&self->written, 0);
}

static void copy_in(struct ring *self, uint64_t at, const void *bytes, size_t len)
{
	size_t offset = at & (self->capacity - 1);
	size_t first = self->capacity - offset < len ? self->capacity - offset : len;
	memcpy(self->bytes + offset, bytes, first);
	memcpy(self->bytes, (const char *)bytes + first, len - first);
}

static void copy_out(const struct ring *self, uint64_t at, void *bytes, size_t len)
{
	size_t offset = at & (self->capacity - 1);
	size_t first = self->capacity - offset < len ? self->capacity - offset : len;
	memcpy(bytes, self->bytes + offset, first);
	memcpy((char *)bytes + first, self->bytes, len - first);
}

bool ring_write(struct ring *self, uint16_t type, const void *bytes, size_t len, size_t *done)
{
	size_t largest = self->capacity / 4;
	uint64_t at = atomic_load_explicit(&self->written, memory_order_relaxed);
	do {
		size_t part = len - *done < largest ? len - *done : largest;
		uint64_t needed = sizeof(struct fragment) + aligned(part);
		uint64_t used = at - atomic_load_explicit(&self->read, memory_order_acquire);
		if (self->capacity - used < needed)
			return false;
		uint16_t place = (*done + part < len ? PLACE_GOES_ON : 0) | (*done > 0 ? PLACE_CONTINUES : 0);
		struct fragment head = { (uint32_t)part, type, place };
		copy_in(self, at, &head, sizeof(head));
		if (part)
			copy_in(self, at + sizeof(head), (const char *)bytes + *done, part);
		at += needed;
		*done += part;
		atomic_store_explicit(&self->written, at, memory_order_release);
	} while (*done < len);
	return true;
}

bool ring_is_filling(const struct ring *self)
{
	uint64_t used = atomic_load_explicit(&self->written, memory_order_relaxed) -
			atomic_load_explicit(&self->read, memory_order_relaxed);
	return used > self->capacity / 2;
}

/* Appends the next fragment to reader->frame. 1, 0 for none, -1 as ring_read(). */
static int read_fragment(struct ring *self, struct ring_reader *reader, struct fragment *head)
{
	uint64_t at = atomic_load_explicit(&self->read, memory_order_relaxed);
	uint64_t there = atomic_load_explicit(&self->written, memory_order_acquire) - at;
	if (there == 0)
		return 0;
	if (there > self->capacity || there < sizeof(*head))
		return -1;
	copy_out(self, at, head, sizeof(*head));
	if (!(head->place & PLACE_CONTINUES))
		reader->frame.len = 0; /* of a frame that never ended */
	if (sizeof(*head) + aligned(head->len) > there || str_reserve(&reader->frame, head->len + 1) < 0)
		return -1;
	copy_out(self, at + sizeof(*head), reader->frame.buf + reader->frame.len, head->len);
	reader->frame.len += head->len;
	reader->frame.buf[reader->frame.len] = '\0';
	atomic_store_explicit(&self->read, at + sizeof(*head) + aligned(head->len), memory_order_release);
	return 1;
}

int ring_read(struct ring *self, struct ring_reader *reader, struct ring_frame *frame)
{
	struct fragment head;
	for (;;) {
		int got = read_fragment(self, reader, &head);
		if (got <= 0)
			return got;
		if (head.place & PLACE_GOES_ON)
			continue;
		frame->type = head.type;
		frame->payload = str_slice(&reader->frame);
		reader->frame.len = 0; /* the buffer stays as it is until the next read */
		return 1;
	}
}

void ring_reader_release(struct ring_reader *reader)
{
	str_release(&reader->frame);
}
