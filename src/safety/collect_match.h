/* collect_match.h: the matchers of rules_collect.c. */
#ifndef COMB_SAFETY_COLLECT_MATCH_H
#define COMB_SAFETY_COLLECT_MATCH_H

#include "safety/rule.h"

rule_match match_unordered_values; /* CB501 */
rule_match match_address_ids; /* CB502 */
rule_match match_values_from_outside; /* CB503 */
rule_match match_import_effect; /* CB504 */
rule_match match_worker_at_import; /* CB505 */
rule_match match_same_basename; /* CB506 */
rule_match match_changing_values; /* CB508 */

/* Whether an expression's order differs between processes: a set, or a folder listing, not sorted. */
bool node_is_unordered(const struct code *code, TSNode node, int function);

#endif
