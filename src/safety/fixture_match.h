/* fixture_match.h: the matchers of rules_fixture.c. */
#ifndef COMB_SAFETY_FIXTURE_MATCH_H
#define COMB_SAFETY_FIXTURE_MATCH_H

#include "safety/rule.h"

rule_match match_fixture_changed; /* CB301 */
rule_match match_once_per_run; /* CB302 */
rule_match match_unprotected_yield; /* CB303 */
rule_match match_removes_too_much; /* CB304 */
rule_match match_not_reentrant; /* CB305 */
rule_match match_autouse_effect; /* CB306 */
rule_match match_fixture_not_asked; /* CB307 */
rule_match match_basetemp; /* CB308 */
rule_match match_rebound; /* CB309 */
rule_match match_without_super; /* CB310 */

/* What a fixture returns or yields, names followed; a null node for nothing. */
TSNode fixture_value(const struct code *code, int function);

#endif
