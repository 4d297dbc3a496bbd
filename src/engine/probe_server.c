#include "engine/probe_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/interrupt.h"
#include "base/os.h"
#include "base/spawn.h"
#include "engine/packet.h"
#include "project/recording.h"
#include "project/suite_command.h"

#include "base/banned.h"

#define START_TIMEOUT_S 600
#define SEND_TIMEOUT_S 30
#define STOP_GRACE_S 10 /* after which a server that does not tell the end of a killed process counts as stuck */
#define CLOSE_GRACE_S 10 /* for pytest's end of session */
#define OUTPUT_MOST_BYTES (16 << 20)

/* A sequence that was submitted and has not ended. */
struct pending {
	uint64_t id;
	pid_t pid; /* 0 until told */
	int64_t start_ns;
	int64_t deadline_ns; /* INT64_MAX: none */
	bool stopped; /* behind its deadline; the new one is the server's */
};

struct probe_server {
	struct suite_command command;
	struct spawned process;
	int link, output;
	struct packet_reader reader;
	struct recording recording;
	struct suite_run suite;
	VEC(struct pending) pending;
	uint64_t last_id;
	bool ready;
	struct probe_answer *answer; /* of the call that waits */
	bool answered;
};

const struct suite_run *probe_server_suite(const struct probe_server *server)
{
	return &server->suite;
}

size_t probe_server_pending(const struct probe_server *server)
{
	return server->pending.len;
}

void probe_answer_release(struct probe_answer *answer)
{
	suite_run_release(&answer->run);
	answer->id = 0;
}

/* --- Folders: p1/r is the record of sequence 1, p1/t what its tests get as tmp_path --- */

static int sequence_folder(const struct probe_server *server, uint64_t id, const char *part, struct str *out,
			   struct err *err)
{
	str_clear(out);
	if (str_addf(out, "%s/p%llu%s", str_text(&server->command.scratch.path), (unsigned long long)id, part) < 0)
		return err_no_memory(err);
	return 0;
}

static void remove_folder(const struct probe_server *server, uint64_t id)
{
	cleanup_str struct str folder = STR_INIT;
	struct err ignored = ERR_INIT;
	if (sequence_folder(server, id, "", &folder, &ignored) == 0)
		fs_remove_all(folder.buf, &ignored);
}

/* --- What the server tells --- */

static struct pending *find_pending(struct probe_server *server, json_t *id)
{
	for (size_t i = 0; json_is_integer(id) && i < server->pending.len; i++)
		if (server->pending.at[i].id == (uint64_t)json_integer_value(id))
			return &server->pending.at[i];
	return NULL;
}

static int not_understood(struct err *err)
{
	return err_set(err, ERR_ENVIRONMENT, "the process that serves probes sent what it should not");
}

/* {"started": id, "pid": …}: its group is ours to kill, should the server be killed. */
static int on_started(struct probe_server *server, json_t *packet, struct err *err)
{
	struct pending *pending = find_pending(server, json_object_get(packet, "started"));
	json_t *pid = json_object_get(packet, "pid");
	if (!pending || !json_is_integer(pid) || json_integer_value(pid) <= 1 || json_integer_value(pid) > INT32_MAX)
		return not_understood(err);
	pending->pid = (pid_t)json_integer_value(pid);
	return 0;
}

static int read_answer(struct probe_server *server, const struct pending *pending, int status, struct err *err)
{
	cleanup_recording struct recording recording = RECORDING_INIT;
	cleanup_str struct str folder = STR_INIT;
	struct suite_run *run = &server->answer->run;
	run->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	run->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	run->timed_out = pending->stopped;
	run->wall_s = (double)(clock_now_ns() - pending->start_ns) / (double)NS_PER_SECOND;
	if (sequence_folder(server, pending->id, "/r", &folder, err) < 0 ||
	    recording_open(&recording, folder.buf, err) < 0)
		return -1;
	recording.bare = true;
	if (recording_poll(&recording, run, err) < 0)
		return -1;
	if (!recording_began(&recording) && !run->timed_out)
		return err_set(err, ERR_ENVIRONMENT, "a forked process of pytest could not begin to run tests");
	if (run->tests.len > server->suite.tests.len)
		return not_understood(err);
	return recording_finish(&recording, run, run->timed_out, err);
}

/* {"ended": id, "status": …} */
static int on_ended(struct probe_server *server, json_t *packet, struct err *err)
{
	struct pending *found = find_pending(server, json_object_get(packet, "ended"));
	json_t *status = json_object_get(packet, "status");
	if (!found || !json_is_integer(status) || !server->answer)
		return not_understood(err);
	struct pending pending = *found;
	*found = server->pending.at[--server->pending.len];
	server->answer->id = pending.id;
	server->answered = true;
	int result = read_answer(server, &pending, (int)json_integer_value(status), err);
	remove_folder(server, pending.id);
	return result;
}

/* {"ready": tests}: the record of the collection is whole. */
static int on_ready(struct probe_server *server, json_t *packet, struct err *err)
{
	json_t *count = json_object_get(packet, "ready");
	if (server->ready || recording_poll(&server->recording, &server->suite, err) < 0 ||
	    recording_finish(&server->recording, &server->suite, true, err) < 0)
		return server->ready ? not_understood(err) : -1;
	if (!json_is_integer(count) || (size_t)json_integer_value(count) != server->suite.tests.len)
		return not_understood(err);
	server->ready = true;
	return 0;
}

/* {"refused": why} */
static int on_refused(struct probe_server *server, json_t *packet, struct err *err)
{
	const char *why = json_string_value(json_object_get(packet, "refused"));
	cleanup_str struct str text = STR_INIT;
	(void)server;
	if (!why || str_add_printable(&text, why, strlen(why)) < 0)
		return not_understood(err);
	return err_set(err, ERR_ENVIRONMENT, "%.400s", str_text(&text));
}

static const struct {
	const char *key;
	int (*handle)(struct probe_server *server, json_t *packet, struct err *err);
} packets[] = {
	{ "ready", on_ready }, { "refused", on_refused }, { "started", on_started }, { "ended", on_ended },
};

static int handle_packet(struct probe_server *server, json_t *packet, struct err *err)
{
	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++)
		if (json_object_get(packet, packets[i].key))
			return packets[i].handle(server, packet, err);
	return not_understood(err);
}

/* --- Waiting --- */

/* Until something is to be read, the server has ended, or it is due_ns. */
static int wait_for_packet(struct probe_server *server, int64_t due_ns, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = server->link, .events = POLLIN },
		{ .fd = interrupt_fd(), .events = POLLIN },
	};
	int64_t left_ns = due_ns == INT64_MAX ? NS_PER_SECOND : due_ns - clock_now_ns();
	int wait_ms = left_ns <= 0 ? 0 : left_ns > NS_PER_SECOND ? 1000 : (int)(left_ns / 1000000 + 1);
	char bytes[65536];
	if (poll(fds, 2, wait_ms) < 0 && errno != EINTR)
		return err_set(err, ERR_INTERNAL, "cannot wait for a process:");
	if (interrupt_pending())
		return interrupt_error(err);
	if (!fds[0].revents)
		return 0;
	ssize_t n = os_read(server->link, bytes, sizeof(bytes));
	if (n <= 0)
		return err_set(err, ERR_ENVIRONMENT, "the process that serves probes ended before its time");
	return packet_feed(&server->reader, bytes, (size_t)n, err);
}

/* Handles what has come. With one call, at most one sequence is answered. */
static int handle_packets(struct probe_server *server, struct err *err)
{
	json_t *packet;
	int got = 0, result = 0;
	while (result == 0 && !server->answered && (got = packet_next(&server->reader, &packet, err)) > 0) {
		result = handle_packet(server, packet, err);
		json_decref(packet);
	}
	return got < 0 || result < 0 ? -1 : 0;
}

/* Stops what is behind its deadline. */
static int check_deadlines(struct probe_server *server, int64_t *due_ns, struct err *err)
{
	int64_t now_ns = clock_now_ns();
	*due_ns = INT64_MAX;
	for (size_t i = 0; i < server->pending.len; i++) {
		struct pending *pending = &server->pending.at[i];
		if (now_ns >= pending->deadline_ns) {
			if (pending->stopped)
				return err_set(err, ERR_ENVIRONMENT, "the process that serves probes does not answer");
			pending->stopped = true;
			pending->deadline_ns = now_ns + STOP_GRACE_S * NS_PER_SECOND;
			if (packet_send(server->link, json_pack("{s:I}", "stop", (json_int_t)pending->id), err) < 0)
				return -1;
		}
		if (pending->deadline_ns < *due_ns)
			*due_ns = pending->deadline_ns;
	}
	return 0;
}

/* Nothing of it runs any more. */
static void kill_all(struct probe_server *server)
{
	spawned_release(&server->process);
	for (size_t i = 0; i < server->pending.len; i++)
		if (server->pending.at[i].pid > 0)
			kill(-server->pending.at[i].pid, SIGKILL);
	vec_release(&server->pending);
	cleanup_close(&server->link);
}

int probe_server_wait(struct probe_server *server, struct probe_answer *answer, struct err *err)
{
	int64_t due_ns;
	int result = 0;
	probe_answer_release(answer);
	if (server->pending.len == 0)
		return err_set(err, ERR_INTERNAL, "no sequence of tests was submitted");
	server->answer = answer;
	server->answered = false;
	while (result == 0 && !server->answered) {
		result = handle_packets(server, err);
		if (result == 0 && !server->answered)
			result = check_deadlines(server, &due_ns, err) < 0 ? -1 : wait_for_packet(server, due_ns, err);
	}
	server->answer = NULL;
	if (result < 0)
		kill_all(server);
	return result;
}

int probe_server_submit(struct probe_server *server, const size_t *tests, size_t count, double timeout_s, uint64_t *id,
			struct err *err)
{
	cleanup_str struct str folder = STR_INIT;
	struct pending pending = { .id = server->last_id + 1, .start_ns = clock_now_ns(), .deadline_ns = INT64_MAX };
	struct stat output;
	if (server->link < 0)
		return err_set(err, ERR_ENVIRONMENT, "the process that serves probes has ended");
	if (fstat(server->output, &output) == 0 && output.st_size > OUTPUT_MOST_BYTES)
		os_ftruncate(server->output, 0);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (tests[i] >= server->suite.tests.len ||
		    json_array_append_new(list, json_integer((json_int_t)tests[i])) < 0) {
			json_decref(list);
			return err_set(err, ERR_INPUT, "test %zu of a sequence is none of the suite", i);
		}
	if (timeout_s > 0)
		pending.deadline_ns = pending.start_ns + (int64_t)(timeout_s * NS_PER_SECOND);
	if (sequence_folder(server, pending.id, "/r", &folder, err) < 0 || fs_make_dirs(folder.buf, err) < 0) {
		json_decref(list);
		return -1;
	}
	if (packet_send(server->link, json_pack("{s:I,s:o}", "run", (json_int_t)pending.id, "tests", list), err) < 0)
		return -1;
	if (vec_push(&server->pending, pending) < 0)
		return err_no_memory(err);
	*id = server->last_id = pending.id;
	return 0;
}

/* --- Start and end --- */

/* Nobody waits longer for the other end than this. */
static int open_link(int ends[2], struct err *err)
{
	struct timeval limit = { .tv_sec = SEND_TIMEOUT_S };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
	    setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return err_set(err, ERR_INTERNAL, "cannot create a socket:");
	return 0;
}

static int make_command(struct probe_server *server, const struct project *project,
			const struct probe_server_options *options, int link, struct err *err)
{
	cleanup_strings struct strings arguments = STRINGS_INIT, env = STRINGS_INIT;
	struct suite_options how = { .engine = ENGINE_SERIAL, .arguments = &arguments, .env = &env };
	const struct strings *more = options ? options->arguments : NULL;
	int failed = strings_add(&arguments, "-p") < 0 || strings_add(&arguments, "pytest_comb.probes") < 0 ||
		     strings_addf(&env, "COMB_PROBES=%d", link) < 0;
	/* Its report would be of no sequence, and would overwrite the user's. */
	if (!failed && project_plugin(project, "pytest-cov"))
		failed = strings_add(&arguments, "--no-cov") < 0;
	for (size_t i = 0; !failed && more && i < more->len; i++)
		failed = strings_add(&arguments, more->at[i]) < 0;
	if (failed)
		return err_no_memory(err);
	return suite_command_make(&server->command, project, &how, err);
}

static int open_files(struct probe_server *server, struct err *err)
{
	cleanup_str struct str path = STR_INIT;
	if (fs_join(&path, server->command.scratch.path.buf, "output") < 0)
		return err_no_memory(err);
	server->output = os_open(path.buf, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (server->output < 0)
		return err_set(err, ERR_ENVIRONMENT, "cannot create %s:", path.buf);
	if (fs_join(&path, server->command.scratch.path.buf, "record") < 0)
		return err_no_memory(err);
	return recording_open(&server->recording, path.buf, err);
}

static int start(struct probe_server *server, const struct project *project,
		 const struct probe_server_options *options, struct err *err)
{
	int ends[2] = { -1, -1 };
	int failed = open_link(ends, err);
	if (!failed)
		failed = make_command(server, project, options, ends[1], err) < 0 || open_files(server, err) < 0;
	struct spawn_options how = SPAWN_OPTIONS_INIT;
	how.cwd = server->command.cwd;
	how.env = &server->command.env;
	how.out_fd = how.err_fd = server->output;
	how.keep_fd = ends[1];
	if (!failed)
		failed = spawn(&server->process, (const char *const *)server->command.argv.at, &how, err);
	server->link = steal_fd(&ends[0]);
	cleanup_close(&ends[1]);
	return failed ? -1 : 0;
}

/* Imports and collection. */
static int wait_until_ready(struct probe_server *server, double timeout_s, struct err *err)
{
	int64_t due_ns = clock_now_ns() + (int64_t)(timeout_s * NS_PER_SECOND);
	while (!server->ready) {
		if (handle_packets(server, err) < 0)
			return -1;
		if (server->ready)
			break;
		if (clock_now_ns() > due_ns)
			return err_set(err, ERR_ENVIRONMENT, "the suite was not collected within %.0f s", timeout_s);
		if (wait_for_packet(server, due_ns, err) < 0)
			return -1;
	}
	return 0;
}

int probe_server_open(struct probe_server **server, const struct project *project,
		      const struct probe_server_options *options, struct err *err)
{
	struct probe_server *self = os_calloc(1, sizeof(*self));
	*server = NULL;
	if (!self)
		return err_no_memory(err);
	*self = (struct probe_server){ .command = SUITE_COMMAND_INIT, .process = SPAWNED_INIT, .link = -1, .output = -1, .recording = RECORDING_INIT };
	self->suite = (struct suite_run)SUITE_RUN_INIT;
	double timeout_s = options && options->start_timeout_s > 0 ? options->start_timeout_s : START_TIMEOUT_S;
	if (start(self, project, options, err) < 0 || wait_until_ready(self, timeout_s, err) < 0) {
		kill_all(self);
		probe_server_close(self);
		return -1;
	}
	*server = self;
	return 0;
}

/* Its session ends as any other: plugins may have to stop what they started. */
static void dismiss(struct probe_server *server)
{
	struct err ignored = ERR_INIT;
	if (server->process.pid <= 0 || packet_send(server->link, json_pack("{s:b}", "quit", 1), &ignored) < 0)
		return;
	int64_t due_ns = clock_now_ns() + CLOSE_GRACE_S * NS_PER_SECOND;
	while (clock_now_ns() < due_ns && wait_for_packet(server, due_ns, &ignored) == 0)
		str_clear(&server->reader.bytes);
}

void probe_server_close(struct probe_server *server)
{
	if (!server)
		return;
	dismiss(server);
	kill_all(server);
	cleanup_close(&server->output);
	packet_reader_release(&server->reader);
	recording_release(&server->recording);
	suite_run_release(&server->suite);
	suite_command_release(&server->command);
	free(server);
}
