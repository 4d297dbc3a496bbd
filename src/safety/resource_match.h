/* resource_match.h: the matchers of rules_resource.c that need more than data. */
#ifndef COMB_SAFETY_RESOURCE_MATCH_H
#define COMB_SAFETY_RESOURCE_MATCH_H

#include "safety/rule.h"

rule_match match_path_temporary; /* CB201 */
rule_match match_path_source; /* CB202 */
rule_match match_path_data; /* CB203 */
rule_match match_port; /* CB204 */
rule_match match_free_port; /* CB205 */
rule_match match_socket_name; /* CB206 */
rule_match match_sqlite_file; /* CB207 */
rule_match match_database_server; /* CB208 */
rule_match match_path_home; /* CB210 */
rule_match match_global_tool; /* CB211 */
rule_match match_cloud_name; /* CB212 */
rule_match match_memory_name; /* CB213 */
rule_match match_network; /* CB215 */
rule_match match_child_left; /* CB216 */
rule_match match_listing; /* CB217 */
rule_match match_profile_data; /* CB219 */

/* Whether an event opens a fixed port; it then goes to *port. */
bool event_fixed_port(const struct code *code, const struct code_event *event, long *port);

#endif
