#include "project/addopts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/fs.h"
#include "base/os.h"
#include "source/ini_edit.h"
#include "source/toml_edit.h"

#include "base/banned.h"

/* Where addopts stands in each kind of configuration file. */
static const struct place {
	const char *section; /* INI; NULL: TOML */
	const char *path[5]; /* TOML; the other options of pytest stand beside its last key */
	bool list; /* a new value is an array */
} places[] = {
	[CONFIG_NONE] = { .section = "pytest" },
	[CONFIG_PYTEST_TOML] = { .path = { "pytest", "addopts", NULL }, .list = true },
	[CONFIG_PYTEST_INI] = { .section = "pytest" },
	[CONFIG_PYPROJECT] = { .path = { "tool", "pytest", "addopts", NULL }, .list = true },
	[CONFIG_PYPROJECT_INI] = { .path = { "tool", "pytest", "ini_options", "addopts", NULL } },
	[CONFIG_TOX_INI] = { .section = "pytest" },
	[CONFIG_SETUP_CFG] = { .section = "tool:pytest" },
};

/* Options that comb sets. With a value: in the same word, or the next one. */
static const struct replaced {
	const char *name;
	bool has_value;
} replaced_options[] = {
	{ "-n", true },      { "--numprocesses", true }, { "--dist", true }, { "-d", false },
	{ "--comb", false }, { "--no-comb", false },     { NULL, false },
};

struct word {
	size_t start, end; /* bytes of the text */
	struct str value;
};

struct word_list {
	VEC(struct word) words;
};

static void word_list_release(struct word_list *list)
{
	for (size_t i = 0; i < list->words.len; i++)
		str_release(&list->words.at[i].value);
	vec_release(&list->words);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One word at *at, by the rules of shlex in POSIX mode. Moves *at behind it. */
static int scan_word(const char *text, size_t *at, struct str *value, struct err *err)
{
	char quote = 0;
	for (; text[*at]; ++*at) {
		char c = text[*at];
		if (!quote && is_blank(c))
			return 0;
		if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (quote && c == quote) {
			quote = 0;
			continue;
		}
		char next = text[*at + 1];
		if (c == '\\' && next && (!quote || (quote == '"' && (next == '"' || next == '\\'))))
			c = text[++*at];
		if (str_addc(value, c) < 0)
			return err_no_memory(err);
	}
	if (quote)
		return err_set(err, ERR_INPUT, "addopts has a quotation that is not closed: %.200s", text);
	return 0;
}

static int scan_words(const char *text, struct word_list *list, struct err *err)
{
	for (size_t at = 0; text[at];) {
		if (is_blank(text[at])) {
			at++;
			continue;
		}
		struct word word = { .start = at };
		int failed = scan_word(text, &at, &word.value, err);
		word.end = at;
		if (!failed && vec_push(&list->words, word) < 0)
			failed = err_no_memory(err);
		if (failed) {
			str_release(&word.value);
			return -1;
		}
	}
	return 0;
}

int addopts_split(const char *text, struct strings *words, struct err *err)
{
	struct word_list list = { .words = VEC_INIT };
	int failed = scan_words(text, &list, err);
	for (size_t i = 0; !failed && i < list.words.len; i++)
		if (strings_add(words, str_text(&list.words.at[i].value)) < 0)
			failed = err_no_memory(err);
	word_list_release(&list);
	return failed;
}

/*
 * Does word set a replaced option? *value is then where its value begins in the
 * word, NULL when it is the next word (or when the option has none).
 */
static const struct replaced *match_option(const char *word, const char **value)
{
	for (const struct replaced *option = replaced_options; option->name; option++) {
		size_t len = strlen(option->name);
		bool is_long = option->name[1] == '-';
		*value = NULL;
		if (strcmp(word, option->name) == 0)
			return option;
		if (!option->has_value || strncmp(word, option->name, len) != 0)
			continue;
		if (word[len] == '=') {
			*value = word + len + 1;
			return option;
		}
		if (!is_long) {
			*value = word + len;
			return option;
		}
	}
	return NULL;
}

int addopts_replace(const char *text, const char *options, struct str *out, struct err *err)
{
	struct word_list list = { .words = VEC_INIT };
	size_t from = 0, len = strlen(text);
	int failed = scan_words(text, &list, err);
	str_clear(out);
	for (size_t i = 0; !failed && i < list.words.len; i++) {
		const char *value;
		const struct replaced *option = match_option(str_text(&list.words.at[i].value), &value);
		if (!option)
			continue;
		size_t start = list.words.at[i].start;
		if (option->has_value && !value && i + 1 < list.words.len)
			i++;
		while (start > from && is_blank(text[start - 1]))
			start--;
		failed = str_add(out, text + from, start - from) < 0 ? err_no_memory(err) : 0;
		from = list.words.at[i].end;
	}
	word_list_release(&list);
	while (from > 0 && out->len == 0 && is_blank(text[from]))
		from++;
	while (len > from && is_blank(text[len - 1]))
		len--;
	if (failed || str_add(out, text + from, len - from) < 0)
		return failed ? -1 : err_no_memory(err);
	const char *line = strchr(str_text(out), '\n');
	if (str_adds(out, out->len == 0 ? "" : line ? "\n" : " ") < 0 || str_adds(out, options) < 0)
		return err_no_memory(err);
	return 0;
}

static bool is_engine(const struct replaced *option)
{
	return strcmp(option->name, "--comb") == 0 || strcmp(option->name, "--no-comb") == 0;
}

/* One option and its value; the last ones hold. */
static int note_option(struct addopts *addopts, const struct replaced *option, const char *value, struct err *err)
{
	if (is_engine(option)) {
		addopts->names_comb = true;
		addopts->comb = strcmp(option->name, "--comb") == 0;
		return 0;
	}
	bool is_dist = strcmp(option->name, "--dist") == 0 || !option->has_value;
	char **into = is_dist ? &addopts->dist : &addopts->workers;
	free(*into);
	*into = os_strdup(option->has_value ? value : "load");
	return *into ? 0 : err_no_memory(err);
}

static int note_options(struct addopts *addopts, struct err *err)
{
	addopts->comb = addopts->comb_setting;
	for (size_t i = 0; i < addopts->words.len; i++) {
		const char *value;
		const struct replaced *option = match_option(addopts->words.at[i], &value);
		if (option && option->has_value && !value)
			value = i + 1 < addopts->words.len ? addopts->words.at[++i] : "";
		if (option && note_option(addopts, option, value, err) < 0)
			return -1;
	}
	return 0;
}

/* pytest's own idea of a true value. */
static bool is_true(const char *text)
{
	static const char *const yes[] = { "y", "yes", "t", "true", "on", "1" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		if (strcasecmp(yes[i], text) == 0)
			return true;
	return false;
}

/* The option `comb`, a sibling of addopts. What is no value for it is for pytest to refuse. */
static int read_toml_setting(const struct toml *toml, const struct place *place, bool *value, struct err *err)
{
	const char *path[5] = { NULL };
	cleanup_str struct str text = STR_INIT;
	for (size_t i = 0; place->path[i]; i++)
		path[i] = place->path[i + 1] ? place->path[i] : "comb";
	if (toml_type(toml, path) == TOML_BOOLEAN)
		return toml_boolean(toml, path, value, err) < 0 ? -1 : 0;
	if (toml_type(toml, path) != TOML_STRING)
		return 0;
	if (toml_string(toml, path, &text, err) < 0)
		return -1;
	*value = is_true(str_text(&text));
	return 0;
}

static int read_toml(struct addopts *addopts, const struct place *place, const char *path, struct slice source,
		     struct err *err)
{
	cleanup_toml struct toml toml = TOML_INIT;
	if (toml_open(&toml, source, path, err) < 0)
		return -1;
	enum toml_type type = toml_type(&toml, place->path);
	addopts->present = type != TOML_NONE;
	addopts->is_list = type == TOML_ARRAY;
	addopts->line = toml_line(&toml, place->path);
	if (read_toml_setting(&toml, place, &addopts->comb_setting, err) < 0)
		return -1;
	if (type == TOML_ARRAY)
		return toml_strings(&toml, place->path, &addopts->words, err) < 0 ? -1 : 0;
	return toml_string(&toml, place->path, &addopts->text, err) < 0 ? -1 : 0;
}

static int read_ini(struct addopts *addopts, const struct place *place, const char *path, struct slice source,
		    struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	cleanup_str struct str setting = STR_INIT;
	if (ini_open(&ini, source, path, INI_PYTEST, err) < 0 ||
	    ini_value(&ini, place->section, "comb", &setting, err) < 0)
		return -1;
	addopts->comb_setting = is_true(str_text(&setting));
	const struct ini_key *key = ini_key(&ini, place->section, "addopts");
	addopts->present = key != NULL;
	addopts->line = key ? key->line : 0;
	return ini_value(&ini, place->section, "addopts", &addopts->text, err) < 0 ? -1 : 0;
}

int addopts_read(struct addopts *addopts, const struct project *project, struct err *err)
{
	const struct place *place = &places[project->config_kind];
	cleanup_str struct str source = STR_INIT;
	addopts_release(addopts);
	if (project->config_kind == CONFIG_NONE)
		return 0;
	if (fs_read(project->config_path, &source, err) < 0)
		return -1;
	int failed = place->section ? read_ini(addopts, place, project->config_path, str_slice(&source), err)
				    : read_toml(addopts, place, project->config_path, str_slice(&source), err);
	if (!failed && !addopts->is_list)
		failed = addopts_split(str_text(&addopts->text), &addopts->words, err);
	return failed ? -1 : note_options(addopts, err);
}

void addopts_release(struct addopts *addopts)
{
	str_release(&addopts->text);
	strings_release(&addopts->words);
	free(addopts->workers);
	free(addopts->dist);
	*addopts = (struct addopts)ADDOPTS_INIT;
}

/* The words that say what is wanted, each value in its option's word; comb's engine may have to be refused by name. */
static int list_words(const struct addopts *addopts, const struct addopts_wanted *wanted, struct strings *words)
{
	const char *engine = wanted->comb ? "--comb" : addopts->comb_setting ? "--no-comb" : NULL;
	if (engine && strings_add(words, engine) < 0)
		return -1;
	return strings_addf(words, "-n%s", wanted->workers) < 0 ? -1 : strings_addf(words, "--dist=%s", wanted->dist);
}

/* The same for a person's eye, in one text. */
static int add_options(const struct addopts *addopts, const struct addopts_wanted *wanted, struct str *out)
{
	const char *engine = wanted->comb ? "--comb " : addopts->comb_setting ? "--no-comb " : "";
	return str_addf(out, "%s-n %s --dist %s", engine, wanted->workers, wanted->dist);
}

static bool has_replaced(const struct addopts *addopts)
{
	return addopts->workers || addopts->dist || addopts->names_comb;
}

/* A TOML array of the words kept and the new ones, on one line. */
static int format_list(const struct addopts *addopts, const struct strings *words, struct str *out)
{
	if (str_addc(out, '[') < 0)
		return -1;
	for (size_t i = 0; i < addopts->words.len; i++) {
		const char *value;
		const struct replaced *option = match_option(addopts->words.at[i], &value);
		if (option) {
			i += option->has_value && !value;
			continue;
		}
		if (toml_quote(out, addopts->words.at[i]) < 0 || str_adds(out, ", ") < 0)
			return -1;
	}
	for (size_t i = 0; i < words->len; i++)
		if ((i > 0 && str_adds(out, ", ") < 0) || toml_quote(out, words->at[i]) < 0)
			return -1;
	return str_addc(out, ']');
}

/* A TOML string; over several lines where the text has several. */
static int format_text(const char *text, struct str *out)
{
	if (!strchr(text, '\n'))
		return toml_quote(out, text);
	if (str_adds(out, "\"\"\"\n") < 0)
		return -1;
	for (const char *p = text; *p; p++) {
		bool quote = strncmp(p, "\"\"\"", 3) == 0;
		if ((*p == '\\' || quote) && str_addc(out, '\\') < 0)
			return -1;
		if (str_addc(out, *p) < 0)
			return -1;
	}
	return str_adds(out, "\n\"\"\"");
}

static int edit_toml(const struct addopts *addopts, const struct place *place, const char *path, struct slice source,
		     const struct addopts_wanted *wanted, struct edits *edits, struct err *err)
{
	cleanup_toml struct toml toml = TOML_INIT;
	cleanup_strings struct strings words = STRINGS_INIT;
	cleanup_str struct str options = STR_INIT, text = STR_INIT, value = STR_INIT;
	if (toml_open(&toml, source, path, err) < 0)
		return -1;
	if (list_words(addopts, wanted, &words) < 0 || add_options(addopts, wanted, &options) < 0)
		return err_no_memory(err);
	bool is_list = addopts->present ? addopts->is_list : place->list;
	if (is_list && !has_replaced(addopts))
		return toml_append(&toml, place->path, (const char *const *)words.at, words.len, edits, err);
	if (is_list) {
		if (format_list(addopts, &words, &value) < 0)
			return err_no_memory(err);
	} else {
		if (addopts_replace(str_text(&addopts->text), str_text(&options), &text, err) < 0)
			return -1;
		if (format_text(str_text(&text), &value) < 0)
			return err_no_memory(err);
	}
	return toml_set(&toml, place->path, str_text(&value), edits, err);
}

static int edit_ini(const struct addopts *addopts, const struct place *place, const char *path, struct slice source,
		    const struct addopts_wanted *wanted, struct edits *edits, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	cleanup_str struct str options = STR_INIT, text = STR_INIT;
	if (ini_open(&ini, source, path, INI_PYTEST, err) < 0)
		return -1;
	if (add_options(addopts, wanted, &options) < 0)
		return err_no_memory(err);
	bool several = strchr(str_text(&addopts->text), '\n') != NULL;
	if (several && !has_replaced(addopts)) {
		const char *const lines[] = { str_text(&options) };
		return ini_append(&ini, place->section, "addopts", lines, 1, edits, err);
	}
	if (addopts_replace(str_text(&addopts->text), str_text(&options), &text, err) < 0)
		return -1;
	return ini_set(&ini, place->section, "addopts", str_text(&text), edits, err);
}

/* A project without configuration gets a file of its own. */
static int create_ini(const struct project *project, const struct addopts_wanted *wanted, struct changeset *set,
		      struct err *err)
{
	static const struct addopts none = ADDOPTS_INIT;
	cleanup_str struct str path = STR_INIT, content = STR_INIT;
	if (fs_join(&path, project->root, "pytest.ini") < 0 || str_adds(&content, "[pytest]\naddopts = ") < 0 ||
	    add_options(&none, wanted, &content) < 0 || str_addc(&content, '\n') < 0)
		return err_no_memory(err);
	return changeset_add(set, str_text(&path), SLICE(""), false, &content, err);
}

bool addopts_say(const struct addopts *addopts, const struct addopts_wanted *wanted)
{
	return text_equals(addopts->workers, wanted->workers) && text_equals(addopts->dist, wanted->dist) &&
	       addopts->comb == wanted->comb;
}

int addopts_set(const struct project *project, const struct addopts_wanted *wanted, struct changeset *set,
		struct err *err)
{
	const struct place *place = &places[project->config_kind];
	const char *path = project->config_path;
	cleanup_addopts struct addopts addopts = ADDOPTS_INIT;
	cleanup_str struct str source = STR_INIT, after = STR_INIT;
	cleanup_edits struct edits edits = EDITS_INIT;
	if (project->config_kind == CONFIG_NONE)
		return create_ini(project, wanted, set, err);
	if (addopts_read(&addopts, project, err) < 0 || fs_read(path, &source, err) < 0)
		return -1;
	if (addopts_say(&addopts, wanted))
		return 0;
	int failed = place->section ? edit_ini(&addopts, place, path, str_slice(&source), wanted, &edits, err)
				    : edit_toml(&addopts, place, path, str_slice(&source), wanted, &edits, err);
	if (failed || edits_apply(&edits, str_slice(&source), &after, err) < 0)
		return -1;
	return changeset_add(set, path, str_slice(&source), true, &after, err);
}
