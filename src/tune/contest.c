#include "tune/contest.h"

#include <math.h>

#include "base/clock.h"

#include "base/banned.h"

#define HOPELESS 1.5 /* times the best, in the first rounds */
#define AS_FAST 1.03 /* no difference that anybody would notice */
#define WORTH_TELLING 1.05 /* with three rounds only */

static const char *const engine_names[] = {
	[ENGINE_SERIAL] = "serial",
	[ENGINE_XDIST] = "xdist",
	[ENGINE_COMB] = "comb",
};

int configuration_add_name(const struct configuration *configuration, struct str *out)
{
	if (configuration->configured)
		return str_adds(out, "as configured");
	if (str_adds(out, engine_names[configuration->engine]) < 0)
		return -1;
	if (configuration->engine == ENGINE_SERIAL)
		return 0;
	return str_addf(out, " -n %d --dist %s", configuration->workers, dist_name(configuration->dist));
}

struct contestant *contest_add(struct contest *contest, const struct configuration *configuration, double predicted_s)
{
	if (contest->count == CONTEST_ENTRIES_MAX)
		return NULL;
	struct contestant *entry = &contest->entries[contest->count++];
	*entry = (struct contestant){ .configuration = *configuration, .predicted_s = predicted_s };
	return entry;
}

static bool is_usable(const struct contestant *entry)
{
	return !entry->failure[0] && entry->wall_s.n > 0;
}

static bool is_live(const struct contestant *entry)
{
	return !entry->failure[0] && !entry->dropped;
}

/* Of those that can be chosen, or of those beside them; 0 (the reference) where none is usable. */
static size_t fastest(const struct contest *contest, bool beside)
{
	size_t best = 0;
	for (size_t i = 1; i < contest->count; i++) {
		const struct contestant *entry = &contest->entries[i];
		bool first = best == 0 && (beside || !is_usable(&contest->entries[0]));
		if (entry->beside != beside || !is_usable(entry))
			continue;
		if (first || stats_median(&entry->wall_s) < stats_median(&contest->entries[best].wall_s))
			best = i;
	}
	return best;
}

struct ratio contest_ratio(const struct contestant *entry, const struct contestant *of)
{
	return stats_ratio(&entry->wall_s, &of->wall_s, CONTEST_CONFIDENCE);
}

static bool clearly_slower(const struct contestant *entry, const struct contestant *best)
{
	struct ratio ratio = contest_ratio(entry, best);
	if (entry->wall_s.n < 3 || best->wall_s.n < 3)
		return ratio.estimate > HOPELESS;
	if (ratio.separated)
		return ratio.interval.low > 1;
	ratio = stats_ratio(&entry->wall_s, &best->wall_s, CONTEST_CONFIDENCE_EARLY);
	return ratio.separated && ratio.interval.low > 1 && ratio.estimate > WORTH_TELLING;
}

/* What is beside the choice is compared among itself. */
static void settle_beside(struct contest *contest)
{
	size_t best = fastest(contest, true);
	for (size_t i = 1; i < contest->count; i++) {
		struct contestant *entry = &contest->entries[i];
		if (entry->beside && i != best && is_live(entry) && best > 0)
			entry->dropped = clearly_slower(entry, &contest->entries[best]);
	}
}

/* Drops what is clearly slower. True when there is nothing left to find out. */
static bool settle(struct contest *contest, const struct contest_options *options)
{
	size_t best = fastest(contest, false), live = 0;
	bool equivalent = true, early = contest->rounds < CONTEST_ROUNDS_LEAST;
	for (size_t i = 0; i < contest->count; i++) {
		struct contestant *entry = &contest->entries[i];
		bool is_reference = i == 0 && !options->reference_given;
		if (i == best || !is_live(entry) || entry->beside)
			continue;
		if (clearly_slower(entry, &contest->entries[best]) && !(is_reference && early)) {
			entry->dropped = true;
			continue;
		}
		struct ratio ratio = contest_ratio(entry, &contest->entries[best]);
		equivalent &= ratio.interval.low > 1 / AS_FAST && ratio.interval.high < AS_FAST &&
			ratio.interval.coverage >= CONTEST_CONFIDENCE;
		live++;
	}
	settle_beside(contest);
	contest->end = live == 0 ? CONTEST_SEPARATED : equivalent ? CONTEST_EQUIVALENT : CONTEST_BUDGET;
	return (live == 0 || equivalent) && !early;
}

/* Among what is within 3 % of the best and not told apart from it, the fewest workers: they cost memory. */
static size_t simplest(const struct contest *contest)
{
	size_t best = fastest(contest, false), chosen = best;
	for (size_t i = 0; i < contest->count; i++) {
		const struct contestant *entry = &contest->entries[i];
		if (!is_usable(entry) || entry->dropped || entry->beside)
			continue;
		struct ratio ratio = contest_ratio(entry, &contest->entries[best]);
		bool as_fast = ratio.estimate <= AS_FAST && !ratio.separated;
		if (as_fast && entry->configuration.workers < contest->entries[chosen].configuration.workers)
			chosen = i;
	}
	return chosen;
}

static bool affordable(const struct contest *contest, const struct contest_options *options,
		       const struct contestant *entry)
{
	double expected = entry->wall_s.n ? stats_median(&entry->wall_s) : 0;
	double budget_s = options->budget_s;
	if (contest->rounds < CONTEST_ROUNDS_LEAST)
		budget_s *= CONTEST_OVERDRAFT;
	return contest->rounds == 0 || contest->spent_s + expected <= budget_s;
}

/* 1 when the budget does not reach to the end of the round. */
static int run_round(struct contest *contest, const struct contest_options *options, struct err *err)
{
	int64_t start_ns = clock_now_ns();
	double before_s = contest->spent_s;
	for (size_t k = 0; k < contest->count; k++) {
		size_t i = (k + contest->rounds) % contest->count;
		struct contestant *entry = &contest->entries[i];
		if (!is_live(entry) || (i == 0 && options->reference_given))
			continue;
		if (!affordable(contest, options, entry))
			return 1;
		if (options->on_run)
			options->on_run(options->context, contest, entry);
		int result = options->run(options->context, entry, err);
		contest->spent_s = before_s + (double)(clock_now_ns() - start_ns) / (double)NS_PER_SECOND;
		if (result < 0)
			return -1;
		if (result > 0 && i == 0)
			return err_set(err, ERR_GATE, "the serial run cannot be measured: %s", entry->failure);
	}
	return 0;
}

int contest_run(struct contest *contest, const struct contest_options *options, struct err *err)
{
	contest->rounds = 0;
	contest->spent_s = 0;
	contest->end = CONTEST_BUDGET;
	while (contest->rounds < CONTEST_ROUNDS_MOST) {
		int result = run_round(contest, options, err);
		if (result < 0)
			return -1;
		if (result > 0)
			break;
		contest->rounds++;
		if (settle(contest, options))
			break;
	}
	settle(contest, options);
	contest->best = simplest(contest);
	return 0;
}
