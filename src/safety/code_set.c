#include "safety/code_set.h"

#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

#define FILE_BYTES_MAX (2 << 20)

enum code_role code_role_of(const char *path)
{
	const char *name = fs_base_name(path);
	if (strcmp(name, "conftest.py") == 0)
		return ROLE_CONFTEST;
	if (text_starts_with(name, "test_") || text_ends_with(name, "_test.py") || strcmp(name, "tests.py") == 0)
		return ROLE_TEST;
	static const char *const folders[] = { "tests/", "test/", "testing/", NULL };
	for (size_t i = 0; folders[i]; i++) {
		const char *at = strstr(path, folders[i]);
		if (at && (at == path || at[-1] == '/') && strcmp(folders[i], "testing/") != 0)
			return ROLE_CONFTEST;
	}
	return ROLE_PROJECT;
}

int code_set_add(struct code_set *set, const char *path, struct str *text, struct err *err)
{
	struct code code;
	struct err parse_error = ERR_INIT;
	if (code_parse(&code, path, code_role_of(path), text, &parse_error) < 0) {
		set->skipped++;
		return parse_error.kind == ERR_INPUT ? 0 : err_no_memory(err);
	}
	if (vec_push(&set->files, code) < 0) {
		code_release(&code);
		return err_no_memory(err);
	}
	return 0;
}

static bool skip_folder(const char *root, const char *relative)
{
	static const char *const names[] = { "node_modules", "__pycache__", "site-packages", "build", "dist", "venv",
					     "env",          "htmlcov",     "docs",          "doc",   NULL };
	const char *name = fs_base_name(relative);
	if (name[0] == '.' || text_ends_with(name, ".egg-info"))
		return true;
	for (size_t i = 0; names[i]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	cleanup_str struct str mark = STR_INIT;
	return str_addf(&mark, "%s/%s/pyvenv.cfg", root, relative) == 0 && fs_exists(str_text(&mark));
}

struct load {
	struct code_set *set;
	const char *root;
};

static int visit(void *context, const char *relative, bool is_dir, struct err *err)
{
	struct load *load = context;
	if (is_dir)
		return skip_folder(load->root, relative);
	if (!text_ends_with(relative, ".py"))
		return 0;
	cleanup_str struct str path = STR_INIT;
	cleanup_str struct str text = STR_INIT;
	if (fs_join(&path, load->root, relative) < 0)
		return err_no_memory(err);
	struct stat st;
	struct err ignored = ERR_INIT;
	if (os_stat(str_text(&path), &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX ||
	    fs_read(str_text(&path), &text, &ignored) < 0) {
		load->set->skipped++;
		return 0;
	}
	return code_set_add(load->set, relative, &text, err);
}

/* Whether one of the files that may configure the tools of a project holds one of the words, blanks left out. */
static bool config_says(const char *root, const char *const *words)
{
	static const char *const names[] = { "pytest.toml", ".pytest.toml",   "pytest.ini",
					     ".pytest.ini", "pyproject.toml", "tox.ini",
					     "setup.cfg",   ".coveragerc",    NULL };
	for (size_t i = 0; names[i]; i++) {
		cleanup_str struct str path = STR_INIT;
		cleanup_str struct str text = STR_INIT;
		struct err ignored = ERR_INIT;
		if (fs_join(&path, root, names[i]) < 0 || !fs_is_file(str_text(&path)) ||
		    fs_read(str_text(&path), &text, &ignored) < 0 || text.len == 0)
			continue;
		size_t kept = 0;
		for (size_t k = 0; k < text.len; k++)
			if (text.buf[k] != ' ' && text.buf[k] != '\t' && text.buf[k] != '"' && text.buf[k] != '\'')
				text.buf[kept++] = text.buf[k];
		text.buf[kept] = '\0';
		for (size_t w = 0; words[w]; w++)
			if (strstr(text.buf, words[w]))
				return true;
	}
	return false;
}

int code_set_load(struct code_set *set, const char *root, struct err *err)
{
	struct load load = { set, root };
	static const char *const importlib[] = { "import-mode=importlib", "import_mode=importlib",
						 "import-mode,importlib", NULL };
	static const char *const parallel[] = { "\nparallel=true", "\nparallel=True", "\nparallel=1", NULL };
	set->importlib_mode = config_says(root, importlib);
	set->coverage_parallel = config_says(root, parallel);
	return fs_walk(root, visit, &load, err);
}

void code_set_release(struct code_set *set)
{
	for (size_t i = 0; i < set->files.len; i++)
		code_release(&set->files.at[i]);
	vec_release(&set->files);
}

/* Bytes of the folder part, with its slash. */
static size_t folder_len(const char *path)
{
	return (size_t)(fs_base_name(path) - path);
}

bool code_conftest_applies(const struct code *conftest, const struct code *code)
{
	if (strcmp(fs_base_name(conftest->path), "conftest.py") != 0)
		return false;
	return strncmp(conftest->path, code->path, folder_len(conftest->path)) == 0;
}

static int own_fixture(const struct code *code, const char *name)
{
	for (size_t i = code->functions.len; i-- > 0;)
		if (code->functions.at[i].kind == FUNCTION_FIXTURE &&
		    strcmp(code->functions.at[i].fixture_name, name) == 0)
			return (int)i;
	return -1;
}

struct code_ref code_set_fixture(const struct code_set *set, const struct code *code, const char *name)
{
	struct code_ref best = { code, own_fixture(code, name) };
	if (best.function >= 0)
		return best;
	best.code = NULL;
	for (size_t i = 0; i < set->files.len; i++) {
		const struct code *conftest = &set->files.at[i];
		if (!code_conftest_applies(conftest, code) ||
		    (best.code && folder_len(conftest->path) < folder_len(best.code->path)))
			continue;
		int function = own_fixture(conftest, name);
		if (function >= 0)
			best = (struct code_ref){ conftest, function };
	}
	return best;
}

const struct code *code_set_class(const struct code_set *set, const char *name, int *class_index)
{
	const struct code *found = NULL;
	*class_index = -1;
	for (size_t i = 0; i < set->files.len; i++) {
		const struct code *code = &set->files.at[i];
		for (size_t c = 0; c < code->classes.len; c++) {
			if (code->classes.at[c].function >= 0 || strcmp(code->classes.at[c].name, name) != 0)
				continue;
			if (found) {
				*class_index = -1;
				return NULL;
			}
			found = code;
			*class_index = (int)c;
		}
	}
	return found;
}

/* "src/shop/export.py" ends in "shop/export" + ".py", on a border of names. */
static bool is_module(const char *path, const char *slashed, const char *suffix)
{
	size_t len = strlen(path), wanted = strlen(slashed), tail = strlen(suffix);
	if (len < wanted + tail || strcmp(path + len - tail, suffix) != 0)
		return false;
	size_t start = len - tail - wanted;
	return strncmp(path + start, slashed, wanted) == 0 && (start == 0 || path[start - 1] == '/');
}

const struct code *code_set_module(const struct code_set *set, const char *dotted)
{
	cleanup_str struct str slashed = STR_INIT;
	while (*dotted == '.')
		dotted++;
	if (!*dotted || str_adds(&slashed, dotted) < 0)
		return NULL;
	for (size_t i = 0; i < slashed.len; i++)
		if (slashed.buf[i] == '.')
			slashed.buf[i] = '/';
	for (size_t i = 0; i < set->files.len; i++)
		if (is_module(set->files.at[i].path, str_text(&slashed), ".py") ||
		    is_module(set->files.at[i].path, str_text(&slashed), "/__init__.py"))
			return &set->files.at[i];
	return NULL;
}
