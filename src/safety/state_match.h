/* state_match.h: the matchers of rules_state.c that need more than data. */
#ifndef COMB_SAFETY_STATE_MATCH_H
#define COMB_SAFETY_STATE_MATCH_H

#include "safety/rule.h"

rule_match match_global_changed; /* CB101 */
rule_match match_class_store; /* CB102 */
rule_match match_registration; /* CB103 */
rule_match match_cached_state; /* CB104 */
rule_match match_thread_left; /* CB114 */
rule_match match_engine_at_import; /* CB118 */
rule_match match_default_changed; /* CB119 */
rule_match match_open_at_import; /* CB120 */
rule_match match_cache_on_base; /* CB121 */
rule_match match_registered_class; /* CB122 */

#endif
