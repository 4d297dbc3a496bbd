#include "safety/serial.h"

#include <stdlib.h>

#include "base/os.h"

#include "base/banned.h"

void serial_release(struct serial *self)
{
	probe_server_close(self->server);
	self->server = NULL;
	free(self->there);
	self->there = NULL;
}

/* From here on pytest is started for every run. Interrupts are not taken for an answer. */
static int give_up(struct serial *self, struct err *why, struct err *err)
{
	if (why->kind == ERR_INTERRUPTED) {
		*err = *why;
		return -1;
	}
	sink_notef(self->sink, "each probe starts pytest anew: %s", why->text);
	serial_release(self);
	self->whole_runs = true;
	return 0;
}

/* there[i] is the index in the server of test i of the base. False: it has not collected all of them. */
static bool match_server(struct serial *self)
{
	const struct suite_run *suite = probe_server_suite(self->server);
	cleanup_free size_t *match = suite_match(self->base, suite);
	size_t matched = 0;
	self->there = os_calloc(self->base->tests.len + 1, sizeof(*self->there));
	for (size_t i = 0; match && self->there && i < suite->tests.len; i++)
		if (match[i] != SIZE_MAX) {
			self->there[match[i]] = i;
			matched++;
		}
	return matched == self->base->tests.len;
}

static int open_server(struct serial *self, struct err *err)
{
	struct err why = ERR_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	/* A maximum of failures in the project's own options would cut a sequence short. */
	if (strings_add(&arguments, "--maxfail=0") < 0)
		return err_no_memory(err);
	struct probe_server_options options = { .arguments = &arguments };
	if (probe_server_open(&self->server, self->project, &options, &why) < 0)
		return give_up(self, &why, err);
	if (match_server(self))
		return 0;
	err_set(&why, ERR_ENVIRONMENT, "another collection gave other tests");
	return give_up(self, &why, err);
}

static int make_empty(const struct serial *self, const struct suite_run *from, struct suite_run *run, struct err *err)
{
	suite_run_release(run);
	for (size_t i = 0; i < self->base->tests.len; i++) {
		struct test test = { .worker = -1, .order = -1 };
		if (vec_push(&run->tests, test) < 0)
			return err_no_memory(err);
	}
	run->exit_code = from->exit_code;
	run->signal = from->signal;
	run->timed_out = from->timed_out;
	run->wall_s = from->wall_s;
	return 0;
}

/* 1: done; 0: the server cannot be used any more; -1. */
static int run_forked(struct serial *self, const size_t *order, size_t count, double timeout_s, struct suite_run *run,
		      struct err *err)
{
	struct err why = ERR_INIT;
	cleanup_probe_answer struct probe_answer answer = PROBE_ANSWER_INIT;
	cleanup_free size_t *sequence = os_calloc(count + 1, sizeof(*sequence));
	uint64_t id;
	if (!sequence)
		return err_no_memory(err);
	for (size_t i = 0; i < count; i++)
		sequence[i] = self->there[order[i]];
	if (probe_server_submit(self->server, sequence, count, timeout_s, &id, &why) < 0 ||
	    probe_server_wait(self->server, &answer, &why) < 0)
		return give_up(self, &why, err);
	if (make_empty(self, &answer.run, run, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (sequence[i] < answer.run.tests.len)
			test_move_result(&run->tests.at[order[i]], &answer.run.tests.at[sequence[i]]);
	self->forked++;
	return 1;
}

static int run_whole(struct serial *self, const size_t *order, size_t count, double timeout_s, struct suite_run *run,
		     struct err *err)
{
	cleanup_suite_run struct suite_run whole = SUITE_RUN_INIT;
	cleanup_strings struct strings arguments = STRINGS_INIT;
	if (strings_add(&arguments, "--maxfail=0") < 0)
		return err_no_memory(err);
	struct suite_options options = {
		.engine = ENGINE_SERIAL,
		.order = order,
		.order_count = count,
		.timeout_s = timeout_s,
		.arguments = &arguments,
	};
	self->started++;
	if (suite_run(self->project, &options, &whole, err) < 0)
		return -1;
	cleanup_free size_t *match = suite_match(self->base, &whole);
	if (!match)
		return err_no_memory(err);
	if (make_empty(self, &whole, run, err) < 0)
		return -1;
	for (size_t i = 0; i < whole.tests.len; i++)
		if (match[i] < self->base->tests.len)
			test_move_result(&run->tests.at[match[i]], &whole.tests.at[i]);
	return 0;
}

int serial_run(struct serial *self, const size_t *order, size_t count, double timeout_s, struct suite_run *run,
	       struct err *err)
{
	if (!self->server && !self->whole_runs && open_server(self, err) < 0)
		return -1;
	int done = self->whole_runs ? 0 : run_forked(self, order, count, timeout_s, run, err);
	if (done < 0)
		return -1;
	return done ? 0 : run_whole(self, order, count, timeout_s, run, err);
}
