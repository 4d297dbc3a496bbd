/* order_match.h: the matchers of rules_order.c. */
#ifndef COMB_SAFETY_ORDER_MATCH_H
#define COMB_SAFETY_ORDER_MATCH_H

#include "safety/rule.h"

rule_match match_needs_order; /* CB601 */
rule_match match_elapsed_time; /* CB602 */
rule_match match_wall_clock; /* CB603 */
rule_match match_unordered_assert; /* CB604 */
rule_match match_benchmark; /* CB607 */
rule_match match_everything_ran; /* CB608 */

#endif
