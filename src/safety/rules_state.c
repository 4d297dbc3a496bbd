#include "safety/match.h"
#include "safety/state_match.h"

#include "base/banned.h"

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct state_change environment = {
	.events = WORDS("set os.environ@", "del os.environ@", "aug os.environ@", "call os.environ.update",
			"call os.environ.pop", "call os.environ.clear", "call os.environ.setdefault",
			"call os.environ.popitem", "call os.putenv", "call os.unsetenv", "set os.environ",
			"call dotenv.load_dotenv"),
	.shields = WORDS("call *.setenv", "call *.delenv"),
	.guards = WORDS("environ", "env(", "env_var", "envvar", "setenv"),
};

static const struct state_change working_directory = {
	.events = WORDS("call os.chdir", "call os.fchdir"),
	.shields = WORDS("call *monkeypatch.chdir", "call mp.chdir", "call *.as_cwd"),
	.guards = WORDS("chdir", "cwd", "isolated_filesystem", "working_dir", "pushd", "in_dir"),
	.subject = "working directory",
};

static const struct state_change import_state = {
	.events = WORDS("call sys.path.append", "call sys.path.insert", "call sys.path.remove", "call sys.path.pop",
			"call sys.path.extend", "set sys.path", "set sys.path@", "aug sys.path", "del sys.path@",
			"set sys.modules@", "del sys.modules@", "call sys.modules.pop", "call sys.modules.update",
			"call sys.modules.setdefault", "call sys.meta_path.*", "set sys.meta_path",
			"call sys.path_hooks.*", "call importlib.reload", "call imp.reload"),
	.shields = WORDS("call *.syspath_prepend", "call *monkeypatch.setitem", "call *monkeypatch.delitem"),
	.guards = WORDS("sys.path", "sys.modules", "syspath", "sys_path", "modules"),
};

static const struct state_change streams = {
	.events =
		WORDS("set sys.argv", "set sys.argv@", "aug sys.argv", "call sys.argv.append", "call sys.argv.extend",
		      "set sys.stdin", "set sys.stdout", "set sys.stderr", "set sys.excepthook", "set sys.displayhook",
		      "set sys.platform", "set sys.executable", "set sys.version_info", "set sys.byteorder"),
	.guards = WORDS("sys.", "argv", "redirect_std", "stdout", "stdin", "stderr", "captured"),
};

static const struct state_change logging_state = {
	.events = WORDS("call logging.basicConfig", "call logging.disable", "call logging.config.dictConfig",
			"call logging.config.fileConfig", "call logging.setLoggerClass", "call logging.addLevelName",
			"call logging.captureWarnings", "call logging.getLogger().addHandler",
			"call logging.getLogger().setLevel", "call logging.getLogger().removeHandler",
			"set logging.getLogger().propagate", "set logging.getLogger().disabled",
			"set logging.getLogger().level", "set logging.root.*", "call logging.root.*",
			"call logging.setLogRecordFactory", "set logging.raiseExceptions", "set logging.lastResort"),
	.undo = WORDS("call logging.*", "set logging.*", "call *.removeHandler", "call *.setLevel", "set *.handlers",
		      "set *.handlers@", "call *.handlers.*", "set *.propagate", "set *.disabled", "set *.level"),
	.shields = WORDS("call caplog.set_level"),
	.guards = WORDS("logging", "caplog", "logger", "assertlogs"),
};

static const struct state_change warning_filters = {
	.events = WORDS("call warnings.simplefilter", "call warnings.filterwarnings", "call warnings.resetwarnings",
			"set warnings.showwarning", "set warnings.filters", "set warnings.formatwarning"),
	.undo = WORDS("call warnings.*", "set warnings.*"),
	.guards = WORDS("catch_warnings", "warns", "recwarn", "warning"),
	.subject = "warning filters",
};

static const struct state_change locale_state = {
	.events = WORDS("call locale.setlocale", "call time.tzset", "call decimal.setcontext",
			"set decimal.getcontext().*", "set decimal.DefaultContext.*", "call numpy.seterr",
			"call numpy.set_printoptions", "call numpy.seterrcall", "call pandas.set_option",
			"set pandas.options.*", "call matplotlib.use", "set matplotlib.rcParams@",
			"call matplotlib.rcParams.update", "set matplotlib.pyplot.rcParams@",
			"call matplotlib.pyplot.rcParams.update", "call matplotlib.pyplot.switch_backend",
			"call torch.set_default_dtype", "call torch.set_num_threads", "set readline.*"),
	.undo = WORDS("call locale.*", "call time.tzset", "call decimal.setcontext", "set decimal.*", "call numpy.se*",
		      "call pandas.*", "set pandas.*", "call matplotlib.*", "set matplotlib.*", "call torch.set_*"),
	.guards = WORDS("localcontext", "errstate", "printoptions", "option_context", "rc_context", "locale",
			"timezone", "tzset"),
};

static const struct state_change random_state = {
	.events = WORDS("call random.seed", "call random.setstate", "call numpy.random.seed",
			"call numpy.random.set_state", "call torch.manual_seed", "call tensorflow.random.set_seed"),
	.undo = WORDS("call random.setstate", "call random.seed", "call numpy.random.set_state",
		      "call numpy.random.seed", "call torch.set_rng_state"),
	.guards = WORDS("seed", "random_state", "rng"),
};

static const struct state_change signals = {
	.events = WORDS("call signal.signal", "call signal.alarm", "call signal.setitimer", "call signal.set_wakeup_fd",
			"call signal.pthread_sigmask", "call signal.siginterrupt", "call faulthandler.enable",
			"call faulthandler.dump_traceback_later", "call faulthandler.register", "call atexit.register"),
	.undo = WORDS("call signal.*", "call faulthandler.disable", "call faulthandler.cancel*",
		      "call faulthandler.unregister", "call atexit.unregister"),
	.guards = WORDS("signal", "alarm", "timeout"),
};

static const struct state_change event_loop = {
	.events = WORDS("call asyncio.set_event_loop", "call asyncio.set_event_loop_policy", "call nest_asyncio.apply",
			"call uvloop.install"),
	.guards = WORDS("event_loop", "loop_policy"),
	.subject = "asyncio event loop and policy",
};

static const struct state_change active_context = {
	.events = WORDS("call *app_context().push", "call *request_context().push", "call *.app_context().__enter__",
			"call django.utils.translation.activate", "call django.utils.timezone.activate",
			"call gettext.install", "call *.translation.activate"),
	.undo = WORDS("call *.pop", "call *.__exit__", "call django.utils.translation.deactivate*",
		      "call django.utils.timezone.deactivate", "call *.translation.deactivate*",
		      "call django.utils.translation.activate", "call django.utils.timezone.activate"),
	.guards = WORDS("override", "translation", "app_context"),
	.subject = "active application or language context",
};

static const struct state_change interpreter = {
	.events = WORDS("call gc.disable", "call gc.set_threshold", "call gc.freeze", "call gc.set_debug",
			"call sys.setrecursionlimit", "call sys.setswitchinterval", "call sys.settrace",
			"call sys.setprofile", "call threading.settrace", "call sys.set_int_max_str_digits",
			"set threading.excepthook", "set builtins.*", "set sys.unraisablehook",
			"call sys.setdlopenflags", "call sys.addaudithook"),
	.undo = WORDS("call gc.*", "call sys.set*", "call threading.settrace", "set threading.excepthook",
		      "set builtins.*", "del builtins.*", "set sys.unraisablehook"),
	.guards = WORDS("builtins", "recursion", "gc", "settrace"),
};

static const struct state_change library_mode = {
	.events = WORDS("call socket.setdefaulttimeout", "call csv.field_size_limit", "set tempfile.tempdir",
			"call *.enablePackrat", "call *.set_default_*", "call *.set_global_*",
			"call multiprocessing.set_start_method", "set ssl._create_default_https_context"),
	.guards = WORDS("default", "global", "packrat", "start_method"),
	.imported_only = true,
};

const struct rule rules_state[] = {
	{ .code = "CB101",
	  .title = "module-level object changed by tests",
	  .why = "A list, dict, set or global name of a module lives as long as the process. What one test leaves in "
		 "it, the next test in the same process finds; in parallel that is another test every time.",
	  .remedy =
		  "make it in a fixture, or put it back in the teardown (monkeypatch.setattr, .clear() behind a yield)",
	  .bad = "SEEN = []\n\ndef test_add():\n    SEEN.append(1)\n    assert SEEN == [1]\n\n"
		 "def test_empty():\n    assert not SEEN\n",
	  .good = "@pytest.fixture\ndef seen():\n    return []\n\ndef test_add(seen):\n    seen.append(1)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_global_changed },
	{ .code = "CB102",
	  .title = "class attribute used as a shared store",
	  .why = "A mutable object in a class body belongs to the class: all its instances, in all tests of the "
		 "process, add to the same one.",
	  .remedy = "create it in __init__ or in a fixture; in a test, monkeypatch.setattr(Class, name, [])",
	  .bad = "class Outbox:\n    messages = []\n\n    def send(self, text):\n        self.messages.append(text)\n",
	  .good = "class Outbox:\n    def __init__(self):\n        self.messages = []\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS | ROLE_PROJECT,
	  .match = match_class_store },
	{ .code = "CB103",
	  .title = "entry left in a process-wide registry",
	  .why = "A registration made by a test stays: later tests see one codec, converter or listener more than "
		 "they expect, or are refused because the name is taken.",
	  .remedy = "unregister behind a yield or with addCleanup; or use a registry made by a fixture",
	  .bad = "def test_codec():\n    codecs.register(search)\n    assert \"x\".encode(\"mine\")\n",
	  .good = "def test_codec(request):\n    codecs.register(search)\n"
		  "    request.addfinalizer(lambda: codecs.unregister(search))\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_registration },
	{ .code = "CB104",
	  .title = "cached result of something that tests change",
	  .why = "The cache is filled by whichever test comes first in a process; later tests get that answer, though "
		 "environment, files or settings have changed since.",
	  .remedy = "call cache_clear() in a fixture, or keep the cache on an object that each test makes",
	  .bad = "@functools.lru_cache\ndef settings():\n    return os.environ.get(\"MODE\", \"test\")\n",
	  .good = "@pytest.fixture(autouse=True)\ndef fresh_settings():\n    settings.cache_clear()\n    yield\n"
		  "    settings.cache_clear()\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS | ROLE_PROJECT,
	  .match = match_cached_state },
	{ .code = "CB105",
	  .title = "environment variable changed and kept",
	  .why = "os.environ belongs to the process and is inherited by every child. A later test on the same worker "
		 "sees the value; on another worker it does not.",
	  .remedy = "use monkeypatch.setenv() or delenv(), or patch.dict(os.environ, …)",
	  .bad = "def test_prefix():\n    os.environ[\"PREFIX\"] = \"ACME\"\n    assert number() == \"ACME-1\"\n",
	  .good = "def test_prefix(monkeypatch):\n    monkeypatch.setenv(\"PREFIX\", \"ACME\")\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &environment },
	{ .code = "CB106",
	  .title = "working directory changed and kept",
	  .why = "Every relative path of every later test in the process means another file; and the folder may be "
		 "gone when they run.",
	  .remedy = "use monkeypatch.chdir(), or contextlib.chdir() in a with statement",
	  .bad = "def test_report(tmp_path):\n    os.chdir(tmp_path)\n    write_report()\n",
	  .good = "def test_report(tmp_path, monkeypatch):\n    monkeypatch.chdir(tmp_path)\n    write_report()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &working_directory },
	{ .code = "CB107",
	  .title = "sys.path, sys.modules or import hooks changed",
	  .why = "Later imports find other modules; after a reload, classes imported before are no longer the ones "
		 "that the module holds, and isinstance fails.",
	  .remedy =
		  "use monkeypatch.syspath_prepend(), monkeypatch.setitem(sys.modules, …) or delitem; run reloads in a "
		  "process of their own",
	  .bad = "def test_plugin(tmp_path):\n    sys.path.insert(0, str(tmp_path))\n    import plugin\n",
	  .good = "def test_plugin(tmp_path, monkeypatch):\n    monkeypatch.syspath_prepend(tmp_path)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &import_state },
	{ .code = "CB108",
	  .title = "sys.argv, standard streams or hooks replaced",
	  .why = "What a test puts there stays for the tests after it, and takes pytest's own capturing away from "
		 "them.",
	  .remedy = "use monkeypatch.setattr(sys, …), capsys, or contextlib.redirect_stdout()",
	  .bad = "def test_main():\n    sys.argv = [\"shop\", \"list\"]\n    main()\n",
	  .good = "def test_main(monkeypatch):\n    monkeypatch.setattr(sys, \"argv\", [\"shop\", \"list\"])\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &streams },
	{ .code = "CB109",
	  .title = "logging configured and left so",
	  .why = "Handlers, levels and disable() hold for the whole process: later tests log twice, or nothing at all, "
		 "and caplog stays empty.",
	  .remedy = "use caplog.set_level() or caplog.at_level(), or remove the handler behind a yield",
	  .bad = "def test_quiet():\n    logging.disable(logging.CRITICAL)\n    run()\n",
	  .good = "def test_quiet(caplog):\n    caplog.set_level(logging.CRITICAL + 1)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &logging_state },
	{ .code = "CB110",
	  .title = "warning filters changed outside catch_warnings",
	  .why = "Filters are process-wide; a later test gets an error, or no warning, where it expects one.",
	  .remedy = "change them inside warnings.catch_warnings(), or use @pytest.mark.filterwarnings",
	  .bad = "def test_old_api():\n    warnings.simplefilter(\"ignore\")\n    old()\n",
	  .good = "def test_old_api():\n    with warnings.catch_warnings():\n        "
		  "warnings.simplefilter(\"ignore\")\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &warning_filters },
	{ .code = "CB111",
	  .title = "locale, time zone or numeric settings changed",
	  .why = "These are settings of the process or the thread; numbers, dates and texts of later tests come out "
		 "differently.",
	  .remedy = "use the context manager of the library (decimal.localcontext, numpy.errstate, "
		    "pandas.option_context), "
		    "or restore behind a yield",
	  .bad = "def test_german():\n    locale.setlocale(locale.LC_ALL, \"de_DE.UTF-8\")\n",
	  .good = "@pytest.fixture\ndef german():\n    old = locale.setlocale(locale.LC_ALL)\n"
		  "    locale.setlocale(locale.LC_ALL, \"de_DE.UTF-8\")\n    yield\n    "
		  "locale.setlocale(locale.LC_ALL, old)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &locale_state },
	{ .code = "CB112",
	  .title = "global random generator seeded",
	  .why = "The seed fixes what later tests in the process draw; a test that passes by that luck fails on "
		 "another "
		 "worker.",
	  .remedy = "use a generator of its own: random.Random(seed), numpy.random.default_rng(seed)",
	  .bad = "def test_sample():\n    random.seed(1)\n    assert draw() == 17\n",
	  .good = "def test_sample():\n    assert draw(random.Random(1)) == 17\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &random_state },
	{ .code = "CB113",
	  .title = "signal handler, alarm or exit function left behind",
	  .why = "It fires, or is missing, in a later test of the same process; an alarm set by one test kills "
		 "another.",
	  .remedy = "restore it behind a yield or in finally: signal.signal(n, old), signal.alarm(0)",
	  .bad = "def test_term():\n    signal.signal(signal.SIGTERM, handler)\n",
	  .good = "@pytest.fixture\ndef on_term():\n    old = signal.signal(signal.SIGTERM, handler)\n    yield\n"
		  "    signal.signal(signal.SIGTERM, old)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &signals },
	{ .code = "CB114",
	  .title = "thread, timer or pool left running",
	  .why = "It goes on while later tests run, writes to what they use, and may end the process.",
	  .remedy = "join it in finally or in a fixture; use pools in a with statement",
	  .bad = "def test_worker():\n    worker = threading.Thread(target=serve)\n    worker.start()\n    assert "
		 "ask()\n",
	  .good = "def test_worker():\n    worker = threading.Thread(target=serve)\n    worker.start()\n    try:\n"
		  "        assert ask()\n    finally:\n        stop()\n        worker.join()\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS,
	  .match = match_thread_left },
	{ .code = "CB115",
	  .title = "asyncio event loop or policy replaced",
	  .why = "Later tests get a closed loop, or one of another kind.",
	  .remedy = "leave loops to pytest-asyncio or anyio, or to asyncio.run(); restore what you set",
	  .bad = "def test_fetch():\n    loop = asyncio.new_event_loop()\n    asyncio.set_event_loop(loop)\n"
		 "    loop.run_until_complete(fetch())\n    loop.close()\n",
	  .good = "def test_fetch():\n    asyncio.run(fetch())\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &event_loop },
	{ .code = "CB116",
	  .title = "application, language or request context left active",
	  .why = "Context variables and thread locals outlive the test; later tests work in a foreign context.",
	  .remedy = "use a with statement (with app.app_context(): …, translation.override)",
	  .bad = "def test_page(app):\n    app.app_context().push()\n    assert render()\n",
	  .good = "def test_page(app):\n    with app.app_context():\n        assert render()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &active_context },
	{ .code = "CB117",
	  .title = "setting of the interpreter changed",
	  .why = "Garbage collection, recursion limit, trace functions and builtins hold for every later test of the "
		 "process.",
	  .remedy = "restore it in finally or behind a yield; use monkeypatch.setattr(builtins, …)",
	  .bad = "def test_deep():\n    sys.setrecursionlimit(50)\n    assert parse(DEEP)\n",
	  .good = "def test_deep():\n    old = sys.getrecursionlimit()\n    sys.setrecursionlimit(50)\n    try:\n"
		  "        assert parse(DEEP)\n    finally:\n        sys.setrecursionlimit(old)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &interpreter },
	{ .code = "CB118",
	  .title = "database engine or connection made at import",
	  .why = "All tests of a process share it, with its transactions and pool; after a fork two processes share "
		 "one "
		 "socket; all workers use the same database.",
	  .remedy = "make the engine in a session fixture, for a database named after worker_id",
	  .bad = "engine = create_engine(\"sqlite:///shop.db\")\n\ndef test_rows():\n    assert engine.connect()\n",
	  .good = "@pytest.fixture(scope=\"session\")\ndef engine(tmp_path_factory):\n"
		  "    return create_engine(f\"sqlite:///{tmp_path_factory.mktemp('db')}/shop.db\")\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_engine_at_import },
	{ .code = "CB119",
	  .title = "mutable default argument changed",
	  .why = "The default is made once, when the function is defined: what one call adds, all later calls see.",
	  .remedy = "use None as the default and make the object in the function",
	  .bad = "def basket(item, items=[]):\n    items.append(item)\n    return items\n",
	  .good = "def basket(item, items=None):\n    items = [] if items is None else items\n    items.append(item)\n"
		  "    return items\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS | ROLE_PROJECT,
	  .match = match_default_changed },
	{ .code = "CB120",
	  .title = "file or socket opened at import",
	  .why = "It stays open for the life of the process; every worker opens it too, and their positions and writes "
		 "mix.",
	  .remedy = "open it in a fixture, in a with statement",
	  .bad = "LOG = open(\"tests.log\", \"w\")\n\ndef test_log():\n    LOG.write(\"x\")\n",
	  .good = "@pytest.fixture\ndef log(tmp_path):\n    with open(tmp_path / \"tests.log\", \"w\") as log:\n"
		  "        yield log\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_open_at_import },
	{ .code = "CB121",
	  .title = "cache on a base class shared by subclasses",
	  .why = "hasattr(cls, name) also finds what a base class has stored: the first class of a process to be asked "
		 "decides for all its subclasses.",
	  .remedy = "look into cls.__dict__ instead",
	  .bad = "class Model:\n    @classmethod\n    def fields(cls):\n        if not hasattr(cls, \"_fields\"):\n"
		 "            cls._fields = scan(cls)\n        return cls._fields\n",
	  .good = "class Model:\n    @classmethod\n    def fields(cls):\n        if \"_fields\" not in cls.__dict__:\n"
		  "            cls._fields = scan(cls)\n        return cls._fields\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TESTS | ROLE_PROJECT,
	  .match = match_cache_on_base },
	{ .code = "CB122",
	  .title = "class defined in a test enters a registry",
	  .why = "__init_subclass__ or a metaclass records the class for the life of the process; tests that list or "
		 "count the registry depend on which tests ran before.",
	  .remedy = "save and restore the registry in a fixture",
	  .bad = "class Plugin:\n    registry = []\n    def __init_subclass__(cls):\n        "
		 "Plugin.registry.append(cls)\n\n"
		 "def test_found():\n    class Mine(Plugin):\n        pass\n    assert Plugin.registry == [Mine]\n",
	  .good = "@pytest.fixture(autouse=True)\ndef registry(monkeypatch):\n"
		  "    monkeypatch.setattr(Plugin, \"registry\", [])\n",
	  .severity = SEVERITY_NOTE,
	  .roles = ROLE_TEST,
	  .match = match_registered_class },
	{ .code = "CB123",
	  .title = "process-wide mode of a library switched",
	  .why = "Later tests run in that mode; a test that pins the other mode passes on the wrong worker while "
		 "testing "
		 "nothing.",
	  .remedy = "set it in a fixture that puts the old mode back",
	  .bad = "def test_timeout():\n    socket.setdefaulttimeout(0.1)\n    assert fetch() is None\n",
	  .good = "@pytest.fixture\ndef short_timeout():\n    old = socket.getdefaulttimeout()\n"
		  "    socket.setdefaulttimeout(0.1)\n    yield\n    socket.setdefaulttimeout(old)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_change,
	  .data = &library_mode },
	{ .code = "CB124",
	  .title = "test spoils itself",
	  .why = "It passes once and fails when it runs a second time in the same process: it leaves behind what it "
		 "assumes absent. Reruns and retries of it cannot be trusted.",
	  .remedy = "put back in the teardown what the test changes",
	  .bad = "def test_first():\n    assert \"x\" not in CACHE\n    CACHE[\"x\"] = 1\n",
	  .good = "def test_first(monkeypatch):\n    monkeypatch.setattr(module, \"CACHE\", {})\n",
	  .severity = SEVERITY_WARNING,
	  .roles = 0,
	  .match = NULL },
	{ .code = "CB125",
	  .title = "state left by an earlier test",
	  .why = "The test passes alone and fails after another one in the same process: something that one changes is "
		 "not "
		 "put back. No rule could name the variable.",
	  .remedy = "find what the earlier test changes and put it back in its teardown; until then keep the tests "
		    "together: xdist_group",
	  .bad = "def test_first():\n    library.configure(strict=True)\n\ndef test_second():\n    "
		 "library.parse(\"loose\")\n",
	  .good = "@pytest.fixture\ndef strict():\n    library.configure(strict=True)\n    yield\n"
		  "    library.configure(strict=False)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = 0,
	  .match = NULL },
	{ .code = NULL },
};
