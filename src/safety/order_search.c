#include "safety/order_search.h"

#include <stdlib.h>
#include <string.h>

#include "base/os.h"

#include "base/banned.h"

/* One search: does the test fail (or pass) behind a set of tests? */
struct search {
	struct probe *probe;
	size_t test;
	bool wants_failure;
	struct err *err;
};

/* 1: the set has the effect; 0: not, or too late; -1. */
static int has_effect(const struct search *search, const size_t *set, size_t count)
{
	cleanup_free size_t *sequence = os_calloc(count + 1, sizeof(*sequence));
	if (!sequence)
		return err_no_memory(search->err);
	if (count > 0)
		memcpy(sequence, set, count * sizeof(*set));
	sequence[count] = search->test;
	int fails = probe_last_fails(search->probe, sequence, count + 1, search->err);
	if (fails < 0 || search->probe->late)
		return fails < 0 ? -1 : 0;
	return fails == search->wants_failure;
}

static bool contains(const size_t *set, size_t count, size_t test)
{
	for (size_t i = 0; i < count; i++)
		if (set[i] == test)
			return true;
	return false;
}

/* Most often one test does it: halve, the half nearest to the test first, while one half alone has the effect. */
static int halve(const struct search *search, size_t *set, size_t *count)
{
	while (*count > 1) {
		size_t half = *count / 2;
		int effect = has_effect(search, set + half, *count - half);
		if (effect < 0)
			return -1;
		if (effect) {
			memmove(set, set + half, (*count - half) * sizeof(*set));
			*count -= half;
			continue;
		}
		effect = search->probe->late ? 0 : has_effect(search, set, half);
		if (effect <= 0)
			return effect;
		*count = half;
	}
	return 0;
}

/* Takes parts out as long as the rest keeps the effect, in finer and finer parts. */
static int reduce(const struct search *search, size_t *set, size_t *count)
{
	cleanup_free size_t *rest = os_calloc(*count + 1, sizeof(*rest));
	if (!rest)
		return err_no_memory(search->err);
	for (size_t parts = 2; *count > 1 && parts <= *count && !search->probe->late;) {
		size_t size = (*count + parts - 1) / parts;
		bool reduced = false;
		for (size_t start = 0; start < *count && !reduced && !search->probe->late; start += size) {
			size_t end = start + size < *count ? start + size : *count;
			memcpy(rest, set, start * sizeof(*set));
			memcpy(rest + start, set + end, (*count - end) * sizeof(*set));
			int effect = has_effect(search, rest, *count - (end - start));
			if (effect < 0)
				return -1;
			reduced = effect == 1;
			if (reduced) {
				*count -= end - start;
				memcpy(set, rest, *count * sizeof(*set));
			}
		}
		parts = reduced                                ? (parts > 2 ? parts - 1 : 2)
			: parts * 2 > *count && parts < *count ? *count
							       : parts * 2;
	}
	return 0;
}

static int minimise(const struct search *search, size_t *set, size_t count, struct order_verdict *verdict)
{
	if (halve(search, set, &count) < 0 || reduce(search, set, &count) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (vec_push(&verdict->culprits, set[i]) < 0)
			return err_no_memory(search->err);
	return 0;
}

/* 1: the set has the effect, and the verdict holds the smallest part of it that has; 0: it has not. */
static int try_set(const struct search *search, const size_t *from, size_t count, const struct order_guess *guess,
		   struct order_verdict *verdict)
{
	cleanup_free size_t *set = os_calloc(count + 1, sizeof(*set));
	size_t kept = 0;
	if (!set)
		return err_no_memory(search->err);
	for (size_t i = 0; i < count; i++)
		if (from[i] != search->test && (!guess || contains(guess->tests, guess->count, from[i])))
			set[kept++] = from[i];
	int effect = kept > 0 && !search->probe->late ? has_effect(search, set, kept) : 0;
	if (effect <= 0)
		return effect;
	return minimise(search, set, kept, verdict) < 0 ? -1 : 1;
}

int order_explain(struct probe *probe, const struct order_question *question, struct order_verdict *verdict,
		  struct err *err)
{
	struct search search = { probe, question->test, true, err };
	int alone = has_effect(&search, NULL, 0), effect = 0;
	if (alone < 0)
		return -1;
	search.wants_failure = !alone;
	const size_t *from = alone ? question->good : question->before;
	size_t count = alone ? question->good_count : question->before_count;
	for (size_t i = 0; i < question->guess_count && effect == 0; i++)
		effect = try_set(&search, from, count, &question->guesses[i], verdict);
	if (effect == 0)
		effect = try_set(&search, from, count, NULL, verdict);
	if (effect < 0)
		return -1;
	if (probe->late) {
		vec_release(&verdict->culprits);
		verdict->kind = ORDER_UNKNOWN;
		return 0;
	}
	if (effect)
		verdict->kind = alone ? ORDER_BRITTLE : ORDER_VICTIM;
	else
		verdict->kind = alone ? ORDER_BROKEN : ORDER_STEADY;
	return 0;
}

void order_verdict_release(struct order_verdict *verdict)
{
	vec_release(&verdict->culprits);
	*verdict = (struct order_verdict)ORDER_VERDICT_INIT;
}

/* Marks in differs[] the candidates that do something else behind the given tests. */
static int run_behind(struct probe *probe, const size_t *first, size_t first_count, const size_t *candidates,
		      size_t count, bool *differs, struct err *err)
{
	cleanup_free size_t *sequence = os_calloc(first_count + count + 1, sizeof(*sequence));
	cleanup_free enum outcome *outcomes = os_calloc(first_count + count + 1, sizeof(*outcomes));
	if (!sequence || !outcomes)
		return err_no_memory(err);
	if (first_count > 0)
		memcpy(sequence, first, first_count * sizeof(*sequence));
	memcpy(sequence + first_count, candidates, count * sizeof(*sequence));
	int ran = probe_sequence(probe, sequence, first_count + count, outcomes, err);
	for (size_t i = 0; i < count; i++)
		differs[i] = ran == 1 && outcomes[first_count + i] != probe->expected[candidates[i]];
	return ran < 0 ? -1 : 0;
}

int order_also_fail(struct probe *probe, const size_t *polluters, size_t polluter_count, const size_t *candidates,
		    size_t candidate_count, bool *fails, struct err *err)
{
	cleanup_free bool *anyway = os_calloc(candidate_count + 1, sizeof(*anyway));
	if (!anyway)
		return err_no_memory(err);
	if (run_behind(probe, polluters, polluter_count, candidates, candidate_count, fails, err) < 0)
		return -1;
	bool any = false;
	for (size_t i = 0; i < candidate_count; i++)
		any |= fails[i];
	if (any && run_behind(probe, NULL, 0, candidates, candidate_count, anyway, err) < 0)
		return -1;
	for (size_t i = 0; i < candidate_count; i++)
		fails[i] = fails[i] && !anyway[i] && !probe->late;
	return 0;
}
