#include "tune/automatic.h"

#include <math.h>

#include "base/machine.h"

#include "base/banned.h"

struct profile profile_of(const struct suite_run *run)
{
	struct profile profile = { .tests = run->tests.len, .cpu_s = run->cpu_s, .process_bytes = run->max_rss_bytes };
	for (size_t i = 0; i < run->tests.len; i++) {
		const struct test *test = &run->tests.at[i];
		double wall = test->setup_s + test->call_s + test->teardown_s;
		profile.tests_s += wall;
		profile.longest_s = fmax(profile.longest_s, wall);
	}
	return profile;
}

int automatic_fitting(double workers, int64_t process_bytes, int64_t available_bytes)
{
	if (available_bytes > 0 && process_bytes > 0)
		workers = fmin(workers, (double)available_bytes / (double)process_bytes);
	return workers < 1 ? 1 : (int)floor(workers + 1e-9);
}

int automatic_workers(const struct profile *profile, double cores, int64_t available_bytes)
{
	double share = profile->tests_s > 0 ? profile->cpu_s / profile->tests_s : 1;
	double workers = machine_whole(cores / fmin(1, fmax(share, 0.01)));
	/* More could not shorten the run: the longest test takes as long. */
	if (profile->longest_s > 0)
		workers = fmin(workers, ceil(profile->tests_s / profile->longest_s));
	workers = fmin(workers, fmin((double)profile->tests, AUTOMATIC_WORKERS_MOST));
	return automatic_fitting(workers, profile->process_bytes, available_bytes);
}

json_t *profile_json(const struct profile *profile)
{
	return json_pack("{s:i, s:I, s:f, s:f, s:f, s:I}", "version", 1, "tests", (json_int_t)profile->tests, "tests_s",
			 profile->tests_s, "longest_s", profile->longest_s, "cpu_s", profile->cpu_s, "process_bytes",
			 (json_int_t)profile->process_bytes);
}

bool profile_parse(struct profile *profile, const json_t *json)
{
	json_int_t tests = json_integer_value(json_object_get(json, "tests"));
	*profile = (struct profile){
		.tests = tests > 0 ? (size_t)tests : 0,
		.tests_s = json_number_value(json_object_get(json, "tests_s")),
		.longest_s = json_number_value(json_object_get(json, "longest_s")),
		.cpu_s = json_number_value(json_object_get(json, "cpu_s")),
		.process_bytes = json_integer_value(json_object_get(json, "process_bytes")),
	};
	return json_integer_value(json_object_get(json, "version")) == 1 && profile->tests > 0;
}
