/* hash.h: FNV-1a, 64 bits: to notice a change or to name a folder, never against an adversary. */
#ifndef COMB_BASE_HASH_H
#define COMB_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

static inline uint64_t hash_add(uint64_t hash, const void *bytes, size_t len)
{
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * 0x100000001b3u;
	return hash;
}

/* With the NUL at its end, so that "ab" + "c" differs from "a" + "bc"; NULL is a value of its own. */
static inline uint64_t hash_add_text(uint64_t hash, const char *text)
{
	static const char none = 1;
	if (!text)
		return hash_add(hash, &none, 1);
	for (; *text; text++)
		hash = hash_add(hash, text, 1);
	return hash_add(hash, text, 1);
}

#endif
