#include "safety/resource_match.h"

#include <string.h>

#include "safety/match.h"
#include "safety/path_guess.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* The test works in a folder or a file system of its own. */
static bool is_elsewhere(const struct code_set *set, const struct code *code, int function)
{
	static const char *const words[] = { "chdir",   "cwd",       "pytester", "testdir", "isolated",
					     "workdir", "mock_open", "patchfs",  NULL };
	static const char *const moves[] = { "call *chdir", "call *isolated_filesystem", "call *.as_cwd", NULL };
	int outermost = code_outermost(code, function);
	if (outermost < 0)
		return false;
	const struct code_function *test = &code->functions.at[outermost];
	for (size_t i = 0; i < test->parameters.len; i++) {
		const char *name = test->parameters.at[i];
		if (strcmp(name, "fs") == 0)
			return true;
		for (size_t w = 0; words[w]; w++)
			if (strstr(name, words[w]))
				return true;
	}
	return strstr(test->decorators, ".open") || function_has_event(set, code, outermost, moves);
}

static bool is_data_path(const char *path)
{
	static const char *const words[] = { "data",   "fixture",  "resource", "sample",   "files",
					     "golden", "snapshot", "example",  "cassette", NULL };
	for (size_t i = 0; words[i]; i++)
		if (text_has_word((struct slice){ path, strlen(path) }, words[i]))
			return true;
	return false;
}

/* CB201: project code too, for what it writes and what its constants name. */
static int match_temporary_constants(const struct rule *rule, const struct code *code, struct findings *out)
{
	cleanup_str struct str path = STR_INIT;
	for (size_t i = 0; i < code->bindings.len; i++) {
		const struct code_binding *binding = &code->bindings.at[i];
		if (!python_is(binding->value, "call") && !python_is(binding->value, "binary_operator"))
			continue;
		if (path_guess(NULL, code, binding->value, -1, &path) != PATH_TEMPORARY ||
		    strcmp(str_text(&path), "/tmp") == 0)
			continue;
		if (match_add(rule, code, binding->node, -1, str_text(&path), out) < 0)
			return -1;
	}
	return 0;
}

typedef bool path_wanted(const struct code_set *set, const struct code *code, const struct code_event *event,
			 enum path_kind kind, const char *path);

static int match_written(const struct rule *rule, const struct code_set *set, const struct code *code,
			 path_wanted *wanted, struct findings *out)
{
	cleanup_str struct str path = STR_INIT;
	TSNode paths[2];
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		int count = event->function >= 0 ? event_written_paths(code, event, paths) : 0;
		for (int p = 0; p < count; p++) {
			enum path_kind kind = path_guess(set, code, paths[p], event->function, &path);
			if (kind != PATH_UNKNOWN && path.len > 0 && wanted(set, code, event, kind, str_text(&path)) &&
			    match_add(rule, code, event->node, event->function, str_text(&path), out) < 0)
				return -1;
		}
	}
	return 0;
}

static bool wants_temporary(const struct code_set *set, const struct code *code, const struct code_event *event,
			    enum path_kind kind, const char *path)
{
	return kind == PATH_TEMPORARY && strcmp(path, "/tmp") != 0 &&
		!node_is_guarded(code, event->node, event->function,
				 WORDS("mock_open", "\"builtins.open", "'builtins.open"));
}

static bool wants_source(const struct code_set *set, const struct code *code, const struct code_event *event,
			 enum path_kind kind, const char *path)
{
	if (kind == PATH_SOURCE)
		return !is_data_path(path);
	return kind == PATH_RELATIVE && strcmp(path, ".") != 0 && !is_elsewhere(set, code, event->function) &&
		!node_is_guarded(code, event->node, event->function,
				 WORDS("chdir", "cwd", "isolated", "in_dir", "mock_open", "pushd", ".open"));
}

static bool wants_data(const struct code_set *set, const struct code *code, const struct code_event *event,
		       enum path_kind kind, const char *path)
{
	return kind == PATH_SOURCE && is_data_path(path);
}

static bool wants_home(const struct code_set *set, const struct code *code, const struct code_event *event,
		       enum path_kind kind, const char *path)
{
	return kind == PATH_HOME && !function_has_event(set, code, event->function, WORDS("call *.setenv"));
}

int match_path_temporary(const struct rule *rule, const struct code_set *set, const struct code *code,
			 struct findings *out)
{
	if (match_temporary_constants(rule, code, out) < 0)
		return -1;
	return match_written(rule, set, code, wants_temporary, out);
}

int match_path_source(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	return match_written(rule, set, code, wants_source, out);
}

int match_path_data(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	return match_written(rule, set, code, wants_data, out);
}

int match_path_home(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	return match_written(rule, set, code, wants_home, out);
}

static bool is_port(long number)
{
	return number > 0 && number < 65536;
}

/* ("localhost", 8000), or a name bound to such a pair. */
static bool pair_port(const struct code *code, TSNode node, int function, long *port)
{
	cleanup_str struct str host = STR_INIT;
	node = code_resolve(code, node, function);
	return python_is(node, "tuple") && ts_node_named_child_count(node) == 2 &&
		code_literal(code, code_resolve(code, ts_node_named_child(node, 0), function), &host) &&
		code_integer(code, ts_node_named_child(node, 1), function, port) && is_port(*port);
}

static bool opens_port(const char *name)
{
	static const char *const ends[] = {
		"Server",     "HTTPServer",  "make_server", "create_server", "start_server",
		"run_simple", "serve",       "serving",     "listen",        "bind",
		"TCPSite",    "uvicorn.run", "web.run_app", "app.run",       "start_http_server",
		"run_server", NULL
	};
	for (size_t i = 0; ends[i]; i++)
		if (text_ends_with(name, ends[i]))
			return true;
	return false;
}

bool event_fixed_port(const struct code *code, const struct code_event *event, long *port)
{
	if (event->kind != EVENT_CALL || !opens_port(event->name) || strstr(event->name, "assert"))
		return false;
	if (code_integer(code, code_argument(code, event->value, -1, "port"), event->function, port))
		return is_port(*port);
	for (int i = 0; i < 4; i++) {
		TSNode argument = code_argument(code, event->value, i, NULL);
		if (ts_node_is_null(argument))
			break;
		if (pair_port(code, argument, event->function, port))
			return true;
		bool named = python_is(argument, "identifier") && text_has_word(code_slice(code, argument), "port");
		bool second = i > 0 && python_is(argument, "integer") && !text_ends_with(event->name, "bind");
		if ((named || second) && code_integer(code, argument, event->function, port) && *port >= 1024 &&
		    is_port(*port))
			return true;
	}
	return false;
}

int match_port(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	cleanup_str struct str subject = STR_INIT;
	long port;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_fixed_port(code, event, &port))
			continue;
		str_clear(&subject);
		if (str_addf(&subject, "port %ld", port) < 0 ||
		    match_add(rule, code, event->node, event->function, str_text(&subject), out) < 0)
			return -1;
	}
	return 0;
}

/* Binds port 0, asks which one it got, gives the socket up and returns the number. */
int match_free_port(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, WORDS("call *.bind")) ||
		    code->functions.at[event->function].kind == FUNCTION_TEST)
			continue;
		TSNode pair = code_argument(code, event->value, 0, NULL);
		TSNode body = code->functions.at[event->function].body;
		if (!python_is(pair, "tuple") || !code_node_equals(code, ts_node_named_child(pair, 1), "0") ||
		    !code_node_contains(code, body, "getsockname()") || !code_node_contains(code, body, "return ") ||
		    (!code_node_contains(code, body, ".close()") && !code_node_contains(code, body, "with ")))
			continue;
		if (match_add_local(rule, code, event->node, event->function, code->functions.at[event->function].name,
				    out) < 0)
			return -1;
	}
	return 0;
}

static bool literal_argument(const struct code *code, const struct code_event *event, int position, const char *keyword,
			     struct str *out)
{
	TSNode argument = code_argument(code, event->value, position, keyword);
	return code_literal(code, code_resolve(code, argument, event->function), out) && out->len > 0;
}

int match_socket_name(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 ||
		    !event_matches(event,
				   WORDS("call *.bind", "call os.mkfifo", "call *start_unix_server",
					 "call *create_unix_server", "call filelock.FileLock",
					 "call *UnixStreamServer")))
			continue;
		if (!literal_argument(code, event, 0, NULL, &name) && !literal_argument(code, event, -1, "path", &name))
			continue;
		if (is_elsewhere(set, code, event->function) && name.buf[0] != '/' && name.buf[0] != '\\')
			continue;
		if (text_ends_with(event->name, ".bind") && !strchr(str_text(&name), '/') &&
		    !strchr(str_text(&name), '\\') && !text_ends_with(str_text(&name), ".sock"))
			continue;
		if (match_add(rule, code, event->node, event->function, str_text(&name), out) < 0)
			return -1;
	}
	return 0;
}

/* "sqlite:///x.db" to "x.db"; NULL: no file. */
static const char *sqlite_file(const char *text, bool is_connect)
{
	if (text_starts_with(text, "sqlite")) {
		const char *path = strstr(text, ":///");
		if (path)
			return path[4] && !strchr(path + 4, ':') ? path + 4 : NULL;
	}
	if (strchr(text, ':') || strchr(text, '{') || strchr(text, ' '))
		return NULL;
	bool named = text_ends_with(text, ".db") || text_ends_with(text, ".sqlite") || text_ends_with(text, ".sqlite3");
	return (is_connect || named) && *text ? text : NULL;
}

/* A call that may open a database: connect, create_engine, or the making of an object. */
static bool opens_database(const char *name, bool *is_connect)
{
	const char *dot = strrchr(name, '.');
	const char *last = dot ? dot + 1 : name;
	*is_connect = strcmp(name, "sqlite3.connect") == 0 || strcmp(name, "aiosqlite.connect") == 0;
	if (*is_connect || strstr(last, "create_engine") || strstr(last, "create_async_engine"))
		return true;
	if (text_starts_with(name, "pathlib.") || text_ends_with(last, "Error") || text_ends_with(last, "Exception"))
		return false;
	return (last[0] >= 'A' && last[0] <= 'Z') || strstr(last, "connect") || strstr(last, "open_");
}

int match_sqlite_file(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		bool is_connect;
		if (event->kind != EVENT_CALL || event->function < 0 || !opens_database(event->name, &is_connect) ||
		    !literal_argument(code, event, 0, NULL, &name))
			continue;
		const char *file = sqlite_file(str_text(&name), is_connect);
		if (!file || (file[0] != '/' && is_elsewhere(set, code, event->function)))
			continue;
		if (match_add(rule, code, event->node, event->function, file, out) < 0)
			return -1;
	}
	return 0;
}

int match_database_server(const struct rule *rule, const struct code_set *set, const struct code *code,
			  struct findings *out)
{
	static const char *const schemes[] = { "postgresql", "postgres:", "mysql",  "mariadb",
					       "mongodb",    "mssql",     "oracle", NULL };
	cleanup_str struct str text = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->kind != EVENT_CALL || event->function < 0)
			continue;
		bool found = false;
		if (event_matches(event,
				  WORDS("call *connect", "call *create_engine", "call *create_async_engine",
					"call *create_pool", "call *MongoClient", "call *Pool"))) {
			if (literal_argument(code, event, 0, NULL, &text) && strstr(text.buf, "://"))
				for (size_t s = 0; schemes[s]; s++)
					found |= text_starts_with(str_text(&text), schemes[s]);
			if (!found &&
			    event_matches(event,
					  WORDS("call psycopg*", "call pymysql*", "call MySQLdb*", "call asyncpg*")))
				found = literal_argument(code, event, -1, "dbname", &text) ||
					literal_argument(code, event, -1, "database", &text) ||
					literal_argument(code, event, -1, "db", &text);
		} else if (event_matches(event, WORDS("call *.execute"))) {
			found = literal_argument(code, event, 0, NULL, &text) &&
				strncmp(str_text(&text), "TRUNCATE ", 9) == 0;
		}
		if (found && !node_is_guarded(code, event->node, event->function, WORDS("raises", "patch")) &&
		    match_add(rule, code, event->node, event->function, str_text(&text), out) < 0)
			return -1;
	}
	return 0;
}

/* ["git", "config", "--global", …]: the words of a command given as a list of literals. */
static bool command_words(const struct code *code, const struct code_event *event, struct str *words)
{
	cleanup_str struct str word = STR_INIT;
	TSNode command = code_resolve(code, code_argument(code, event->value, 0, "args"), event->function);
	str_clear(words);
	if (code_literal(code, command, words))
		return true;
	str_clear(words);
	if (!python_is(command, "list") && !python_is(command, "tuple"))
		return false;
	for (uint32_t i = 0; i < ts_node_named_child_count(command); i++) {
		if (!code_literal(code, ts_node_named_child(command, i), &word)) {
			str_clear(&word);
			if (str_adds(&word, "…") < 0)
				return false;
		}
		if (str_addf(words, "%s%s", words->len ? " " : "", str_text(&word)) < 0)
			return false;
	}
	return true;
}

static const char *const runs_program[] = { "call subprocess.*", "call os.system", "call os.popen", NULL };

int match_global_tool(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	static const char *const commands[] = { "git config --global",
						"git config --system",
						"npm install -g",
						"npm config set",
						"npm link",
						"docker run",
						"docker rm",
						"docker build",
						"docker-compose ",
						"docker compose ",
						"pip install",
						"… -m pip install",
						"systemctl ",
						"service ",
						"useradd ",
						"iptables ",
						"sysctl ",
						"brew ",
						"apt-get ",
						"conda install",
						NULL };
	cleanup_str struct str words = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || !event_matches(event, runs_program) || !command_words(code, event, &words))
			continue;
		for (size_t c = 0; commands[c]; c++) {
			if (!text_starts_with(str_text(&words), commands[c]) || strstr(str_text(&words), "--target") ||
			    !ts_node_is_null(code_argument(code, event->value, -1, "env")))
				continue;
			if (match_add(rule, code, event->node, event->function, str_text(&words), out) < 0)
				return -1;
			break;
		}
	}
	return 0;
}

int match_cloud_name(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	static const struct {
		const char *event, *keyword;
	} calls[] = {
		{ "call *.create_bucket", "Bucket" },   { "call *.create_queue", "QueueName" },
		{ "call *.create_table", "TableName" }, { "call *.create_topic", "Name" },
		{ "call *.containers.run", "name" },    { "call *.containers.create", "name" },
		{ "call *.networks.create", "name" },   { "call *.volumes.create", "name" },
		{ "call *.create_namespace", "name" },
	};
	cleanup_str struct str name = STR_INIT;
	if (code_imports(code, "moto") || code_imports(code, "botocore.stub"))
		return 0;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		for (size_t c = 0; event->function >= 0 && c < sizeof(calls) / sizeof(*calls); c++)
			if (event_matches(event, WORDS(calls[c].event)) &&
			    literal_argument(code, event, -1, calls[c].keyword, &name) &&
			    match_add(rule, code, event->node, event->function, str_text(&name), out) < 0)
				return -1;
	}
	return 0;
}

int match_memory_name(const struct rule *rule, const struct code_set *set, const struct code *code,
		      struct findings *out)
{
	cleanup_str struct str name = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 ||
		    !event_matches(event,
				   WORDS("call *SharedMemory", "call *ShareableList", "call posix_ipc.*",
					 "call *shm_open", "call *sem_open")))
			continue;
		bool named = literal_argument(code, event, -1, "name", &name) ||
			(!text_ends_with(event->name, "ShareableList") &&
			 literal_argument(code, event, 0, NULL, &name));
		if (named && match_add(rule, code, event->node, event->function, str_text(&name), out) < 0)
			return -1;
	}
	return 0;
}

static bool is_remote(const char *url)
{
	static const char *const local[] = { "localhost", "127.",    "0.0.0.0", "[::1]", "testserver",
					     "test/",     "example", "mock",    "dummy", NULL };
	if (!text_starts_with(url, "http://") && !text_starts_with(url, "https://"))
		return false;
	for (size_t i = 0; local[i]; i++)
		if (strstr(url, local[i]))
			return false;
	return true;
}

int match_network(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	static const char *const fakes[] = {
		"responses",    "requests_mock",     "httpretty",        "respx", "vcr", "pook", "aioresponses",
		"pytest_httpx", "pytest_httpserver", "pytest_recording", NULL
	};
	cleanup_str struct str url = STR_INIT;
	for (size_t i = 0; fakes[i]; i++)
		if (code_imports(code, fakes[i]))
			return 0;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 ||
		    !event_matches(event,
				   WORDS("call requests.get", "call requests.post", "call requests.put",
					 "call requests.head", "call requests.delete", "call requests.request",
					 "call urllib.request.urlopen", "call httpx.get", "call httpx.post",
					 "call urllib.request.urlretrieve")))
			continue;
		const struct code_function *test = &code->functions.at[code_outermost(code, event->function)];
		bool mocked = strstr(test->decorators, "patch") || strstr(test->decorators, "vcr") ||
			strstr(test->decorators, "recording");
		for (size_t p = 0; p < test->parameters.len && !mocked; p++)
			mocked = strstr(test->parameters.at[p], "mock") || strstr(test->parameters.at[p], "vcr") ||
				strstr(test->parameters.at[p], "monkeypatch");
		if (mocked || !literal_argument(code, event, 0, "url", &url) || !is_remote(str_text(&url)) ||
		    node_is_guarded(code, event->node, event->function, WORDS("raises", "mock", "patch")))
			continue;
		if (match_add(rule, code, event->node, event->function, str_text(&url), out) < 0)
			return -1;
	}
	return 0;
}

int match_child_left(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	static const char *const ends[] = {
		"call *.wait",        "call *.terminate", "call *.kill", "call *.communicate", "call *.poll",
		"call *.send_signal", "call os.kill*",    "call *.stop", "call *.close",       NULL
	};
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || strcmp(event->text, "call subprocess.Popen") != 0)
			continue;
		TSNode parent = ts_node_parent(event->node);
		TSNode body = code->functions.at[event->function].body;
		bool local = python_is(parent, "expression_statement") ||
			(python_is(parent, "assignment") && python_is(python_child(parent, "left"), "identifier"));
		if (!local || code_node_contains(code, body, "return ") || code_node_contains(code, body, "yield") ||
		    function_has_event(set, code, event->function, ends))
			continue;
		if (match_add(rule, code, event->node, event->function, NULL, out) < 0)
			return -1;
	}
	return 0;
}

int match_listing(const struct rule *rule, const struct code_set *set, const struct code *code, struct findings *out)
{
	static const char *const lists[] = { "call os.listdir", "call os.scandir", "call os.walk",
					     "call glob.glob",  "call glob.iglob", NULL };
	static const char *const methods[] = { "call *.iterdir", "call *.glob", "call *.rglob", NULL };
	cleanup_str struct str path = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		if (event->function < 0 || event->kind != EVENT_CALL)
			continue;
		TSNode folder = { .id = NULL };
		if (event_matches(event, lists))
			folder = code_argument(code, event->value, 0, NULL);
		else if (event_matches(event, methods))
			folder = python_child(python_child(event->node, "function"), "object");
		else
			continue;
		enum path_kind kind = path_guess(set, code, folder, event->function, &path);
		bool shared = kind == PATH_TEMPORARY || kind == PATH_HOME ||
			(kind == PATH_RELATIVE &&
			 (strcmp(str_text(&path), ".") == 0 || strchr(path.buf, '*') == path.buf) &&
			 !is_elsewhere(set, code, event->function));
		if (shared && match_add(rule, code, event->node, event->function, str_text(&path), out) < 0)
			return -1;
	}
	return 0;
}

int match_profile_data(const struct rule *rule, const struct code_set *set, const struct code *code,
		       struct findings *out)
{
	cleanup_str struct str text = STR_INIT;
	for (size_t i = 0; i < code->events.len; i++) {
		const struct code_event *event = &code->events.at[i];
		bool found = false, child = false;
		if (event->function < 0)
			continue;
		if (event_matches(event, WORDS("call cProfile.run", "call profile.run")))
			found = literal_argument(code, event, 1, "filename", &text);
		else if (event_matches(event, WORDS("call coverage.Coverage")))
			found = literal_argument(code, event, 0, "data_file", &text);
		else if (event_matches(event, WORDS("call *.dump_stats")))
			found = literal_argument(code, event, 0, NULL, &text);
		else if (event_matches(event, runs_program) && command_words(code, event, &text))
			child = !set->coverage_parallel &&
				(text_starts_with(str_text(&text), "coverage run") ||
				 strstr(str_text(&text), "-m coverage run")) &&
				!strstr(str_text(&text), " -p") && !strstr(str_text(&text), "--parallel");
		if ((found || child) &&
		    match_add(rule, code, event->node, event->function, child ? ".coverage" : str_text(&text), out) < 0)
			return -1;
	}
	return 0;
}
