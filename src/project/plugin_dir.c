#define _GNU_SOURCE
#include "project/plugin_dir.h"

#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"

#include "base/banned.h"

/* Relative to the folder of the executable. */
static const char *const places[] = {
	"plugin/pytest_comb",
	"../lib/comb/plugin/pytest_comb",
	"../lib/python3.*/site-packages/pytest_comb",
	"../lib64/python3.*/site-packages/pytest_comb",
	"../lib/python3/dist-packages/pytest_comb",
};

static bool is_package(const char *path)
{
	cleanup_str struct str file = STR_INIT;
	return fs_join(&file, path, "observe.py") == 0 && fs_is_file(file.buf);
}

/* The first match of a pattern that is the package; *out is left alone where there is none. */
static bool find_match(const char *pattern, struct str *out, struct err *err)
{
	glob_t found;
	bool done = false;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return false;
	for (size_t i = 0; !done && i < found.gl_pathc; i++)
		done = is_package(found.gl_pathv[i]) && fs_real_path(found.gl_pathv[i], out, err) == 0;
	globfree(&found);
	return done;
}

static int find_beside_executable(struct str *out, struct err *err)
{
	char executable[PATH_MAX];
	cleanup_str struct str pattern = STR_INIT;
	ssize_t len = os_readlink("/proc/self/exe", executable, sizeof(executable) - 1);
	if (len < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot find out where comb itself stands:");
	executable[len] = '\0';
	*strrchr(executable, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (fs_join(&pattern, executable, places[i]) < 0)
			return err_no_memory(err);
		if (find_match(pattern.buf, out, err))
			return 0;
	}
	err_set(err, ERR_ENVIRONMENT, "comb's pytest plugin is not where it belongs, beside %s", executable);
	return err_hint(err, "install comb again, or set COMB_PLUGIN_DIR to the folder that holds pytest_comb");
}

int plugin_dir_find(struct str *out, struct err *err)
{
	const char *given = getenv("COMB_PLUGIN_DIR");
	cleanup_str struct str package = STR_INIT;
	if (!given || !given[0])
		return find_beside_executable(out, err);
	if (fs_join(&package, given, "pytest_comb") < 0)
		return err_no_memory(err);
	if (!is_package(package.buf))
		return err_set(err, ERR_ENVIRONMENT, "COMB_PLUGIN_DIR is %s, which holds no pytest_comb", given);
	return fs_real_path(package.buf, out, err);
}

int plugin_dir_link(const char *parent, struct str *out, struct err *err)
{
	cleanup_str struct str package = STR_INIT, link = STR_INIT;
	if (plugin_dir_find(&package, err) < 0)
		return -1;
	if (fs_join(out, parent, "plugin") < 0 || fs_join(&link, out->buf, "pytest_comb") < 0)
		return err_no_memory(err);
	if (fs_make_dirs(out->buf, err) < 0)
		return -1;
	if (os_symlink(package.buf, link.buf) < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot create %s:", link.buf);
	return 0;
}
