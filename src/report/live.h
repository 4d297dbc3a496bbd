/*
 * live.h: the one line that shows a person where a parallel run is.
 *
 *   ████████░░░░░░░░ 123/400 · 2 failed · 12 s left · gw0 test_import 3.1s · gw1 test_b 0.2s · +2
 *
 * Never wider than it is told. Names come from tests and are escaped; what does
 * not fit is cut, the workers that wait longest for their test come first.
 */
#ifndef COMB_REPORT_LIVE_H
#define COMB_REPORT_LIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

struct live_worker {
	const char *id;   /* "gw0" */
	const char *test; /* node id as UTF-8; NULL: waits */
	size_t test_len;
	double seconds;   /* since its test began */
};

struct live_view {
	size_t done, total, failed;
	double left_s; /* below 0: unknown */
	bool unicode, color;
	struct live_worker *workers; /* is sorted */
	size_t worker_count;
};

/* Appends the line. 0, or -1 when out of memory. */
int live_compose(struct live_view *view, size_t columns, struct str *out);

/*
 * Where the cursor stands after text was written from that column on, not
 * wrapped: newlines, tabs, control sequences and wide characters are known.
 */
size_t live_column_after(size_t column, const char *text, size_t len);

#endif
