/* Packets: whole and in pieces, and bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/os.h"
#include "engine/packet.h"

static void feed(struct packet_reader *reader, const char *json, size_t claimed)
{
	struct err err = ERR_INIT;
	unsigned char head[4] = { (unsigned char)claimed, (unsigned char)(claimed >> 8), (unsigned char)(claimed >> 16),
				  (unsigned char)(claimed >> 24) };
	assert_int_equal(packet_feed(reader, head, 4, &err), 0);
	assert_int_equal(packet_feed(reader, json, strlen(json), &err), 0);
}

static void test_sent_and_received(void **state)
{
	(void)state;
	int ends[2];
	struct packet_reader reader = PACKET_READER_INIT;
	struct err err = ERR_INIT;
	char byte;
	json_t *packet = NULL;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(packet_send(ends[0], json_pack("{s:i,s:s}", "n", i, "t", "\xc3\xa9"), &err), 0);
	close(ends[0]);
	/* Byte by byte: a packet comes out exactly when its last byte is in. */
	int seen = 0;
	while (read(ends[1], &byte, 1) == 1) {
		assert_int_equal(packet_feed(&reader, &byte, 1, &err), 0);
		int got = packet_next(&reader, &packet, &err);
		assert_true(got == 0 || got == 1);
		if (!got)
			continue;
		assert_int_equal(json_integer_value(json_object_get(packet, "n")), seen++);
		assert_string_equal(json_string_value(json_object_get(packet, "t")), "\xc3\xa9");
		json_decref(packet);
	}
	assert_int_equal(seen, 3);
	assert_int_equal(reader.bytes.len, 0);
	packet_reader_release(&reader);
	close(ends[1]);
}

static void test_several_at_once(void **state)
{
	(void)state;
	struct packet_reader reader = PACKET_READER_INIT;
	struct err err = ERR_INIT;
	json_t *packet;
	for (int i = 0; i < 100; i++)
		feed(&reader, "{}", 2);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(packet_next(&reader, &packet, &err), 1);
		json_decref(packet);
	}
	assert_int_equal(packet_next(&reader, &packet, &err), 0);
	assert_null(packet);
	packet_reader_release(&reader);
}

static void test_hostile_bytes(void **state)
{
	(void)state;
	static const struct {
		const char *json;
		size_t claimed;
	} cases[] = {
		{ "{}", UINT32_MAX },
		{ "{}", PACKET_MOST_BYTES + 1 },
		{ "", 0 },
		{ "[1]x", 3 },
		{ "null", 4 },
		{ "{\"a\":1", 6 },
		{ "{\"a\":1}{}", 9 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "{\"a\":\"\xff\"}", 9 },
		{ "{\"\\u0000\":1}", 12 },
		{ "\x01\x02\x03\x04\x05\x06\x07\x08", 8 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct packet_reader reader = PACKET_READER_INIT;
		struct err err = ERR_INIT;
		json_t *packet;
		feed(&reader, cases[i].json, cases[i].claimed);
		assert_int_equal(packet_next(&reader, &packet, &err), -1);
		assert_null(packet);
		assert_int_equal(err.kind, ERR_ENVIRONMENT);
		/* What follows is not looked at, however well it is formed. */
		feed(&reader, "{}", 2);
		assert_int_equal(packet_next(&reader, &packet, &err), -1);
		packet_reader_release(&reader);
		packet_reader_release(&reader);
	}
}

/* Random bytes never give more packets than their heads allow, and never crash. */
static void test_random_bytes(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int round = 0; round < 2000; round++) {
		struct packet_reader reader = PACKET_READER_INIT;
		struct err err = ERR_INIT;
		json_t *packet;
		for (int i = 0; i < 40; i++) {
			static const char bytes[] = "\0\0\0\x02\x04{}[]\"1:,\\u\xff";
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			assert_int_equal(packet_feed(&reader, &bytes[(seed >> 33) % (sizeof(bytes) - 1)], 1, &err), 0);
			while (packet_next(&reader, &packet, &err) > 0)
				json_decref(packet);
		}
		assert_true(reader.bytes.len <= 40);
		packet_reader_release(&reader);
	}
}

static void test_nobody_listens(void **state)
{
	(void)state;
	int ends[2];
	struct err err = ERR_INIT;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	close(ends[1]);
	assert_int_equal(packet_send(ends[0], json_pack("{s:i}", "n", 1), &err), -1);
	assert_int_equal(err.kind, ERR_ENVIRONMENT);
	err_clear(&err);
	assert_int_equal(packet_send(ends[0], NULL, &err), -1);
	assert_int_equal(err.kind, ERR_INTERNAL);
	close(ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent_and_received), cmocka_unit_test(test_several_at_once),
		cmocka_unit_test(test_hostile_bytes),	  cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_nobody_listens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
