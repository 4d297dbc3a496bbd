#include <string.h>

#include "property.h"
#include "source/toml_tree.h"

/* One line for each value: its keys and its text. */
static void list_values(const struct toml *toml, const struct toml_item *item, struct str *prefix, struct strings *out)
{
	size_t len = prefix->len;
	str_adds(prefix, "/");
	str_adds(prefix, item->key ? item->key : "");
	bool is_leaf = item->type != TOML_TABLE && item->type != TOML_TABLES;
	if (is_leaf) {
		size_t with_key = prefix->len;
		str_adds(prefix, " = ");
		str_add(prefix, toml->source.ptr + item->value.start, item->value.end - item->value.start);
		strings_add(out, prefix->buf);
		prefix->len = with_key;
	}
	for (size_t i = 0; i < item->children.len && !is_leaf; i++)
		list_values(toml, item->children.at[i], prefix, out);
	prefix->len = len;
	prefix->buf[len] = '\0';
}

static int values_of(const struct toml *toml, struct strings *out)
{
	cleanup_str struct str prefix = STR_INIT;
	str_adds(&prefix, "");
	list_values(toml, toml->root, &prefix, out);
	strings_sort(out);
	return 0;
}

/* How many values of before are not in after. Both are sorted. */
static size_t lost(const struct strings *before, const struct strings *after)
{
	size_t count = 0, j = 0;
	for (size_t i = 0; i < before->len; i++) {
		while (j < after->len && strcmp(after->at[j], before->at[i]) < 0)
			j++;
		if (j < after->len && strcmp(after->at[j], before->at[i]) == 0)
			j++;
		else
			count++;
	}
	return count;
}

enum action { SET, APPEND };

static int change(const struct toml *toml, enum action action, const char *const path[], struct str *out,
		  bool *inserts, struct err *err)
{
	static const char *const texts[] = { "unit: a \"b\"", "slow: it's" };
	cleanup_edits struct edits edits = EDITS_INIT;
	int result = action == SET ? toml_set(toml, path, "\"-n 2\"", &edits, err)
				   : toml_append(toml, path, texts, 2, &edits, err);
	*inserts = only_inserts(&edits);
	return result < 0 ? -1 : edits_apply(&edits, toml->source, out, err);
}

static int check_change(const struct toml *toml, enum action action, const char *const path[])
{
	struct err err = ERR_INIT;
	cleanup_str struct str once = STR_INIT, twice = STR_INIT, value = STR_INIT;
	cleanup_toml struct toml after = TOML_INIT;
	bool inserts, replaces = toml_type(toml, path) != TOML_NONE;
	if (change(toml, action, path, &once, &inserts, &err) < 0)
		return check_refusal(&err, toml->source);
	if (!inserts && !(action == SET && replaces))
		return broken("bytes outside the splices stay", toml->source, str_slice(&once));
	if (toml_open(&after, str_slice(&once), "x.toml", &err) < 0)
		return broken(err.text, toml->source, str_slice(&once));
	if (change(&after, action, path, &twice, &inserts, &err) < 0 ||
	    !slices_same(str_slice(&once), str_slice(&twice)))
		return broken("twice is once", str_slice(&once), str_slice(&twice));
	cleanup_strings struct strings before_values = STRINGS_INIT, after_values = STRINGS_INIT, texts = STRINGS_INIT;
	values_of(toml, &before_values);
	values_of(&after, &after_values);
	bool whole_table = toml_type(toml, path) == TOML_TABLE;
	if ((!whole_table && lost(&before_values, &after_values) > replaces) || lost(&after_values, &before_values) > 1)
		return broken("only one value changes", toml->source, str_slice(&once));
	bool there = action == SET ? toml_string(&after, path, &value, &err) == 1 && strcmp(value.buf, "-n 2") == 0
				   : toml_some_strings(&after, path, &texts, &err) == 1 &&
					     strings_find(&texts, "unit: a \"b\"") >= 0 &&
					     strings_find(&texts, "slow: it's") >= 0;
	return there ? 0 : broken("the new value is there", toml->source, str_slice(&once));
}

static int check_removal(const struct toml *toml, const char *const path[])
{
	struct err err = ERR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	cleanup_str struct str out = STR_INIT;
	cleanup_toml struct toml after = TOML_INIT;
	if (toml_remove(toml, path, &edits, &err) < 0)
		return check_refusal(&err, toml->source);
	if (edits_apply(&edits, toml->source, &out, &err) < 0 ||
	    toml_open(&after, str_slice(&out), "x.toml", &err) < 0)
		return broken(err.text, toml->source, str_slice(&out));
	return toml_type(&after, path) == TOML_NONE ? 0 : broken("it is gone", toml->source, str_slice(&out));
}

int property_toml(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct slice source = { (const char *)data, size };
	cleanup_toml struct toml toml = TOML_INIT;
	static const char *const paths[][5] = {
		{ "a", NULL }, { "a", "b", NULL }, { "a", "b", "c", NULL }, { "tool", "x y", "c", "d", NULL }
	};
	if (toml_open(&toml, source, "x.toml", &err) < 0)
		return check_refusal(&err, source);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		if (check_change(&toml, SET, paths[i]) || check_change(&toml, APPEND, paths[i]) ||
		    check_removal(&toml, paths[i]))
			return 1;
	return 0;
}
