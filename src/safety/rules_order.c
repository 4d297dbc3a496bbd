#include "safety/match.h"
#include "safety/order_match.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct call_list machine_size = {
	.events = WORDS("call os.cpu_count", "call multiprocessing.cpu_count", "call os.sched_getaffinity",
			"call os.process_cpu_count", "call psutil.cpu_count", "call resource.getrlimit"),
	.guards = WORDS("patch"),
	.in_assert = true,
};

static const struct call_list counts = {
	.events = WORDS("call gc.get_objects", "call sys.getrefcount", "call threading.active_count",
			"call gc.get_count", "call tracemalloc.get_traced_memory", "call sys._current_frames"),
};

static const struct call_list system_wide = {
	.events = WORDS("call psutil.net_connections", "call psutil.pids", "call psutil.process_iter",
			"call psutil.cpu_percent", "call psutil.virtual_memory", "call psutil.net_io_counters",
			"call psutil.disk_io_counters", "call os.getloadavg"),
	.guards = WORDS("patch"),
};

const struct rule rules_order[] = {
	{ .code = "CB601",
	  .title = "test needs an earlier test",
	  .why = "What one test stores for the next is missing when they run on different workers, in another order, "
		 "or "
		 "when one is run alone.",
	  .remedy = "make it one test, or prepare the state in a fixture; until then keep the tests together: "
		    "xdist_group",
	  .bad = "class TestCheckout:\n    def test_1_create(self):\n        TestCheckout.order = create()\n\n"
		 "    def test_2_pay(self):\n        assert pay(self.order)\n",
	  .good = "@pytest.fixture\ndef order():\n    return create()\n\ndef test_pay(order):\n    assert pay(order)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TEST,
	  .match = match_needs_order },
	{ .code = "CB602",
	  .title = "upper limit on elapsed time",
	  .why = "Beside other tests, or on a busy machine, everything takes longer; the assertion fails though the "
		 "code is "
		 "right.",
	  .remedy = "wait for the condition with a generous time-out; mark the test slow and run it with nothing "
		    "beside it",
	  .bad = "def test_fast():\n    start = time.perf_counter()\n    run()\n    assert time.perf_counter() - start "
		 "< 0.1\n",
	  .good = "def test_work(clock):\n    run(clock)\n    assert clock.ticks == 3\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_elapsed_time },
	{ .code = "CB603",
	  .title = "wall clock in an assertion",
	  .why = "The test fails around midnight, at month ends, or in another time zone; in a parallel run the clock "
		 "moves "
		 "on between two readings more often.",
	  .remedy = "freeze or inject the clock",
	  .bad = "def test_stamp():\n    assert stamp() == datetime.now().strftime(\"%H:%M\")\n",
	  .good = "@freeze_time(\"2024-03-01 12:00\")\ndef test_stamp():\n    assert stamp() == \"12:00\"\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_wall_clock },
	{ .code = "CB604",
	  .title = "assertion on an order that nobody promises",
	  .why = "Sets of texts and folder listings come in another order in another process.",
	  .remedy = "compare sorted(…), or sets",
	  .bad = "def test_tags():\n    assert list(set(tags())) == [\"a\", \"b\"]\n",
	  .good = "def test_tags():\n    assert sorted(set(tags())) == [\"a\", \"b\"]\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TEST,
	  .match = match_unordered_assert },
	{ .code = "CB605",
	  .title = "size of the machine in an assertion",
	  .why = "Processors, limits and affinity differ between machines, and between a worker and a whole run.",
	  .remedy = "pass the number as a parameter",
	  .bad = "def test_pool():\n    assert Pool().size == os.cpu_count()\n",
	  .good = "def test_pool():\n    assert Pool(4).size == 4\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_calls,
	  .data = &machine_size },
	{ .code = "CB606",
	  .title = "count of objects, references or threads of the process",
	  .why = "What earlier tests on the same worker left alive is counted too.",
	  .remedy = "compare differences, use weakref, or run the test in a process of its own",
	  .bad = "def test_leak():\n    run()\n    assert len(gc.get_objects()) < 50000\n",
	  .good = "def test_leak():\n    reference = weakref.ref(run())\n    gc.collect()\n    assert reference() is "
		  "None\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_calls,
	  .data = &counts },
	{ .code = "CB607",
	  .title = "benchmark",
	  .why = "Beside other tests it measures them as well.",
	  .remedy = "run benchmarks apart from the tests, with nothing beside them",
	  .bad = "def test_speed(benchmark):\n    benchmark(parse, TEXT)\n",
	  .good = "def test_parse():\n    assert parse(TEXT)  # correctness here, speed in a benchmark run of its "
		  "own\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_benchmark },
	{ .code = "CB608",
	  .title = "asserts on what other tests did",
	  .why = "On a worker that ran only some of the tests the collection is incomplete.",
	  .remedy = "check it when the session ends, in pytest_sessionfinish, from the results of all workers",
	  .bad = "SEEN = set()\n\ndef test_a():\n    SEEN.add(\"a\")\n\ndef test_b():\n    SEEN.add(\"b\")\n\n"
		 "def test_all():\n    assert SEEN == {\"a\", \"b\"}\n",
	  .good = "@pytest.mark.parametrize(\"name\", [\"a\", \"b\"])\ndef test_each(name):\n    assert handle(name)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TEST,
	  .match = match_everything_ran },
	{ .code = "CB609",
	  .title = "counters of the whole machine",
	  .why = "Processes, connections and load of everything else on the machine are counted, other workers "
		 "included.",
	  .remedy = "look at the test's own process only, or run it with nothing beside it",
	  .bad = "def test_idle():\n    assert psutil.cpu_percent() < 50\n",
	  .good = "def test_idle():\n    assert psutil.Process().num_threads() == 1\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_calls,
	  .data = &system_wide },
	{ .code = NULL },
};
