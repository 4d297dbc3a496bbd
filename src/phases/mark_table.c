#include "phases/mark_table.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

/* The hook in mark_hook.c does the same in Python. */
bool mark_name_shorten(struct str *name)
{
	char *bracket = name->len > 0 ? strchr(name->buf, '[') : NULL;
	char *separator = name->len > 0 ? strstr(name->buf, "::") : NULL;
	if (!bracket || !separator || separator > bracket) {
		char *last = NULL;
		for (char *p = separator; p; p = strstr(p + 2, "::"))
			last = p;
		bracket = last;
	}
	size_t len = bracket ? (size_t)(bracket - name->buf) : 0;
	name->len = len;
	if (name->buf)
		name->buf[len] = '\0';
	return len > 0;
}

/* --- Names as JSON: undecodable bytes are the lone surrogates that Python knows them by --- */

static int add_surrogate(struct str *out, unsigned code)
{
	return str_addf(out, "\\u%04x", code);
}

static int add_json_char(struct str *out, const unsigned char *p, size_t left, size_t *taken)
{
	size_t n = utf8_length(p, left);
	*taken = n ? n : 1;
	if (n > 1)
		return str_add(out, p, n);
	if (n == 1 && (p[0] == '"' || p[0] == '\\'))
		return str_addf(out, "\\%c", p[0]);
	if (n == 1)
		return p[0] < 0x20 ? str_addf(out, "\\u%04x", p[0]) : str_addc(out, (char)p[0]);
	if (left >= 3 && p[0] == 0xed && p[1] >= 0xa0 && (p[2] & 0xc0) == 0x80) {
		*taken = 3;
		return add_surrogate(out, 0xd000u | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu));
	}
	return add_surrogate(out, 0xdc00u | p[0]);
}

static int add_json_text(struct str *out, const char *text)
{
	size_t len = strlen(text), taken;
	if (str_addc(out, '"') < 0)
		return -1;
	for (size_t i = 0; i < len; i += taken)
		if (add_json_char(out, (const unsigned char *)text + i, len - i, &taken) < 0)
			return -1;
	return str_addc(out, '"');
}

/* "\ud8..": digits are those that may follow the d. The text ends with NUL. */
static bool is_surrogate(const char *p, const char *digits)
{
	return p[0] == '\\' && p[1] == 'u' && (p[2] == 'd' || p[2] == 'D') && p[3] && strchr(digits, p[3]) && p[4] && p[5];
}

/*
 * The way back, for jansson refuses lone surrogates: before parsing, each
 * \uD800-\uDFFF that is not half of a pair becomes a private mark, "\u0001XXXX".
 */
static int hide_surrogates(const struct str *json, struct str *out)
{
	for (size_t i = 0; i < json->len; i++) {
		const char *p = json->buf + i;
		if (is_surrogate(p, "89abAB") && is_surrogate(p + 6, "cdefCDEF")) {
			if (str_add(out, p, 12) < 0)
				return -1;
			i += 11;
		} else if (is_surrogate(p, "89abcdefABCDEF")) {
			if (str_addf(out, "\\u0001%.4s", p + 2) < 0)
				return -1;
			i += 5;
		} else if (p[0] == '\\' && i + 1 < json->len) {
			if (str_add(out, p, 2) < 0)
				return -1;
			i++;
		} else if (str_addc(out, *p) < 0) {
			return -1;
		}
	}
	return 0;
}

/* One code unit as the bytes of struct test: U+DC80-U+DCFF is a byte, another surrogate its three-byte form. */
static int add_unit(struct str *out, unsigned unit)
{
	if (unit >= 0xdc80 && unit <= 0xdcff)
		return str_addc(out, (char)(unit & 0xff));
	const char bytes[3] = { (char)0xed, (char)(0x80 | (unit >> 6 & 0x3f)), (char)(0x80 | (unit & 0x3f)) };
	return str_add(out, bytes, 3);
}

static int show_surrogates(const char *text, struct str *out)
{
	str_clear(out);
	for (const char *p = text; *p; p++) {
		if (*p != 1 || strlen(p) < 5) {
			if (str_addc(out, *p) < 0)
				return -1;
			continue;
		}
		char digits[5] = { p[1], p[2], p[3], p[4], '\0' };
		if (add_unit(out, (unsigned)strtoul(digits, NULL, 16)) < 0)
			return -1;
		p += 4;
	}
	return str_reserve(out, 0);
}

/* --- Reading and writing --- */

/* Equal names are looked for among the first `known` rows; the heavier category stays. */
static int add_row(struct mark_table *table, size_t known, const char *name, enum category category)
{
	for (size_t i = known < table->rows.len ? known : table->rows.len; i-- > 0;)
		if (strcmp(table->rows.at[i].name, name) == 0) {
			if (category > table->rows.at[i].category)
				table->rows.at[i].category = category;
			return 0;
		}
	struct mark_row row = { .name = os_strdup(name), .category = category };
	if (!row.name || vec_push(&table->rows, row) < 0) {
		free(row.name);
		return -1;
	}
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct mark_row *)a)->name, ((const struct mark_row *)b)->name);
}

static void sort_rows(struct mark_table *table)
{
	if (table->rows.len > 1)
		qsort(table->rows.at, table->rows.len, sizeof(*table->rows.at), compare_rows);
}

static int not_ours(const char *path, int line, const char *why, struct err *err)
{
	err_set_at(err, ERR_INPUT, path, line, "%s cannot be read: %s", MARK_TABLE_NAME, why);
	return err_hint(err, "mend it, or remove it and run comb mark again");
}

static int read_rows(struct mark_table *table, json_t *marks, const char *path, struct err *err)
{
	const char *key;
	json_t *value;
	cleanup_str struct str name = STR_INIT;
	json_object_foreach(marks, key, value) {
		const char *text = json_string_value(value);
		enum category category = text ? category_parse(text) : CATEGORY_NONE;
		if (category == CATEGORY_NONE)
			return not_ours(path, 0, "a mark is none of unit, integration and slow", err);
		if (show_surrogates(key, &name) < 0 || add_row(table, 0, name.buf, category) < 0)
			return err_no_memory(err);
	}
	sort_rows(table);
	return 0;
}

int mark_table_read(struct mark_table *table, const char *root, struct err *err)
{
	cleanup_str struct str path = STR_INIT, content = STR_INIT, json = STR_INIT;
	json_error_t why;
	mark_table_release(table);
	if (fs_join(&path, root, MARK_TABLE_NAME) < 0)
		return err_no_memory(err);
	if (!fs_exists(path.buf))
		return 0;
	if (fs_read(path.buf, &content, err) < 0)
		return -1;
	if (hide_surrogates(&content, &json) < 0)
		return err_no_memory(err);
	json_t *object = json_loadb(str_text(&json), json.len, JSON_REJECT_DUPLICATES, &why);
	json_t *marks = json_object_get(object, "marks");
	int failed;
	if (!object)
		failed = not_ours(path.buf, why.line, why.text, err);
	else if (json_integer_value(json_object_get(object, "version")) != 1 || !json_is_object(marks))
		failed = not_ours(path.buf, 0, "it has no \"version\": 1 and \"marks\"", err);
	else
		failed = read_rows(table, marks, path.buf, err);
	json_decref(object);
	return failed;
}

int mark_table_store(const struct mark_table *table, const char *root, struct changeset *set, struct err *err)
{
	cleanup_str struct str path = STR_INIT, before = STR_INIT, after = STR_INIT;
	if (fs_join(&path, root, MARK_TABLE_NAME) < 0)
		return err_no_memory(err);
	bool existed = fs_exists(path.buf);
	if (existed && fs_read(path.buf, &before, err) < 0)
		return -1;
	int failed = str_adds(&after, "{\n  \"version\": 1,\n  \"marks\": {");
	for (size_t i = 0; !failed && i < table->rows.len; i++) {
		const struct mark_row *row = &table->rows.at[i];
		failed = str_adds(&after, i ? ",\n    " : "\n    ") < 0 || add_json_text(&after, row->name) < 0 ||
			 str_addf(&after, ": \"%s\"", category_name(row->category)) < 0;
	}
	failed = failed || str_adds(&after, table->rows.len ? "\n  }\n}\n" : "}\n}\n") < 0;
	return failed ? err_no_memory(err) : changeset_add(set, path.buf, str_slice(&before), existed, &after, err);
}

void mark_table_release(struct mark_table *table)
{
	for (size_t i = 0; i < table->rows.len; i++)
		free(table->rows.at[i].name);
	vec_release(&table->rows);
	*table = (struct mark_table)MARK_TABLE_INIT;
}

/* --- As few rows as will do --- */

/* A test and one of the names it goes by. */
struct naming {
	char *name;
	size_t length_rank; /* shorter names first: how often it was shortened, counted from the file */
	size_t test;
};

struct namings {
	VEC(struct naming) at;
};

static void namings_release(struct namings *namings)
{
	for (size_t i = 0; i < namings->at.len; i++)
		free(namings->at.at[i].name);
	vec_release(&namings->at);
}
#define cleanup_namings __attribute__((cleanup(namings_release)))

static int compare_namings(const void *a, const void *b)
{
	const struct naming *x = a, *y = b;
	if (x->length_rank != y->length_rank)
		return x->length_rank < y->length_rank ? -1 : 1;
	int order = strcmp(x->name, y->name);
	return order ? order : (x->test > y->test) - (x->test < y->test);
}

static int add_names(struct namings *namings, const char *id, size_t test)
{
	cleanup_str struct str name = STR_INIT;
	size_t first = namings->at.len;
	if (str_adds(&name, id) < 0)
		return -1;
	do {
		struct naming naming = { .name = os_strdup(name.buf), .test = test };
		if (!naming.name || vec_push(&namings->at, naming) < 0) {
			free(naming.name);
			return -1;
		}
	} while (mark_name_shorten(&name));
	for (size_t i = first; i < namings->at.len; i++)
		namings->at.at[i].length_rank = namings->at.len - 1 - i;
	return 0;
}

/* Whether all tests of that name, and at least one that has no row yet, want one category. */
static enum category common_category(const struct naming *namings, size_t count, const struct verdict *verdicts,
				     const bool *done)
{
	enum category common = CATEGORY_NONE;
	bool useful = false;
	for (size_t i = 0; i < count; i++) {
		enum category category = verdicts[namings[i].test].category;
		if (common != CATEGORY_NONE && category != common)
			return CATEGORY_NONE;
		common = category;
		useful |= !done[namings[i].test];
	}
	return useful ? common : CATEGORY_NONE;
}

/* Equal node ids with different wants cannot be told apart: the heaviest counts for all. */
static int add_for_equal_ids(struct mark_table *table, const struct naming *namings, size_t count,
			     const struct suite_run *run, const struct verdict *verdicts, bool *done)
{
	for (size_t i = 0; i < count; i++) {
		size_t test = namings[i].test;
		if (done[test] || strcmp(run->tests.at[test].id, namings[i].name) != 0)
			continue;
		if (add_row(table, SIZE_MAX, namings[i].name, verdicts[test].category) < 0)
			return -1;
		done[test] = true;
	}
	return 0;
}

static int choose_rows(struct mark_table *table, const struct namings *namings, const struct suite_run *run,
		       const struct verdict *verdicts, bool *done)
{
	const struct naming *all = namings->at.at;
	const size_t known = table->rows.len;
	for (size_t first = 0, end; first < namings->at.len; first = end) {
		for (end = first + 1; end < namings->at.len && all[end].length_rank == all[first].length_rank &&
				      strcmp(all[end].name, all[first].name) == 0;
		     end++)
			;
		enum category category = common_category(all + first, end - first, verdicts, done);
		if (category == CATEGORY_NONE) {
			if (add_for_equal_ids(table, all + first, end - first, run, verdicts, done) < 0)
				return -1;
			continue;
		}
		if (add_row(table, known, all[first].name, category) < 0)
			return -1;
		for (size_t i = first; i < end; i++)
			done[all[i].test] = true;
	}
	return 0;
}

int mark_table_add(struct mark_table *table, const struct suite_run *run, const struct verdict *verdicts,
		   const bool *covered, struct err *err)
{
	cleanup_namings struct namings namings = { .at = VEC_INIT };
	cleanup_free bool *done = os_calloc(run->tests.len + 1, sizeof(bool));
	if (!done)
		return err_no_memory(err);
	/* Tests with a category in the source take none from the table, but they say what is true of a whole file. */
	for (size_t i = 0; i < run->tests.len; i++) {
		done[i] = covered[i];
		if (add_names(&namings, run->tests.at[i].id, i) < 0)
			return err_no_memory(err);
	}
	if (namings.at.len > 1)
		qsort(namings.at.at, namings.at.len, sizeof(*namings.at.at), compare_namings);
	if (choose_rows(table, &namings, run, verdicts, done) < 0)
		return err_no_memory(err);
	sort_rows(table);
	return 0;
}
