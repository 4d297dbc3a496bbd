#include "phases/check_groups.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "history/history.h"
#include "phases/mark_apply.h"
#include "phases/test_sources.h"
#include "source/marks.h"

#include "base/banned.h"

/* Under this key the history keeps the names of the groups that comb has placed, as a JSON array. */
#define OWN_GROUPS_KEY "check.groups"

enum level { LEVEL_MODULE, LEVEL_CLASS, LEVEL_FUNCTION };

/* Where one mark goes. */
struct place {
	struct test_source *source;
	char *class_path; /* NULL: none */
	char *function; /* NULL: the class, or the module */
	int line;
	char *mark; /* "xdist_group(\"port-8765\")" */
};

struct places {
	VEC(struct place) list;
};

static void places_release(struct places *places)
{
	for (size_t i = 0; i < places->list.len; i++) {
		free(places->list.at[i].class_path);
		free(places->list.at[i].function);
		free(places->list.at[i].mark);
	}
	vec_release(&places->list);
}

void check_groups_release(struct check_groups *work)
{
	changeset_release(&work->set);
	strings_release(&work->unplaced);
	*work = (struct check_groups)CHECK_GROUPS_INIT;
}

/* --- Which level --- */

/* Whether a test stands in that module, and in that class or one inside it (NULL: anywhere in the module). */
static bool is_within(const struct test *test, const char *path, const char *class_path)
{
	if (!text_equals(test->path, path))
		return false;
	if (!class_path)
		return true;
	size_t len = strlen(class_path);
	return test->module_class && strncmp(test->module_class, class_path, len) == 0 &&
		(test->module_class[len] == '\0' || test->module_class[len] == ':');
}

/* Whether all tests there are in the group of that one, and there is more than one function to mark. */
static bool is_uniform(const struct analysis *analysis, size_t test, const char *class_path)
{
	const struct suite_run *run = &analysis->base;
	const struct test *one = &run->tests.at[test];
	size_t root = groups_root(&analysis->groups, test);
	bool several = false;
	for (size_t i = 0; i < run->tests.len; i++) {
		if (!is_within(&run->tests.at[i], one->path, class_path))
			continue;
		if (groups_root(&analysis->groups, i) != root || run->tests.at[i].group)
			return false;
		several |= !text_equals(run->tests.at[i].function, one->function);
	}
	return several;
}

/* --- Places --- */

/* A Python string literal: printable ASCII as it is, other bytes as \xNN. */
static int add_group_mark(struct str *out, const char *name)
{
	if (str_adds(out, "xdist_group(\"") < 0)
		return -1;
	for (const unsigned char *p = (const unsigned char *)name; *p; p++) {
		int failed = *p == '"' || *p == '\\' ? str_addf(out, "\\%c", *p)
			: isprint(*p)                ? str_addc(out, (char)*p)
						     : str_addf(out, "\\x%02x", *p);
		if (failed)
			return -1;
	}
	return str_adds(out, "\")");
}

static bool same_place(const struct place *a, const struct place *b)
{
	return a->source == b->source && text_equals(a->class_path, b->class_path) &&
		text_equals(a->function, b->function) && a->line == b->line;
}

/* Takes the strings over. A place that is there already is dropped. */
static int add_place(struct places *places, struct place place)
{
	bool complete = place.mark != NULL;
	for (size_t i = 0; complete && i < places->list.len; i++)
		if (same_place(&places->list.at[i], &place))
			goto drop;
	if (complete && vec_push(&places->list, place) == 0)
		return 0;
	complete = false;
drop:
	free(place.class_path);
	free(place.function);
	free(place.mark);
	return complete ? 0 : -1;
}

static int note_unplaced(struct check_groups *work, const struct test *test, const char *why, struct err *err)
{
	return strings_addf(&work->unplaced, "%s: %s", test->id, why) < 0 ? err_no_memory(err) : 0;
}

/* The highest level that is true; a function that stands elsewhere, or in no source, is reached by its class or module. */
static enum level level_of(const struct analysis *analysis, size_t test, const struct test_source *source)
{
	const struct test *one = &analysis->base.tests.at[test];
	if (is_uniform(analysis, test, NULL))
		return LEVEL_MODULE;
	if (one->module_class && is_uniform(analysis, test, one->module_class) &&
	    python_tree_find(&source->tree, one->module_class, NULL, 0) != PYTHON_NONE)
		return LEVEL_CLASS;
	if (test_source_def(source, one) != PYTHON_NONE)
		return LEVEL_FUNCTION;
	bool has_class =
		one->module_class && python_tree_find(&source->tree, one->module_class, NULL, 0) != PYTHON_NONE;
	return has_class ? LEVEL_CLASS : LEVEL_MODULE;
}

static int place_test(struct check_groups *work, struct places *places, struct test_sources *sources,
		      const struct analysis *analysis, size_t index, struct err *err)
{
	const struct test *test = &analysis->base.tests.at[index];
	const char *name = groups_name(&analysis->groups, index);
	if (analysis->groups.clash[groups_root(&analysis->groups, index)])
		return note_unplaced(work, test, "it would belong to two groups of yours", err);
	struct test_source *source = test_sources_get(sources, test->path, err);
	if (!source)
		return -1;
	if (source->problem)
		return note_unplaced(work, test, source->problem, err);
	enum level level = level_of(analysis, index, source);
	cleanup_str struct str mark = STR_INIT, class_path = STR_INIT;
	struct place place = { .source = source };
	if (add_group_mark(&mark, name) < 0)
		return err_no_memory(err);
	if (level == LEVEL_FUNCTION) {
		size_t def = test_source_def(source, test);
		if (test_source_class_path(source, def, &class_path) < 0)
			return note_unplaced(work, test, "it is made inside a function", err);
		place.function = os_strdup(test->function);
		place.line = source->tree.defs.at[def].line;
		place.class_path = class_path.len ? str_steal(&class_path) : NULL;
	} else if (level == LEVEL_CLASS) {
		place.class_path = os_strdup(test->module_class);
	}
	bool complete = level == LEVEL_MODULE || place.function || place.class_path;
	place.mark = complete ? str_steal(&mark) : NULL;
	return add_place(places, place) < 0 ? err_no_memory(err) : 0;
}

/* --- What comb has placed --- */

static json_t *own_groups(struct history *history, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (history && history_meta_get(history, OWN_GROUPS_KEY, &text, err) < 0)
		return NULL;
	json_t *names = text.len ? json_loads(text.buf, 0, NULL) : NULL;
	if (!json_is_array(names)) {
		json_decref(names);
		names = json_array();
	}
	if (!names)
		err_no_memory(err);
	return names;
}

int check_groups_own(struct history *history, struct strings *names, struct err *err)
{
	json_t *list = own_groups(history, err);
	int result = list ? 0 : -1;
	for (size_t i = 0; result == 0 && i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		if (name && strings_add(names, name) < 0)
			result = err_no_memory(err);
	}
	json_decref(list);
	return result;
}

/* --- Edits --- */

static struct mark_request request_for(const struct place *place, const char *mark)
{
	return (struct mark_request){
		.class_path = place->class_path, .function = place->function, .line = place->line, .mark = mark
	};
}

/* The places of one file, as requests. The caller frees. */
static struct mark_request *requests_of(const struct places *places, const struct test_source *source, size_t *count)
{
	struct mark_request *requests = os_calloc(places->list.len + 1, sizeof(*requests));
	*count = 0;
	for (size_t i = 0; requests && i < places->list.len; i++)
		if (places->list.at[i].source == source)
			requests[(*count)++] = request_for(&places->list.at[i], places->list.at[i].mark);
	return requests;
}

/* Takes every mark out of a file that comb has put there, wherever it stands. */
static int strip(const struct strings *own, const struct test_source *source, struct str *content, struct err *err)
{
	if (str_add(content, str_text(&source->content), source->content.len) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < own->len; i++) {
		cleanup_edits struct edits removal = EDITS_INIT;
		cleanup_str struct str mark = STR_INIT, after = STR_INIT;
		if (add_group_mark(&mark, own->at[i]) < 0)
			return err_no_memory(err);
		struct mark_request request = { .mark = str_text(&mark), .anywhere = true };
		if (marks_remove(str_slice(content), source->path, &request, 1, &removal, err) < 0)
			return -1;
		if (removal.splices.len == 0)
			continue;
		if (edits_apply(&removal, str_slice(content), &after, err) < 0)
			return -1;
		struct str swap = *content;
		*content = after;
		after = swap;
	}
	return 0;
}

/* Where a line of the old text stands in the new one, which has lost some lines above it. */
static int line_after(const char *before, const char *after, int line)
{
	int lost = 0;
	for (int n = 1; n < line && *before; n++) {
		size_t len = strcspn(before, "\n"), other = strcspn(after, "\n");
		if (len == other && memcmp(before, after, len) == 0)
			after += other + (after[other] == '\n');
		else
			lost++;
		before += len + (before[len] == '\n');
	}
	return line - lost;
}

static int edit_file(struct check_groups *work, const struct places *places, const struct strings *own,
		     struct test_source *source, struct err *err)
{
	cleanup_edits struct edits insertion = EDITS_INIT;
	cleanup_str struct str cleared = STR_INIT, marked = STR_INIT;
	size_t count;
	cleanup_free struct mark_request *requests = requests_of(places, source, &count);
	if (!requests)
		return err_no_memory(err);
	if (source->problem || (count == 0 && own->len == 0))
		return 0;
	if (strip(own, source, &cleared, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (requests[i].line > 0)
			requests[i].line = line_after(str_text(&source->content), str_text(&cleared), requests[i].line);
	if (marks_insert(str_slice(&cleared), source->path, requests, count, &insertion, err) < 0 ||
	    edits_apply(&insertion, str_slice(&cleared), &marked, err) < 0)
		return -1;
	if (marked.len == source->content.len && memcmp(str_text(&marked), str_text(&source->content), marked.len) == 0)
		return 0;
	return changeset_add(&work->set, source->real, str_slice(&source->content), true, &marked, err);
}

static int plan(struct check_groups *work, struct phase_ctx *ctx, const struct analysis *analysis,
		struct test_sources *sources, struct err *err)
{
	__attribute__((cleanup(places_release))) struct places places = { .list = VEC_INIT };
	cleanup_strings struct strings own = STRINGS_INIT;
	check_groups_release(work);
	if (test_sources_open(sources, ctx->project->root, err) < 0 || check_groups_own(ctx->history, &own, err) < 0)
		return -1;
	/* Where comb has marks from an earlier check, any file may hold one that is not wanted any more. */
	for (size_t i = 0; own.len > 0 && i < analysis->base.tests.len; i++)
		if (analysis->base.tests.at[i].path && !test_sources_get(sources, analysis->base.tests.at[i].path, err))
			return -1;
	for (size_t i = 0; i < analysis->base.tests.len; i++) {
		if (!groups_name(&analysis->groups, i))
			continue;
		work->tests++;
		work->groups += groups_root(&analysis->groups, i) == i;
		if (!text_equals(analysis->base.tests.at[i].group, groups_name(&analysis->groups, i)) &&
		    place_test(work, &places, sources, analysis, i, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < sources->files.len; i++)
		if (edit_file(work, &places, &own, sources->files.at[i], err) < 0)
			return -1;
	return 0;
}

int check_groups_plan(struct check_groups *work, struct phase_ctx *ctx, const struct analysis *analysis,
		      struct err *err)
{
	cleanup_test_sources struct test_sources sources = TEST_SOURCES_INIT;
	return plan(work, ctx, analysis, &sources, err);
}

/* --- What comb places now --- */

static bool holds(const json_t *names, const char *name)
{
	for (size_t i = 0; i < json_array_size(names); i++)
		if (text_equals(json_string_value(json_array_get(names, i)), name))
			return true;
	return false;
}

static int record_own(struct phase_ctx *ctx, const struct analysis *analysis, struct err *err)
{
	if (!ctx->history)
		return 0;
	json_t *names = own_groups(ctx->history, err);
	for (size_t i = 0; names && i < analysis->base.tests.len; i++) {
		const char *name = groups_name(&analysis->groups, i);
		if (name && !text_equals(analysis->base.tests.at[i].group, name) && !holds(names, name))
			json_array_append_new(names, json_string(name));
	}
	char *text = names ? json_dumps(names, JSON_COMPACT) : NULL;
	int result = text ? history_meta_set(ctx->history, OWN_GROUPS_KEY, text, err) : err_no_memory(err);
	free(text);
	json_decref(names);
	return result;
}

int check_groups_forget_own(struct suite_run *run, struct history *history, struct err *err)
{
	json_t *names = own_groups(history, err);
	if (!names)
		return -1;
	for (size_t i = 0; i < run->tests.len; i++)
		if (run->tests.at[i].group && holds(names, run->tests.at[i].group)) {
			free(run->tests.at[i].group);
			run->tests.at[i].group = NULL;
		}
	json_decref(names);
	return 0;
}

/* --- Writing --- */

/* NULL: the collection is the same, and each test that was placed is in its group. */
static const char *what_is_wrong(const struct analysis *analysis, const struct suite_run *after)
{
	const struct suite_run *base = &analysis->base;
	cleanup_free size_t *match = suite_match(base, after);
	size_t matched = 0;
	for (size_t i = 0; match && i < after->tests.len; i++) {
		if (match[i] == SIZE_MAX)
			continue;
		const char *wanted = groups_name(&analysis->groups, match[i]);
		matched++;
		if (!wanted && after->tests.at[i].group && !base->tests.at[match[i]].group)
			return "a mark reaches a test that it is not for";
	}
	return matched == base->tests.len ? NULL : "the suite collects other tests with the marks";
}

int check_groups_write(struct check_groups *work, struct phase_ctx *ctx, const struct analysis *analysis,
		       struct suite_run *after, struct err *err)
{
	cleanup_test_sources struct test_sources sources = TEST_SOURCES_INIT;
	if (plan(work, ctx, analysis, &sources, err) < 0)
		return -1;
	sink_step(ctx->sink, "writing the groups");
	if (changeset_write(&work->set, err) < 0)
		return -1;
	const char *wrong = NULL;
	int result = mark_collect(ctx, after, err);
	if (result == 0)
		wrong = what_is_wrong(analysis, after);
	if (result == 0 && !wrong)
		return record_own(ctx, analysis, err);
	struct err undo = ERR_INIT;
	if (changeset_undo(&work->set, &undo) < 0 && result == 0)
		*err = undo;
	return wrong ? err_set(err, ERR_GATE, "the groups were taken out again: %s", wrong) : -1;
}
