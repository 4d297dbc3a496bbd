/*
 * vec.h: a growing array of any element type.
 *
 *     VEC(struct test) tests = VEC_INIT;
 *     if (vec_push(&tests, test) < 0)
 *             return err_no_memory(err);
 *     for (size_t i = 0; i < tests.len; i++)
 *             use(&tests.at[i]);
 *     vec_release(&tests);
 *
 * vec_push() returns 0, or -1 when out of memory. Pointers into the array are
 * valid until the next push. The vector owns its array, not what elements
 * point to.
 */
#ifndef COMB_BASE_VEC_H
#define COMB_BASE_VEC_H

#include <stddef.h>

#define VEC(type)                \
	struct {                 \
		type *at;        \
		size_t len;      \
		size_t capacity; \
	}
#define VEC_INIT { .at = NULL }

#define vec_push(v, element)                                                                              \
	(vec_grow((void **)&(v)->at, (v)->len, &(v)->capacity, sizeof(*(v)->at)) < 0 ?                    \
			-1 :                                                                              \
			((v)->at[(v)->len++] = (element), 0))
#define vec_release(v)                                            \
	do {                                                      \
		vec_free((v)->at);                                \
		(v)->at = NULL;                                   \
		(v)->len = (v)->capacity = 0;                     \
	} while (0)

/* Makes room for one more element. Called through vec_push(). */
int vec_grow(void **at, size_t len, size_t *capacity, size_t element_bytes);
void vec_free(void *at);

/* A list of owned strings. */
struct strings {
	char **at; /* at[len] is NULL once anything was added: fit for execv() */
	size_t len;
	size_t capacity;
};
#define STRINGS_INIT { .at = NULL }

/* Copies text. 0, or -1 when out of memory. */
int strings_add(struct strings *s, const char *text);
int strings_addf(struct strings *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Index of text, or -1. */
int strings_find(const struct strings *s, const char *text);
void strings_sort(struct strings *s);
void strings_release(struct strings *s);
#define cleanup_strings __attribute__((cleanup(strings_release)))

#endif
