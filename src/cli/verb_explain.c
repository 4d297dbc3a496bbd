#include <ctype.h>
#include <string.h>
#include <unistd.h>

#include "cli/parse.h"
#include "cli/session.h"
#include "safety/rule.h"

#include "base/banned.h"

#define SUGGESTIONS_MAX 5

static const struct option options[] = {
	{ "markdown", 0, OPTION_FLAG, NULL, "all rules as one document" },
	{ 0 },
};

static int add_indented(struct str *out, const char *text)
{
	for (const char *at = text; *at;) {
		size_t len = strcspn(at, "\n");
		if ((len > 0 && str_adds(out, "    ") < 0) || str_add(out, at, len) < 0 || str_addc(out, '\n') < 0)
			return -1;
		at += len + (at[len] == '\n');
	}
	return 0;
}

static int explain_rule(struct str *out, const struct rule *rule)
{
	if (str_addf(out, "%s  %s\n%s; %s, found %s\n\n%s\n\nRemedy: %s.\n\nFound:\n\n", rule->code, rule->title,
		     rule_family(rule), severity_name(rule->severity), rule_visible(rule), rule->why,
		     rule->remedy) < 0 ||
	    add_indented(out, rule->bad) < 0 || str_adds(out, "\nPut right:\n\n") < 0)
		return -1;
	return add_indented(out, rule->good);
}

static int explain_gate(struct str *out, const struct gate *gate)
{
	if (str_addf(out, "gate %s  %s\n", gate->id, gate->title) < 0)
		return -1;
	if (gate->cause && str_addf(out, "\n%s\n", gate->cause) < 0)
		return -1;
	return gate->remedy ? str_addf(out, "\nRemedy: %s\n", gate->remedy) : 0;
}

static int list_all(struct str *out)
{
	const struct rule *rule;
	const char *family = "";
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++) {
		if (strcmp(family, rule_family(rule)) != 0) {
			family = rule_family(rule);
			if (str_addf(out, "%s%s\n", i > 0 ? "\n" : "", family) < 0)
				return -1;
		}
		if (str_addf(out, "  %s  %s\n", rule->code, rule->title) < 0)
			return -1;
	}
	for (size_t p = 0; phases[p]; p++) {
		if (str_addf(out, "\nGates of comb %s\n", phases[p]->verb) < 0)
			return -1;
		for (const struct gate *gate = phases[p]->gates; gate->id; gate++)
			if (str_addf(out, "  %s    %s\n", gate->id, gate->title) < 0)
				return -1;
	}
	return 0;
}

static int add_codes(struct str *out)
{
	const struct rule *rule;
	for (size_t i = 0; (rule = rule_at(i)) != NULL; i++)
		if (str_addf(out, " %s", rule->code) < 0)
			return -1;
	for (size_t p = 0; phases[p]; p++)
		for (const struct gate *gate = phases[p]->gates; gate->id; gate++)
			if (str_addf(out, " %s", gate->id) < 0)
				return -1;
	return 0;
}

/* Letters in one case, so that "Port" is found in "fixed port". */
static bool title_mentions(const char *title, const char *word)
{
	size_t len = strlen(word);
	for (; len > 2 && *title; title++) {
		size_t i = 0;
		while (i < len && tolower((unsigned char)title[i]) == tolower((unsigned char)word[i]))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

/* Codes spelt alike, and causes that speak of the word. */
static int refuse(const char *typed, struct err *err)
{
	cleanup_str struct str near = STR_INIT;
	cleanup_str struct str upper = STR_INIT;
	const struct rule *rule;
	size_t count = 0;
	for (const char *at = typed; *at; at++)
		str_addc(&upper, (char)toupper((unsigned char)*at));
	for (size_t i = 0; (rule = rule_at(i)) != NULL && count < SUGGESTIONS_MAX; i++)
		if (cli_edit_distance(str_text(&upper), rule->code) <= 1 || title_mentions(rule->title, typed))
			str_addf(&near, "%s%s (%s)", count++ ? ", " : "", rule->code, rule->title);
	for (size_t p = 0; phases[p] && count < SUGGESTIONS_MAX; p++)
		for (const struct gate *gate = phases[p]->gates; gate->id && count < SUGGESTIONS_MAX; gate++)
			if (cli_edit_distance(typed, gate->id) <= 1)
				str_addf(&near, "%s%s", count++ ? ", " : "", gate->id);
	err_set(err, ERR_INPUT, "there is no rule or gate '%s'", typed);
	return count ? err_hint(err, "did you mean %s?", str_text(&near))
		     : err_hint(err, "comb explain lists them all");
}

static json_t *rule_json(const struct rule *rule)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "kind", "rule", "code", rule->code, "title",
			 rule->title, "severity", severity_name(rule->severity), "visible", rule_visible(rule), "why",
			 rule->why, "remedy", rule->remedy, "bad", rule->bad, "good", rule->good);
}

static json_t *gate_json(const struct gate *gate)
{
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "kind", "gate", "code", gate->id, "title", gate->title, "why",
			 gate->cause, "remedy", gate->remedy);
}

static json_t *all_json(void)
{
	json_t *all = json_array();
	const struct rule *rule;
	for (size_t i = 0; all && (rule = rule_at(i)) != NULL; i++)
		json_array_append_new(all, rule_json(rule));
	for (size_t p = 0; all && phases[p]; p++)
		for (const struct gate *gate = phases[p]->gates; gate->id; gate++)
			json_array_append_new(all, gate_json(gate));
	return json_pack("{s:s, s:o}", "verb", "explain", "entries", all);
}

static int print(struct str *text, struct err *err)
{
	if (fwrite(str_text(text), 1, text->len, stdout) != text->len || fflush(stdout) != 0)
		return err_set(err, ERR_INPUT, "cannot write to standard output:");
	return 0;
}

static int run(struct cli *cli, struct err *err)
{
	cleanup_str struct str text = STR_INIT;
	if (cli->operands.len == 0 && cli->json)
		return session_print_json(all_json(), err);
	if (cli->operands.len == 0) {
		if ((cli_flag(cli, "markdown") ? rules_document(&text) : list_all(&text)) < 0)
			return err_no_memory(err);
		return print(&text, err);
	}
	const char *code = cli->operands.at[0];
	const struct rule *rule = rule_find(code);
	const struct gate *gate = rule ? NULL : gate_find(code);
	if (!rule && !gate)
		return refuse(code, err);
	if (cli->json)
		return session_print_json(rule ? rule_json(rule) : gate_json(gate), err);
	if ((rule ? explain_rule(&text, rule) : explain_gate(&text, gate)) < 0)
		return err_no_memory(err);
	return print(&text, err);
}

const struct verb verb_explain = {
	.name = "explain",
	.summary = "one rule or gate, with cause and remedy",
	.operands = "[CODE]",
	.max_operands = 1,
	.description =
		"Explains a rule such as CB204 or a gate such as 2.3: why it matters, what to do, and for a rule an "
		"example of what it finds and of the same put right. Without CODE it lists them all.",
	.example = "comb explain CB204",
	.add_operands = add_codes,
	.options = options,
	.run = run,
};
