#include "safety/fixture_match.h"

#include "base/banned.h"

const struct rule rules_fixture[] = {
	{ .code = "CB301",
	  .title = "shared fixture changed by a test",
	  .why = "A fixture of class, module, package or session scope is made once: what one test changes in it, the "
		 "later tests find. In parallel each worker has its own, and other tests before it.",
	  .remedy = "give the fixture function scope, let it return a copy, or let it return a factory",
	  .bad = "@pytest.fixture(scope=\"module\")\ndef prices():\n    return {\"MUG\": 750}\n\n"
		 "def test_sale(prices):\n    prices[\"MUG\"] = 500\n    assert total(prices) == 500\n",
	  .good = "@pytest.fixture\ndef prices():\n    return {\"MUG\": 750}\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_fixture_changed },
	{ .code = "CB302",
	  .title = "session fixture that assumes it is made once per run",
	  .why = "Each worker is a session of its own: the server, file or download is made once per worker, at the "
		 "same "
		 "time and with the same name.",
	  .remedy = "take a file lock on tmp_path_factory.getbasetemp().parent, or put worker_id into the name",
	  .bad = "@pytest.fixture(scope=\"session\")\ndef server():\n    with subprocess.Popen([\"serve\", \"8000\"]) "
		 "as p:\n"
		 "        yield p\n",
	  .good = "@pytest.fixture(scope=\"session\")\ndef server(tmp_path_factory, worker_id):\n"
		  "    with FileLock(tmp_path_factory.getbasetemp().parent / \"server.lock\"):\n        yield "
		  "start_or_join()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_once_per_run },
	{ .code = "CB303",
	  .title = "clean-up not reached when the test fails",
	  .why = "In a context manager an exception is raised at the yield: what stands behind it does not run, and "
		 "the "
		 "next test finds the state of a failed one.",
	  .remedy = "put the yield into try … finally",
	  .bad = "@contextmanager\ndef debug_mode():\n    app.debug = True\n    yield\n    app.debug = False\n",
	  .good = "@contextmanager\ndef debug_mode():\n    app.debug = True\n    try:\n        yield\n    finally:\n"
		  "        app.debug = False\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_unprotected_yield },
	{ .code = "CB304",
	  .title = "teardown removes more than the set-up made",
	  .why = "It takes away the files or keys of tests that run beside it.",
	  .remedy = "remove only what this test made: a folder of its own below tmp_path, keys with a prefix",
	  .bad = "def teardown_module():\n    shutil.rmtree(\"output\")\n",
	  .good = "def test_output(tmp_path):\n    run(output=tmp_path)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_removes_too_much },
	{ .code = "CB305",
	  .title = "class or module set-up that cannot run twice",
	  .why = "When the tests of a class run on two workers, or not in one piece, its set-up runs again and changes "
		 "what the first run left.",
	  .remedy =
		  "assign new values in the set-up, or use a fixture; until then keep the class together: xdist_group",
	  .bad = "class TestQueue:\n    jobs = [1, 2, 3]\n\n    @classmethod\n    def setup_class(cls):\n"
		 "        cls.jobs.pop()\n",
	  .good = "class TestQueue:\n    @classmethod\n    def setup_class(cls):\n        cls.jobs = [1, 2]\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_not_reentrant },
	{ .code = "CB306",
	  .title = "autouse fixture that touches a shared file",
	  .why = "It runs around every test, also those that do not need it, and removes or writes the file while "
		 "another "
		 "worker uses it.",
	  .remedy = "request it only where it is needed, and let it use tmp_path",
	  .bad = "@pytest.fixture(autouse=True)\ndef clean():\n    Path(\"/tmp/shop.csv\").unlink(missing_ok=True)\n",
	  .good = "@pytest.fixture\ndef export(tmp_path):\n    return tmp_path / \"shop.csv\"\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_autouse_effect },
	{ .code = "CB307",
	  .title = "effect of a fixture used without requesting it",
	  .why = "The test passes only when another test on the same worker has requested the fixture before.",
	  .remedy = "request the fixture and let it return the value",
	  .bad = "client = None\n\n@pytest.fixture\ndef connect():\n    global client\n    client = Client()\n\n"
		 "def test_first(connect):\n    assert client.ping()\n\ndef test_second():\n    assert client.ping()\n",
	  .good = "@pytest.fixture\ndef client():\n    return Client()\n\ndef test_second(client):\n    assert "
		  "client.ping()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_fixture_not_asked },
	{ .code = "CB308",
	  .title = "path made by hand below the base temporary folder",
	  .why = "getbasetemp() is the same for all tests of a worker, and its parent for all workers: equal names "
		 "meet.",
	  .remedy = "use tmp_path_factory.mktemp(); for what workers share on purpose, take a file lock",
	  .bad = "@pytest.fixture(scope=\"session\")\ndef cache(tmp_path_factory):\n"
		 "    return tmp_path_factory.getbasetemp().parent / \"cache\"\n",
	  .good = "@pytest.fixture(scope=\"session\")\ndef cache(tmp_path_factory):\n"
		  "    return tmp_path_factory.mktemp(\"cache\")\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_basetemp },
	{ .code = "CB309",
	  .title = "teardown binds a name to a copy of its old value",
	  .why = "Whoever holds the original object by reference keeps the changed one; from now on there are two.",
	  .remedy = "change the object in place: sys.path[:] = saved, registry.clear(); registry.update(saved)",
	  .bad = "@pytest.fixture\ndef path():\n    saved = list(sys.path)\n    yield\n    sys.path = saved\n",
	  .good = "@pytest.fixture\ndef path():\n    saved = list(sys.path)\n    yield\n    sys.path[:] = saved\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_rebound },
	{ .code = "CB310",
	  .title = "set-up overridden without super()",
	  .why = "What the base class sets up is missing, unless another class has left it on the shared base.",
	  .remedy = "call super().setUp(), or super().setup_class()",
	  .bad = "class Base(TestCase):\n    def setUp(self):\n        self.db = connect()\n\n"
		 "class OrderTest(Base):\n    def setUp(self):\n        self.order = Order()\n",
	  .good = "class OrderTest(Base):\n    def setUp(self):\n        super().setUp()\n        self.order = "
		  "Order()\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_without_super },
	{ .code = NULL },
};
