#include "engine/trace_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/os.h"
#include "project/record_line.h"

#include "base/banned.h"

enum { WAIT_SHOWN_NS = 20000 };

static const char *const hows[SCHED_HOWS] = {
	[SCHED_HOW_OWN] = "own chunk",  [SCHED_HOW_FREE] = "free chunk",   [SCHED_HOW_STOLEN] = "stolen",
	[SCHED_HOW_URGENT] = "urgent lock", [SCHED_HOW_ASSIGNED] = "replayed",
};
static const char *const waits[SCHED_WAITS] = {
	[SCHED_WAIT_TAIL] = "other workers hold what is left",
	[SCHED_WAIT_LOCK] = "a lock",
	[SCHED_WAIT_CAP] = "a place of a capped category",
	[SCHED_WAIT_SERIAL] = "a serial test",
};

/* A file in the making. Out of memory is remembered. */
struct writer {
	const struct trace_run *run;
	struct str out;
	bool failed, first;
};

static void put(struct writer *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct writer *self, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	self->failed = str_vaddf(&self->out, format, args) < 0 || self->failed;
	va_end(args);
}

/* Valid UTF-8 in quotes. */
static void put_quoted(struct writer *self, const char *text)
{
	put(self, "\"");
	for (const char *p = text; *p; p++) {
		if (*p == '"' || *p == '\\')
			put(self, "\\%c", *p);
		else if ((unsigned char)*p < 0x20)
			put(self, "\\u%04x", (unsigned)*p);
		else
			self->failed = str_addc(&self->out, *p) < 0 || self->failed;
	}
	put(self, "\"");
}

/* For eyes: what is no text is escaped as on a terminal. */
static void put_shown(struct writer *self, struct slice text)
{
	cleanup_str struct str shown = STR_INIT;
	self->failed = str_add_printable(&shown, text.ptr, text.len) < 0 || self->failed;
	put_quoted(self, str_text(&shown));
}

static struct slice id_of(const struct writer *self, uint32_t test)
{
	return self->run->ids[test % self->run->id_count];
}

/* Microseconds with three digits, in any locale. */
static void put_time(struct writer *self, const char *key, int64_t ns)
{
	put(self, ",\"%s\":%" PRId64 ".%03d", key, ns / 1000, (int)(ns % 1000));
}

static void event(struct writer *self, const char *kind, uint32_t number, int64_t at_ns)
{
	put(self, "%s\n{\"ph\":\"%s\",\"pid\":1,\"tid\":%u", self->first ? "" : ",", kind, number);
	self->first = false;
	put_time(self, "ts", at_ns > self->run->start_ns ? at_ns - self->run->start_ns : 0);
}

static void slice_event(struct writer *self, uint32_t number, int64_t from_ns, int64_t to_ns, const char *name)
{
	event(self, "X", number, from_ns);
	put_time(self, "dur", to_ns > from_ns ? to_ns - from_ns : 0);
	if (name)
		put(self, ",\"name\":\"%s\"}", name);
}

static void put_phases(struct writer *self, const struct trace_entry *entry, int64_t end_ns)
{
	int64_t call_ns = entry->call_ns ? entry->call_ns : end_ns;
	slice_event(self, entry->number, entry->begin_ns, call_ns, "setup");
	if (!entry->call_ns)
		return;
	if (entry->teardown_ns)
		slice_event(self, entry->number, call_ns, entry->teardown_ns, "call");
	/* After a failed set-up there is no call. */
	slice_event(self, entry->number, entry->teardown_ns ? entry->teardown_ns : call_ns, end_ns,
		    entry->teardown_ns || !entry->lost ? "teardown" : "call");
}

static void put_wait(struct writer *self, const struct trace_entry *entry)
{
	if (!entry->idle_ns || entry->begin_ns - entry->idle_ns < WAIT_SHOWN_NS)
		return;
	slice_event(self, entry->number, entry->idle_ns, entry->begin_ns, NULL);
	put(self, ",\"name\":\"wait\",\"cat\":\"wait\",\"args\":{\"for\":\"%s\"}}", waits[entry->waited_for % SCHED_WAITS]);
}

static void put_test(struct writer *self, uint32_t test, const struct trace_entry *entry, int64_t end_ns)
{
	slice_event(self, entry->number, entry->begin_ns, end_ns, NULL);
	put(self, ",\"cat\":\"test\",\"name\":");
	put_shown(self, id_of(self, test));
	put(self, ",\"args\":{\"test\":%u,\"step\":%u,\"taken\":\"%s\"", test, entry->begin, hows[entry->how % SCHED_HOWS]);
	if (entry->from != SCHED_NONE)
		put(self, ",\"from\":\"gw%u\"", entry->from);
	if (entry->lost)
		put(self, ",\"crashed\":true");
	put(self, "}}");
	put_phases(self, entry, end_ns);
	put_wait(self, entry);
	if (entry->how == SCHED_HOW_STOLEN) {
		event(self, "i", entry->number, entry->taken_ns);
		put(self, ",\"s\":\"t\",\"cat\":\"steal\",\"name\":\"steal from gw%u\"}", entry->from);
	}
	if (entry->lost) {
		event(self, "i", entry->number, end_ns);
		put(self, ",\"s\":\"t\",\"cat\":\"crash\",\"name\":\"the worker died\"}");
	}
}

static struct slice name_of(const struct writer *self, uint32_t resource)
{
	const char *names = self->run->trace->names;
	for (;; resource--) {
		const char *end = strchr(names, '\n');
		if (!end || resource == 0)
			return end ? (struct slice){ names, (size_t)(end - names) } : SLICE("?");
		names = end + 1;
	}
}

/* Asynchronous events: shared holders overlap. Claimed early, a lock belongs to the worker's last test for a while. */
static void put_locks(struct writer *self, uint32_t test, const struct trace_entry *entry, int64_t end_ns)
{
	const struct sched_use *uses;
	uint32_t count = sched_uses(self->run->sched, test, &uses);
	int64_t held_ns = entry->early && entry->idle_ns > entry->taken_ns ? entry->idle_ns : entry->taken_ns;
	for (uint32_t i = 0; i < count; i++)
		for (int half = 0; half < 2; half++) {
			event(self, half ? "e" : "b", entry->number, half ? end_ns : held_ns);
			put(self, ",\"cat\":\"lock\",\"id\":%u,\"name\":", test);
			put_shown(self, name_of(self, uses[i].resource));
			put(self, ",\"args\":{\"alone\":%s,\"test\":", uses[i].exclusive ? "true" : "false");
			put_shown(self, id_of(self, test));
			put(self, "}}");
		}
}

static void put_events(struct writer *self)
{
	const struct trace *trace = self->run->trace;
	int64_t last_ns = self->run->start_ns;
	uint32_t numbers = 0;
	for (uint32_t i = 0; i < trace->tests; i++) {
		const struct trace_entry *entry = &trace_entries(trace)[i];
		last_ns = entry->end_ns > last_ns ? entry->end_ns : last_ns;
		last_ns = entry->begin_ns > last_ns ? entry->begin_ns : last_ns;
		if (entry->slot != SCHED_NONE && entry->number >= numbers)
			numbers = entry->number + 1;
	}
	event(self, "M", 0, 0);
	put(self, ",\"name\":\"process_name\",\"args\":{\"name\":\"pytest --comb\"}}");
	for (uint32_t n = 0; n < numbers; n++) {
		event(self, "M", n, 0);
		put(self, ",\"name\":\"thread_name\",\"args\":{\"name\":\"gw%u\"}}", n);
	}
	for (uint32_t i = 0; i < trace->tests; i++) {
		const struct trace_entry *entry = &trace_entries(trace)[i];
		if (entry->slot == SCHED_NONE)
			continue;
		int64_t end_ns = entry->end_ns ? entry->end_ns : last_ns;
		put_test(self, i, entry, end_ns);
		put_locks(self, i, entry, end_ns);
	}
}

static void put_record(struct writer *self)
{
	const struct trace *trace = self->run->trace;
	const char *separator = "";
	cleanup_str struct str encoded = STR_INIT;
	put(self, "\"comb\":{\"record\":1,\"workers\":%u,\"tests\":[", self->run->workers);
	for (uint32_t i = 0; i < self->run->id_count; i++) {
		cleanup_str struct str id = STR_INIT;
		self->failed = str_add(&id, self->run->ids[i].ptr, self->run->ids[i].len) < 0 ||
			       record_text_encode(&encoded, str_text(&id)) < 0 || self->failed;
		put(self, "%s\n", i ? "," : "");
		put_quoted(self, str_text(&encoded));
	}
	put(self, "],\n\"ran\":[");
	for (uint32_t i = 0; i < trace->tests; i++) {
		const struct trace_entry *entry = &trace_entries(trace)[i];
		if (entry->slot == SCHED_NONE)
			continue;
		put(self, "%s\n[%u,%u,%u,%u,%s]", separator, i, entry->slot, entry->begin, entry->end,
		    entry->early ? "true" : "false");
		separator = ",";
	}
	put(self, "]}");
}

int trace_file_write(const char *path, const struct trace_run *run, struct err *err)
{
	struct writer writer = { .run = run, .first = true };
	put(&writer, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
	put_events(&writer);
	put(&writer, "],\n");
	put_record(&writer);
	put(&writer, "}\n");
	int failed = writer.failed ? err_no_memory(err) : fs_write(path, str_slice(&writer.out), err);
	str_release(&writer.out);
	return failed;
}
