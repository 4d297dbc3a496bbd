#include "base/vec.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "base/str.h"

#include "base/banned.h"

int vec_grow(void **at, size_t len, size_t *capacity, size_t element_bytes)
{
	if (len < *capacity)
		return 0;
	size_t more = *capacity ? *capacity * 2 : 8;
	if (more > SIZE_MAX / element_bytes)
		return -1;
	void *bigger = os_realloc(*at, more * element_bytes);
	if (!bigger)
		return -1;
	*at = bigger;
	*capacity = more;
	return 0;
}

void vec_free(void *at)
{
	free(at);
}

static int strings_take(struct strings *s, char *owned)
{
	/* Room for the element and for the NULL behind it. */
	if (!owned || vec_grow((void **)&s->at, s->len + 1, &s->capacity, sizeof(*s->at)) < 0) {
		free(owned);
		return -1;
	}
	s->at[s->len++] = owned;
	s->at[s->len] = NULL;
	return 0;
}

int strings_add(struct strings *s, const char *text)
{
	struct str copy = STR_INIT;
	if (str_adds(&copy, text) < 0)
		return -1;
	return strings_take(s, str_steal(&copy));
}

int strings_addf(struct strings *s, const char *format, ...)
{
	struct str text = STR_INIT;
	va_list args;
	va_start(args, format);
	int failed = str_vaddf(&text, format, args);
	va_end(args);
	if (failed) {
		str_release(&text);
		return -1;
	}
	return strings_take(s, str_steal(&text));
}

int strings_find(const struct strings *s, const char *text)
{
	for (size_t i = 0; i < s->len; i++)
		if (strcmp(s->at[i], text) == 0)
			return (int)i;
	return -1;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strings_sort(struct strings *s)
{
	if (s->len > 1)
		qsort(s->at, s->len, sizeof(*s->at), compare_texts);
}

void strings_release(struct strings *s)
{
	for (size_t i = 0; i < s->len; i++)
		free(s->at[i]);
	free(s->at);
	*s = (struct strings)STRINGS_INIT;
}
