/*
 * order_search.h: why does a test fail in that order? Which tests make it?
 *
 * Words of Shi et al. (iFixFlakies, 2019): a victim passes alone and fails
 * after a polluter; a brittle test fails alone and passes after a setter. The
 * search for the smallest set is delta debugging (Zeller and Hildebrandt 2002)
 * on the tests before the victim, guesses and the nearest ones first.
 */
#ifndef COMB_SAFETY_ORDER_SEARCH_H
#define COMB_SAFETY_ORDER_SEARCH_H

#include "base/vec.h"
#include "safety/probe.h"

enum order_kind {
	ORDER_STEADY, /* it does not fail again in the order in which it failed: the order is not to blame */
	ORDER_VICTIM, /* fails after the culprits, its polluters */
	ORDER_BRITTLE, /* fails without the culprits, its setters */
	ORDER_BROKEN, /* fails alone, and in the order in which it is said to pass */
	ORDER_UNKNOWN, /* the deadline came first */
};

struct order_verdict {
	enum order_kind kind;
	VEC(size_t) culprits; /* in the order in which they ran; the smallest set found */
};
#define ORDER_VERDICT_INIT                                                                                             \
	{                                                                                                              \
		.kind = ORDER_UNKNOWN                                                                                  \
	}

struct order_guess {
	const size_t *tests;
	size_t count;
};

struct order_question {
	size_t test; /* that failed */
	const size_t *before; /* what ran before it when it failed */
	size_t before_count;
	const size_t *good; /* what runs before it in the suite's own order, where it passes */
	size_t good_count;
	/*
	 * Sets tried before all others, in this order; of each, what is in the list
	 * that matters. A good guess spares the long probes.
	 */
	const struct order_guess *guesses;
	size_t guess_count;
};

/* 0, or -1 with *err. The caller releases the verdict. */
int order_explain(struct probe *probe, const struct order_question *question, struct order_verdict *verdict,
		  struct err *err);
void order_verdict_release(struct order_verdict *verdict);
#define cleanup_order_verdict __attribute__((cleanup(order_verdict_release)))

/*
 * Which of the candidates fail behind the polluters and not without them:
 * fails[i] tells. Two probes; in each the candidates run in the order given.
 */
int order_also_fail(struct probe *probe, const size_t *polluters, size_t polluter_count, const size_t *candidates,
		    size_t candidate_count, bool *fails, struct err *err);

#endif
