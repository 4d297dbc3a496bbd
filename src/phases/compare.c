#include "phases/compare.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/interrupt.h"
#include "project/suite.h"

#include "base/banned.h"

enum { NAMES_SHOWN = 3 };

static int collect(const struct project *project, struct suite_run *run, struct err *err)
{
	cleanup_strings struct strings arguments = STRINGS_INIT, env = STRINGS_INIT;
	if (strings_add(&arguments, "-p") < 0 || strings_add(&arguments, "no:cacheprovider") < 0 ||
	    strings_add(&env, "PYTHONDONTWRITEBYTECODE=1") < 0)
		return err_no_memory(err);
	struct suite_options options = { .collect_only = true, .arguments = &arguments, .env = &env };
	return suite_run(project, &options, run, err);
}

/* Notes the tests of `has` that `lacks` has not. */
static int note_missing(const struct suite_run *lacks, const struct suite_run *has, const char *where,
			const struct progress_sink *sink, struct err *err)
{
	cleanup_str struct str names = STR_INIT;
	size_t missing = 0;
	size_t *matches = suite_match(lacks, has);
	if (!matches)
		return err_no_memory(err);
	for (size_t i = 0; i < has->tests.len; i++) {
		if (matches[i] != SIZE_MAX)
			continue;
		if (missing++ < NAMES_SHOWN && str_addf(&names, "%s%s", names.len ? ", " : "", has->tests.at[i].id) < 0)
			break;
	}
	free(matches);
	if (missing > 0)
		sink_notef(sink, "%zu test%s only in %s: %s%s", missing, missing == 1 ? " is" : "s are", where,
			   str_text(&names), missing > NAMES_SHOWN ? ", …" : "");
	return 0;
}

int compare_collections(const struct project *user, const struct project *checkout, const struct imports *imports,
			const struct progress_sink *sink, struct err *err)
{
	cleanup_suite_run struct suite_run mine = SUITE_RUN_INIT, theirs = SUITE_RUN_INIT;
	struct err why = ERR_INIT;
	sink_step(sink, "comparing the tests of your tree and of the checkout");
	imports_suspend(imports);
	int failed = collect(user, &mine, &why);
	if (imports_resume(imports, err) < 0)
		return -1;
	if (failed || collect(checkout, &theirs, &why) < 0) {
		if (interrupt_pending() || why.kind == ERR_INTERRUPTED)
			return interrupt_error(err);
		sink_notef(sink, "the tests of your tree and of the checkout cannot be compared: %s", why.text);
		return 0;
	}
	return note_missing(&theirs, &mine, "your tree", sink, err) < 0 ? -1 :
		note_missing(&mine, &theirs, "the checkout", sink, err);
}
