#include "engine/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/os.h"

#include "base/banned.h"

#define HEAD_BYTES 4

int packet_feed(struct packet_reader *reader, const void *bytes, size_t len, struct err *err)
{
	return str_add(&reader->bytes, bytes, len) < 0 ? err_no_memory(err) : 0;
}

static int break_off(struct packet_reader *reader, struct err *err, const char *why)
{
	reader->broken = true;
	return err_set(err, ERR_ENVIRONMENT, "a process of the project sent %s", why);
}

int packet_next(struct packet_reader *reader, json_t **packet, struct err *err)
{
	const unsigned char *head = (const unsigned char *)reader->bytes.buf;
	json_error_t why;
	*packet = NULL;
	if (reader->broken)
		return break_off(reader, err, "what is no message");
	if (reader->bytes.len < HEAD_BYTES)
		return 0;
	uint32_t len = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
	if (len > PACKET_MOST_BYTES)
		return break_off(reader, err, "a message that is too long");
	if (reader->bytes.len - HEAD_BYTES < len)
		return 0;
	json_t *value = json_loadb(reader->bytes.buf + HEAD_BYTES, len, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(value)) {
		json_decref(value);
		return break_off(reader, err, "a message that is no JSON object");
	}
	reader->bytes.len -= HEAD_BYTES + len;
	memmove(reader->bytes.buf, reader->bytes.buf + HEAD_BYTES + len, reader->bytes.len);
	*packet = value;
	return 1;
}

void packet_reader_release(struct packet_reader *reader)
{
	str_release(&reader->bytes);
	reader->broken = false;
}

/* Without a signal when nobody reads. */
static int send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

int packet_send(int fd, json_t *packet, struct err *err)
{
	cleanup_free char *text = packet ? json_dumps(packet, JSON_COMPACT) : NULL;
	json_decref(packet);
	if (!text)
		return err_no_memory(err);
	size_t len = strlen(text);
	unsigned char head[HEAD_BYTES] = { (unsigned char)len, (unsigned char)(len >> 8), (unsigned char)(len >> 16),
					   (unsigned char)(len >> 24) };
	if (send_all(fd, (const char *)head, sizeof(head)) < 0 || send_all(fd, text, len) < 0)
		return err_set(err, ERR_ENVIRONMENT, "a process of the project does not listen any more:");
	return 0;
}
