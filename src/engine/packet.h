/*
 * packet.h: JSON objects between comb and a process of the project, each behind its length (4 bytes, little endian).
 *
 * What comes in is hostile: a test may have got hold of the other end. A length
 * above PACKET_MOST_BYTES, or bytes that are no JSON object, end the stream.
 * The other side is protocol.Link in python/pytest_comb/protocol.py.
 */
#ifndef COMB_ENGINE_PACKET_H
#define COMB_ENGINE_PACKET_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

#define PACKET_MOST_BYTES (1u << 20) /* that comb takes; it may send longer ones */

struct packet_reader {
	struct str bytes; /* received, not yet given out */
	bool broken;      /* by something that is no packet: nothing more is given out */
};
#define PACKET_READER_INIT { .bytes = STR_INIT }

/* Takes bytes as they came. 0, or -1 when out of memory. */
int packet_feed(struct packet_reader *reader, const void *bytes, size_t len, struct err *err);
/* 1 and a new reference in *packet, an object; 0: the next one is not whole yet; -1: the stream is broken. */
int packet_next(struct packet_reader *reader, json_t **packet, struct err *err);
void packet_reader_release(struct packet_reader *reader);

/* Sends it whole, and takes the reference. -1 also when the other end is gone, or takes nothing for the socket's time. */
int packet_send(int fd, json_t *packet, struct err *err);

#endif
