#include "virtual_suite.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

uint32_t draw(struct virtual_suite *suite, uint32_t below)
{
	suite->chance = suite->chance * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(suite->chance >> 33) % below;
}

double draw_unit(struct virtual_suite *suite)
{
	return (draw(suite, 1u << 30) + 0.5) / (1u << 30);
}

double draw_duration(struct virtual_suite *suite, double median_s, double sigma)
{
	double normal = sqrt(-2 * log(draw_unit(suite))) * cos(6.283185307179586 * draw_unit(suite));
	return median_s * exp(sigma * normal);
}

void suite_make(struct virtual_suite *suite, uint64_t seed, uint32_t most_tests, uint32_t most_workers)
{
	memset(suite, 0, sizeof(*suite));
	suite->chance = seed * 2654435761u + 1;
	suite->count = 1 + draw(suite, most_tests);
	suite->options.workers = 1 + draw(suite, most_workers);
	suite->options.longest_first = draw(suite, 4) != 0;
	uint32_t scopes = 1 + draw(suite, 20), classes = 1 + draw(suite, suite->count);
	for (uint32_t i = 0; i < suite->count; i++) {
		suite->takes_s[i] = (float)(1 + draw(suite, 100)) / 10;
		suite->tests[i] = (struct sched_test){
			.scope = (uint32_t)((uint64_t)i * scopes / suite->count),
			.run = (uint32_t)((uint64_t)i * classes / suite->count),
			.group = SCHED_NONE,
			.cost_s = suite->takes_s[i],
			.uses = suite->uses[i],
		};
	}
}

void suite_use(struct virtual_suite *suite, uint32_t test, uint32_t resource, bool exclusive)
{
	struct sched_test *it = &suite->tests[test];
	for (uint32_t i = 0; i < it->use_count; i++)
		if (suite->uses[test][i].resource == resource)
			return;
	if (it->use_count < MAX_USES)
		suite->uses[test][it->use_count++] = (struct sched_use){ resource, exclusive };
	if (resource >= suite->options.resources)
		suite->options.resources = resource + 1;
}

void suite_open(struct virtual_suite *suite)
{
	struct err err = ERR_INIT;
	suite->options.caps = suite->caps;
	size_t bytes = sched_bytes(suite->tests, suite->count, &suite->options);
	suite->sched = aligned_alloc(16, (bytes + 15) & ~(size_t)15);
	assert_non_null(suite->sched);
	if (sched_init(suite->sched, suite->tests, suite->count, &suite->options, &err) < 0)
		fail_msg("%s", err.text);
	memset(suite->home, 0xff, sizeof(suite->home));
	memset(suite->scope, 0xff, sizeof(suite->scope));
	for (uint32_t w = 0; w < MAX_WORKERS; w++)
		suite->running[w] = -1;
}

void suite_close(struct virtual_suite *suite)
{
	free(suite->sched);
	suite->sched = NULL;
}

static bool is_unchecked(const struct virtual_suite *suite)
{
	return suite->check_every > 1 && suite->steps % suite->check_every != 0;
}

void suite_check(struct virtual_suite *suite)
{
	struct err err = ERR_INIT;
	if (!is_unchecked(suite) && sched_check(suite->sched, &err) < 0)
		fail_msg("%s", err.text);
}

/* --dist: a group stays on one worker while that lives; `each`: each worker has tests of its own. */
static void check_place(struct virtual_suite *suite, uint32_t worker, int64_t index)
{
	uint32_t group = suite->tests[index % suite->count].group;
	if (suite->options.each)
		assert_int_equal(index / suite->count, worker);
	else if (group != SCHED_NONE && suite->home[group] == SCHED_NONE)
		suite->home[group] = worker;
	else if (group != SCHED_NONE)
		assert_int_equal(suite->home[group], worker);
}

/* What runs now, by what the suite says of its tests, whatever the scheduler has made of that. */
static void check_overlaps(const struct virtual_suite *suite)
{
	uint32_t users[MAX_RESOURCES] = { 0 }, alone[MAX_RESOURCES] = { 0 }, running = 0, serial = 0;
	for (uint32_t w = 0; w < suite->options.workers; w++) {
		if (suite->running[w] < 0)
			continue;
		uint32_t i = (uint32_t)suite->running[w] % suite->count;
		running++;
		serial += suite->tests[i].serial;
		for (uint32_t u = 0; u < suite->tests[i].use_count; u++) {
			users[suite->uses[i][u].resource]++;
			alone[suite->uses[i][u].resource] += suite->uses[i][u].exclusive;
		}
	}
	if (serial && running > 1)
		fail_msg("%u tests run beside a serial one", running - 1);
	for (uint32_t r = 0; r < suite->options.resources; r++) {
		if (alone[r] && users[r] > 1)
			fail_msg("%u tests overlap in resource %u, %u of them alone", users[r], r, alone[r]);
		if (suite->caps[r] && users[r] > suite->caps[r])
			fail_msg("%u tests at once in resource %u, capped at %u", users[r], r, suite->caps[r]);
	}
}

static void start(struct virtual_suite *suite, uint32_t worker, int64_t index)
{
	const struct sched_test *test = &suite->tests[index % suite->count];
	assert_int_equal(suite->ran[index]++, 0);
	check_place(suite, worker, index);
	sched_begin(suite->sched, worker);
	suite_check(suite);
	bool another = suite->scope[worker] != test->scope && suite->options.setup_s;
	double setup_s = another ? (double)suite->setups[test->scope] : 0;
	suite->scope[worker] = test->scope;
	suite->visited[worker][test->scope % MAX_SCOPES] = true;
	suite->running[worker] = index;
	check_overlaps(suite);
	suite->ends_at[worker] = suite->now_s + setup_s + (double)suite->takes_s[index % suite->count];
	suite->busy_s += (double)suite->takes_s[index % suite->count];
	suite->setup_s += setup_s;
}

/* How many other workers may have a chunk of a scope: those that ever ran a test of it. */
static uint32_t possible_owners(const struct virtual_suite *suite, uint32_t worker, uint32_t scope)
{
	uint32_t count = 0;
	for (uint32_t w = 0; w < suite->options.workers; w++)
		count += w != worker && suite->visited[w][scope];
	return count;
}

/*
 * A worker that got nothing: whatever resources would let it run is in a group
 * that lives elsewhere, or in chunks of others of which none has so much left
 * that half of it is worth the scope's set-up. The longest of so many chunks
 * has at least the mean.
 */
static void check_idle(struct virtual_suite *suite, uint32_t worker)
{
	uint32_t total = suite->options.each ? suite->count * suite->options.workers : suite->count;
	double left_s[MAX_SCOPES] = { 0 };
	if (is_unchecked(suite))
		return;
	for (uint32_t i = 0; i < total; i++) {
		uint32_t group = suite->tests[i % suite->count].group;
		bool elsewhere = suite->options.each ? i / suite->count != worker :
						       group != SCHED_NONE && suite->home[group] != SCHED_NONE &&
							       suite->home[group] != worker;
		if (elsewhere || !sched_could_run(suite->sched, worker, i))
			continue;
		uint32_t scope = suite->tests[i % suite->count].scope;
		if (!suite->options.setup_s || suite->setups[scope] <= 0)
			fail_msg("worker %u idles and test %u could run", worker, i);
		left_s[scope] += (double)sched_cost_s(suite->sched, i);
		uint32_t owners = possible_owners(suite, worker, scope);
		if (left_s[scope] * 0.999 > 2.0 * (double)suite->setups[scope] * owners)
			fail_msg("worker %u idles, and %g s of scope %u wait for %u workers at most, with a set-up of %g s",
				 worker, left_s[scope], scope, owners, (double)suite->setups[scope]);
	}
}

static void hand_out(struct virtual_suite *suite)
{
	bool someone_runs = false;
	for (uint32_t w = 0; w < suite->options.workers; w++) {
		int64_t index = suite->running[w] >= 0 ? -1 : sched_take(suite->sched, w);
		suite_check(suite);
		if (index >= 0)
			start(suite, w, index);
		someone_runs = someone_runs || suite->running[w] >= 0;
	}
	if (!someone_runs && sched_waiting(suite->sched) > 0)
		fail_msg("%u tests wait and nobody runs any", sched_waiting(suite->sched));
	for (uint32_t w = 0; w < suite->options.workers; w++)
		if (suite->running[w] < 0)
			check_idle(suite, w);
}

static void revive(struct virtual_suite *suite, uint32_t index)
{
	assert_true(sched_revive(suite->sched, index));
	suite->ran[index] = 0;
}

/* In the middle of a test, with or without a claim beside it, and with derived values lost or not. */
static void die(struct virtual_suite *suite, uint32_t worker)
{
	int64_t claimed = draw(suite, 2) ? sched_take(suite->sched, worker) : -1;
	suite->deaths--;
	if (claimed >= 0)
		check_place(suite, worker, claimed);
	suite_check(suite);
	if (draw(suite, 2)) {
		sched_recover(suite->sched);
		suite_check(suite);
	}
	assert_int_equal(sched_leave(suite->sched, worker), suite->running[worker]);
	for (uint32_t group = 0; group < suite->count; group++)
		if (suite->home[group] == worker)
			suite->home[group] = SCHED_NONE;
	if (draw(suite, 8) == 0)
		revive(suite, (uint32_t)suite->running[worker]);
	else if (suite->lost_count < MAX_WORKERS)
		suite->lost[suite->lost_count++] = (uint32_t)suite->running[worker];
}

/* Somebody died in the middle of a change; a plugin runs a test anew whose worker died long ago, beside a serial test too. */
static void disturb(struct virtual_suite *suite)
{
	bool serial_runs = false;
	for (uint32_t w = 0; w < suite->options.workers; w++)
		serial_runs |= suite->running[w] >= 0 && suite->tests[suite->running[w] % suite->count].serial;
	if (draw(suite, 5) == 0)
		sched_recover(suite->sched);
	suite_check(suite);
	if (suite->lost_count > 0 && draw(suite, serial_runs ? 2 : 60) == 0) {
		revive(suite, suite->lost[--suite->lost_count]);
		suite->late_revivals += serial_runs;
		hand_out(suite);
	}
	suite_check(suite);
}

static void end(struct virtual_suite *suite, uint32_t worker)
{
	int64_t next = -1;
	if (suite->claims_early && draw(suite, 2))
		next = sched_take(suite->sched, worker);
	if (next >= 0)
		check_place(suite, worker, next);
	suite_check(suite);
	sched_end(suite->sched, worker);
	suite_check(suite);
	suite->running[worker] = -1;
	if (next >= 0)
		start(suite, worker, next);
}

/* To the next event. False when nothing runs. */
static bool advance(struct virtual_suite *suite)
{
	uint32_t next = MAX_WORKERS;
	for (uint32_t w = 0; w < suite->options.workers; w++)
		if (suite->running[w] >= 0 && (next == MAX_WORKERS || suite->ends_at[w] < suite->ends_at[next]))
			next = w;
	if (next == MAX_WORKERS)
		return false;
	suite->now_s = suite->ends_at[next];
	suite->steps++;
	if (suite->disturbed)
		disturb(suite);
	if (suite->deaths && draw(suite, 10) == 0) {
		die(suite, next);
		suite->running[next] = -1;
		suite->scope[next] = SCHED_NONE;
	} else {
		end(suite, next);
	}
	suite_check(suite);
	return true;
}

void suite_run_all(struct virtual_suite *suite)
{
	suite_open(suite);
	do
		hand_out(suite);
	while (advance(suite));
	assert_true(sched_is_drained(suite->sched));
	assert_int_equal(sched_waiting(suite->sched), 0);
	uint32_t total = suite->options.each ? suite->count * suite->options.workers : suite->count;
	for (uint32_t i = 0; i < total; i++)
		assert_int_equal(suite->ran[i], 1);
	suite_close(suite);
}
