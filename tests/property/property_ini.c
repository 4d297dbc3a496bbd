#include <string.h>

#include "property.h"
#include "source/ini_edit.h"

#define SECTION "pytest"
#define KEY "markers"

static const char *const lines[] = { "unit: quick", "slow: not" };

static void values_of(const struct ini *ini, struct strings *out)
{
	struct err err = ERR_INIT;
	for (size_t i = 0; i < ini->sections.len; i++) {
		const struct ini_section *section = &ini->sections.at[i];
		for (size_t j = 0; j < section->keys.len; j++) {
			cleanup_str struct str value = STR_INIT;
			bool ours = strcmp(section->name, SECTION) == 0 && strcmp(section->keys.at[j].name, KEY) == 0;
			if (!ours && ini_value(ini, section->name, section->keys.at[j].name, &value, &err) == 1)
				strings_addf(out, "%s/%s=%s", section->name, section->keys.at[j].name, value.buf);
		}
	}
}

static int change(const struct ini *ini, bool append, struct str *out, bool *inserts, struct err *err)
{
	cleanup_edits struct edits edits = EDITS_INIT;
	int result = append ? ini_append(ini, SECTION, KEY, lines, 2, &edits, err)
			    : ini_set(ini, SECTION, KEY, "unit: quick\nslow: not", &edits, err);
	*inserts = only_inserts(&edits);
	return result < 0 ? -1 : edits_apply(&edits, ini->source, out, err);
}

static int check_change(const struct ini *ini, bool append)
{
	struct err err = ERR_INIT;
	cleanup_str struct str once = STR_INIT, twice = STR_INIT;
	cleanup_ini struct ini after = INI_INIT;
	bool inserts, ignored;
	if (change(ini, append, &once, &inserts, &err) < 0)
		return broken(err.text, ini->source, SLICE(""));
	if (append && !inserts)
		return broken("bytes outside the splices stay", ini->source, str_slice(&once));
	if (ini_open(&after, str_slice(&once), "x.ini", ini->dialect, &err) < 0)
		return broken(err.text, ini->source, str_slice(&once));
	if (change(&after, append, &twice, &ignored, &err) < 0 || !slices_same(str_slice(&once), str_slice(&twice)))
		return broken("twice is once", str_slice(&once), str_slice(&twice));
	cleanup_strings struct strings before = STRINGS_INIT, now = STRINGS_INIT, found = STRINGS_INIT;
	values_of(ini, &before);
	values_of(&after, &now);
	bool same = before.len == now.len;
	for (size_t i = 0; i < before.len && same; i++)
		same = strcmp(before.at[i], now.at[i]) == 0;
	if (!same)
		return broken("all other values stay", ini->source, str_slice(&once));
	ini_value_lines(&after, SECTION, KEY, &found, &err);
	bool there = strings_find(&found, lines[0]) >= 0 && strings_find(&found, lines[1]) >= 0;
	return there && (append || found.len == 2) ? 0 : broken("the lines are there", ini->source, str_slice(&once));
}

int property_ini(const uint8_t *data, size_t size)
{
	struct slice source = { (const char *)data, size };
	for (int dialect = INI_PYTEST; dialect <= INI_SETUPTOOLS; dialect++) {
		struct err err = ERR_INIT;
		cleanup_ini struct ini ini = INI_INIT;
		if (ini_open(&ini, source, "x.ini", (enum ini_dialect)dialect, &err) < 0) {
			if (check_refusal(&err, source))
				return 1;
			continue;
		}
		if (check_change(&ini, true) || check_change(&ini, false))
			return 1;
	}
	return 0;
}
