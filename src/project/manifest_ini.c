/* The places of INI files: setup.cfg and tox.ini. */
#include <stdint.h>
#include <string.h>

#include "base/os.h"
#include "project/manifest_formats.h"
#include "source/ini_edit.h"

#include "base/banned.h"

/* setuptools reads a value of one line as a list parted by semicolons, tox does not. */
static bool is_parted(const struct ini *ini, const char *section, const struct ini_key *key)
{
	if (key->lines.len != 1 || text_starts_with(section, "testenv"))
		return false;
	const struct ini_line *line = &key->lines.at[0];
	return memchr(ini->source.ptr + line->text_start, ';', line->text_end - line->text_start) != NULL;
}

static int read_requirements(const struct ini *ini, const char *section, const struct ini_key *key, struct strings *out,
			     struct err *err)
{
	bool parted = is_parted(ini, section, key);
	for (size_t i = 0; i < key->lines.len; i++) {
		const char *text = ini->source.ptr + key->lines.at[i].text_start;
		const char *end = ini->source.ptr + key->lines.at[i].text_end;
		do {
			const char *stop = parted ? memchr(text, ';', (size_t)(end - text)) : NULL;
			stop = stop ? stop : end;
			if (strings_addf(out, "%.*s", (int)(stop - text), text) < 0)
				return err_no_memory(err);
			text = stop + 1;
		} while (text < end);
	}
	return 0;
}

static int visit_key(struct manifest *manifest, const struct ini *ini, const char *section, const char *key,
		     struct declaration **out, struct err *err)
{
	cleanup_strings struct strings texts = STRINGS_INIT;
	cleanup_str struct str place = STR_INIT;
	const struct ini_key *found = ini_key(ini, section, key);
	struct mention mention;
	*out = NULL;
	if (!found)
		return 0;
	if (read_requirements(ini, section, found, &texts, err) < 0)
		return -1;
	if (manifest_mention(&texts, &mention) < 0)
		return err_no_memory(err);
	if (mention.index == SIZE_MAX)
		return 0;
	if (str_addf(&place, "[%s] %s", section, key) < 0)
		return err_no_memory(err);
	struct declaration *row = manifest_add(manifest, DECLARED_INI, ini->path, place.buf);
	if (!row || strings_add(&row->keys, section) < 0 || strings_add(&row->keys, key) < 0)
		return err_no_memory(err);
	row->weak = !mention.pytest;
	memcpy(row->has, mention.packages, sizeof(row->has));
	row->index = is_parted(ini, section, found) ? 0 : mention.index;
	row->line = found->lines.at[row->index].number;
	*out = row;
	return 0;
}

static int visit_extras(struct manifest *manifest, const struct ini *ini, struct err *err)
{
	static const char section_name[] = "options.extras_require";
	const struct ini_section *extras = ini_section(ini, section_name);
	for (size_t i = 0; extras && i < extras->keys.len; i++) {
		struct declaration *row;
		const char *name = extras->keys.at[i].name;
		if (visit_key(manifest, ini, section_name, name, &row, err) < 0)
			return -1;
		if (!row)
			continue;
		row->group_kind = GROUP_EXTRA;
		row->group = os_strdup(name);
		if (!row->group)
			return err_no_memory(err);
	}
	return 0;
}

int manifest_read_setup_cfg(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	struct declaration *row;
	if (ini_open(&ini, text, path, INI_SETUPTOOLS, err) < 0)
		return -1;
	manifest->is_plugin |= ini_key(&ini, "options.entry_points", "pytest11") != NULL;
	if (visit_extras(manifest, &ini, err) < 0 ||
	    visit_key(manifest, &ini, "options", "tests_require", &row, err) < 0 ||
	    visit_key(manifest, &ini, "options", "install_requires", &row, err) < 0)
		return -1;
	if (row)
		row->runtime = true;
	return 0;
}

int manifest_read_tox_ini(struct manifest *manifest, const char *path, struct slice text, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	if (ini_open(&ini, text, path, INI_SETUPTOOLS, err) < 0)
		return -1;
	for (size_t i = 0; i < ini.sections.len; i++) {
		struct declaration *row;
		if (text_starts_with(ini.sections.at[i].name, "testenv") &&
		    visit_key(manifest, &ini, ini.sections.at[i].name, "deps", &row, err) < 0)
			return -1;
	}
	return 0;
}

int manifest_write_ini(const struct declaration *declaration, enum package package, struct slice text,
			struct edits *edits, struct err *err)
{
	cleanup_ini struct ini ini = INI_INIT;
	const char *section = declaration->keys.at[0], *name = declaration->keys.at[1];
	if (ini_open(&ini, text, declaration->file, INI_SETUPTOOLS, err) < 0)
		return -1;
	const struct ini_key *key = ini_key(&ini, section, name);
	if (!key || key->lines.len <= declaration->index)
		return err_set_at(err, ERR_INTERNAL, declaration->file, 0, "[%s] %s is not where it was", section,
				  name);
	const struct ini_line *line = &key->lines.at[declaration->index];
	if (is_parted(&ini, section, key)) {
		cleanup_str struct str more = STR_INIT;
		if (str_addf(&more, "; %s", packages[package].requirement) < 0 ||
		    edits_add(edits, line->text_end, line->text_end, str_slice(&more)) < 0)
			return err_no_memory(err);
		return 0;
	}
	return ini_insert_after(&ini, section, name, declaration->index, packages[package].requirement, edits, err);
}
