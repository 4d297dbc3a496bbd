#include "phases/check_record.h"

#include <stdlib.h>
#include <string.h>

#include "history/history.h"
#include "phases/check_groups.h"

#include "base/banned.h"

#define ANALYSIS_KEY "check.analysis"

int check_record_store(const struct analysis *analysis, struct history *history, struct err *err)
{
	if (!history)
		return 0;
	json_t *json = analysis_json(analysis);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int result = text ? history_meta_set(history, ANALYSIS_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(json);
	return result;
}

int check_record_groups(const struct suite_run *run, struct strings *in_force, struct err *err)
{
	strings_release(in_force);
	for (size_t i = 0; i < run->tests.len; i++)
		if (strings_add(in_force, run->tests.at[i].group ? run->tests.at[i].group : "") < 0)
			return err_no_memory(err);
	return 0;
}

/* The tests that the suite itself selects: those that the analysis knows. */
static int collect(struct phase_ctx *ctx, struct suite_run *run, struct err *err)
{
	struct suite_options options = { .engine = ENGINE_SERIAL,
					 .collect_only = true,
					 .timeout_s = ctx->settings->timeout_s };
	sink_step(ctx->sink, "collecting the suite");
	return suite_run(ctx->project, &options, run, err);
}

int check_record_collect(struct phase_ctx *ctx, struct strings *in_force, struct err *err)
{
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	return collect(ctx, &run, err) < 0 ? -1 : check_record_groups(&run, in_force, err);
}

int check_record_load(struct phase_ctx *ctx, struct analysis *analysis, struct strings *in_force, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	cleanup_suite_run struct suite_run run = SUITE_RUN_INIT;
	if (!ctx->history)
		return 0;
	int found = history_meta_get(ctx->history, ANALYSIS_KEY, &text, err);
	if (found <= 0)
		return found;
	json_t *json = json_loads(text.buf, 0, NULL);
	if (!json)
		return 0;
	int result = collect(ctx, &run, err);
	if (result == 0)
		result = check_record_groups(&run, in_force, err);
	if (result == 0)
		result = check_groups_forget_own(&run, ctx->history, err);
	if (result == 0)
		result = analysis_restore(analysis, json, &run, err);
	json_decref(json);
	return result;
}

static bool is_kept_together(const struct finding *finding, const struct strings *in_force)
{
	if (finding->tests.len < 2)
		return false;
	const char *group = in_force->at[finding->tests.at[0]];
	for (size_t i = 0; i < finding->tests.len; i++)
		if (!group[0] || strcmp(in_force->at[finding->tests.at[i]], group) != 0)
			return false;
	return true;
}

void check_record_resolve(struct analysis *analysis, const struct strings *in_force)
{
	for (size_t i = 0; i < analysis->findings.list.len; i++)
		analysis->findings.list.at[i].resolved = is_kept_together(&analysis->findings.list.at[i], in_force);
}
