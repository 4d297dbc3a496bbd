#include "phases/git.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/proc.h"
#include "project/repository.h"

#include "base/banned.h"

static const char *const settings[] = {
	"core.hooksPath=/dev/null", "commit.gpgSign=false", "tag.gpgSign=false", "gc.auto=0", "maintenance.auto=false",
	"core.fsmonitor=false",     "submodule.recurse=false", "advice.detachedHead=false", NULL,
};

/* Set, or removed where there is no '='. */
static const char *const environment[] = {
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE",
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_PREFIX", "GIT_INTERNAL_SUPER_PREFIX", "GIT_QUARANTINE_PATH",
	"GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE", "GIT_EXTERNAL_DIFF", "GIT_CONFIG_PARAMETERS",
	"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_LITERAL_PATHSPECS=1", "LC_ALL=C", NULL,
};

static int add_all(struct strings *list, const char *const *texts)
{
	for (; *texts; texts++)
		if (strings_add(list, *texts) < 0)
			return -1;
	return 0;
}

static int add_program(struct strings *argv, const struct git *git)
{
	if (strings_add(argv, "git") < 0 || strings_add(argv, "-C") < 0 || strings_add(argv, git->dir) < 0)
		return -1;
	for (size_t i = 0; settings[i]; i++)
		if (strings_add(argv, "-c") < 0 || strings_add(argv, settings[i]) < 0)
			return -1;
	return 0;
}

static int add_arguments(struct strings *argv, va_list arguments)
{
	for (const char *argument; (argument = va_arg(arguments, const char *)) != NULL;)
		if (strings_add(argv, argument) < 0)
			return -1;
	return 0;
}

static int run(const struct git *git, const struct strings *argv, struct proc_result *result, struct err *err)
{
	cleanup_strings struct strings env = STRINGS_INIT;
	if (add_all(&env, environment) < 0)
		return err_no_memory(err);
	struct proc_options options = { .env = &env, .ignore_interrupt = git->cleaning_up };
	if (proc_run((const char *const *)argv->at, &options, result, err) < 0)
		return err->kind == ERR_ENVIRONMENT ? err_hint(err, "install git, or use --no-commit") : -1;
	return 0;
}

/* git's own first line, for "fatal: …" says best what is wrong. */
static int say_failure(const struct git *git, const struct strings *argv, const struct proc_result *result,
		       struct err *err)
{
	const char *verb = "";
	const char *text = str_text(&result->err_out);
	cleanup_str struct str line = STR_INIT;
	for (size_t i = 3; i < argv->len; i++) {
		if (strcmp(argv->at[i], "-c") == 0) {
			i++;
			continue;
		}
		verb = argv->at[i];
		break;
	}
	if (text_starts_with(text, "fatal: ") || text_starts_with(text, "error: "))
		text += strlen("fatal: ");
	str_add(&line, text, strcspn(text, "\n"));
	if (result->signal)
		return err_set(err, ERR_ENVIRONMENT, "git %s in %s was killed by signal %d", verb, git->dir, result->signal);
	err_set(err, ERR_INPUT, "git %s failed in %s: %s", verb, git->dir, line.len ? line.buf : "it gives no reason");
	return repository_hint(err, text);
}

static int run_and_keep(const struct git *git, const struct strings *argv, struct str *out, struct err *err)
{
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	if (run(git, argv, &result, err) < 0)
		return -1;
	if (result.exit_code != 0)
		return say_failure(git, argv, &result, err);
	if (!out)
		return 0;
	str_clear(out);
	size_t len = result.out.len;
	if (len > 0 && result.out.buf[len - 1] == '\n')
		len--;
	return str_add(out, str_text(&result.out), len) < 0 ? err_no_memory(err) : 0;
}

int git_run(const struct git *git, struct str *out, struct err *err, ...)
{
	cleanup_strings struct strings argv = STRINGS_INIT;
	va_list arguments;
	va_start(arguments, err);
	int failed = add_program(&argv, git) < 0 || add_arguments(&argv, arguments) < 0;
	va_end(arguments);
	return failed ? err_no_memory(err) : run_and_keep(git, &argv, out, err);
}

int git_run_list(const struct git *git, const struct strings *arguments, struct str *out, struct err *err)
{
	cleanup_strings struct strings argv = STRINGS_INIT;
	if (add_program(&argv, git) < 0)
		return err_no_memory(err);
	for (size_t i = 0; i < arguments->len; i++)
		if (strings_add(&argv, arguments->at[i]) < 0)
			return err_no_memory(err);
	return run_and_keep(git, &argv, out, err);
}

int git_ask(const struct git *git, struct err *err, ...)
{
	cleanup_strings struct strings argv = STRINGS_INIT;
	cleanup_proc_result struct proc_result result = PROC_RESULT_INIT;
	va_list arguments;
	va_start(arguments, err);
	int failed = add_program(&argv, git) < 0 || add_arguments(&argv, arguments) < 0;
	va_end(arguments);
	if (failed)
		return err_no_memory(err);
	if (run(git, &argv, &result, err) < 0)
		return -1;
	if (result.signal)
		return say_failure(git, &argv, &result, err);
	return result.exit_code;
}

int git_add_identity(const struct git *git, struct strings *arguments, struct err *err)
{
	static const struct {
		const char *key, *author, *committer, *fallback;
	} parts[] = {
		{ "user.name", "GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "user.name=comb" },
		{ "user.email", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL", "user.email=comb@localhost" },
	};
	for (size_t i = 0; i < 2; i++) {
		if (getenv(parts[i].author) && getenv(parts[i].committer))
			continue;
		int status = git_ask(git, err, "config", "--get", parts[i].key, NULL);
		if (status < 0)
			return -1;
		if (status > 0 && (strings_add(arguments, "-c") < 0 || strings_add(arguments, parts[i].fallback) < 0))
			return err_no_memory(err);
	}
	return 0;
}

const char *git_next_field(const struct str *output, size_t *at)
{
	if (*at >= output->len)
		return NULL;
	const char *field = output->buf + *at;
	*at += strlen(field) + 1;
	return field;
}
