#include <string.h>

#include "property.h"
#include "source/requirements_edit.h"

static int insert(const struct requirements *requirements, struct str *out, bool *inserts, struct err *err)
{
	cleanup_edits struct edits edits = EDITS_INIT;
	if (requirements_insert(requirements, "pytest-xdist", "pytest", &edits, err) < 0)
		return -1;
	*inserts = only_inserts(&edits);
	return edits_apply(&edits, requirements->source, out, err);
}

static bool same_items(const struct requirements *before, const struct requirements *after)
{
	size_t j = 0;
	for (size_t i = 0; i < before->items.len; i++, j++) {
		const char *name = j < after->items.len ? after->items.at[j].name : NULL;
		if (name && strcmp(name, "pytest-xdist") == 0 && !text_equals(before->items.at[i].name, name))
			j++;
		if (j >= after->items.len || !text_equals(before->items.at[i].name, after->items.at[j].name) ||
		    !text_equals(before->items.at[i].include, after->items.at[j].include) ||
		    !text_equals(before->items.at[i].marker, after->items.at[j].marker))
			return false;
	}
	return true;
}

int property_requirements(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct slice source = { (const char *)data, size };
	cleanup_requirements struct requirements before = REQUIREMENTS_INIT, after = REQUIREMENTS_INIT;
	cleanup_str struct str once = STR_INIT, twice = STR_INIT;
	bool inserts;
	if (requirements_open(&before, source, "requirements.txt", &err) < 0)
		return check_refusal(&err, source);
	if (insert(&before, &once, &inserts, &err) < 0)
		return before.hash_mode ? check_refusal(&err, source) : broken(err.text, source, SLICE(""));
	if (!inserts)
		return broken("bytes outside the splices stay", source, str_slice(&once));
	if (requirements_open(&after, str_slice(&once), "requirements.txt", &err) < 0 ||
	    insert(&after, &twice, &inserts, &err) < 0)
		return broken(err.text, source, str_slice(&once));
	if (!slices_same(str_slice(&once), str_slice(&twice)))
		return broken("twice is once", str_slice(&once), str_slice(&twice));
	if (!requirements_find(&after, "pytest-xdist"))
		return broken("the requirement is there", source, str_slice(&once));
	return same_items(&before, &after) ? 0 : broken("all other lines stay", source, str_slice(&once));
}
