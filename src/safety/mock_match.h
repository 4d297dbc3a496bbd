/* mock_match.h: the matchers of rules_mock.c. */
#ifndef COMB_SAFETY_MOCK_MATCH_H
#define COMB_SAFETY_MOCK_MATCH_H

#include "safety/rule.h"

rule_match match_patch_started; /* CB401 */
rule_match match_attribute_replaced; /* CB402 */
rule_match match_shared_mock; /* CB403 */
rule_match match_mock_on_class; /* CB404 */
rule_match match_global_mock; /* CB405 */
rule_match match_monkeypatch_kept; /* CB406 */

#endif
