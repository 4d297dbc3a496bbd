#include "safety/mock_match.h"

#include "base/banned.h"

const struct rule rules_mock[] = {
	{ .code = "CB401",
	  .title = "patch started and never stopped",
	  .why = "The replaced attribute stays a mock for every later test of the process: they pass or fail against a "
		 "mock, depending on the worker they land on.",
	  .remedy = "use the patch as decorator or in a with statement, use mocker, or addCleanup(patcher.stop)",
	  .bad = "def test_rate():\n    rate = patch.object(exchange, \"fetch_rate\", return_value=2)\n    "
		 "rate.start()\n"
		 "    assert convert(1) == 2\n",
	  .good = "def test_rate():\n    with patch.object(exchange, \"fetch_rate\", return_value=2):\n"
		  "        assert convert(1) == 2\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_patch_started },
	{ .code = "CB402",
	  .title = "attribute of a module or class replaced by assignment",
	  .why = "Nothing puts the old value back: all later tests of the process see the new one.",
	  .remedy = "monkeypatch.setattr(module, name, value), or patch.object in a with statement",
	  .bad = "def test_offline():\n    shop.net.fetch = lambda url: None\n    assert shop.prices() == []\n",
	  .good = "def test_offline(monkeypatch):\n    monkeypatch.setattr(shop.net, \"fetch\", lambda url: None)\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_attribute_replaced },
	{ .code = "CB403",
	  .title = "one mock shared by several tests",
	  .why = "Its calls pile up: assert_called_once and call_count depend on which tests ran before on this "
		 "worker.",
	  .remedy = "make a mock per test in a fixture, or call reset_mock() before each test",
	  .bad = "mailer = Mock()\n\ndef test_a():\n    order(mailer)\n    mailer.send.assert_called_once()\n\n"
		 "def test_b():\n    refund(mailer)\n    mailer.send.assert_called_once()\n",
	  .good = "@pytest.fixture\ndef mailer():\n    return Mock()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_shared_mock },
	{ .code = "CB404",
	  .title = "mock attribute set on a class",
	  .why = "type(x).name = PropertyMock() changes the class of a real object, or Mock itself, for the whole "
		 "process.",
	  .remedy = "with patch.object(Class, name, new_callable=PropertyMock)",
	  .bad = "def test_status(order):\n    type(order).status = PropertyMock(return_value=\"paid\")\n",
	  .good = "def test_status(order):\n    with patch.object(Order, \"status\", new_callable=PropertyMock):\n     "
		  "   run()\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_mock_on_class },
	{ .code = "CB405",
	  .title = "global HTTP or time mock left active",
	  .why = "It replaces functions for the whole process: later tests get faked answers, or a clock that stands.",
	  .remedy = "use it as decorator or in a with statement, or stop it behind a yield",
	  .bad = "def test_new_year():\n    freezer = freeze_time(\"2024-01-01\")\n    freezer.start()\n    assert "
		 "year() == 2024\n",
	  .good = "@freeze_time(\"2024-01-01\")\ndef test_new_year():\n    assert year() == 2024\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_global_mock },
	{ .code = "CB406",
	  .title = "MonkeyPatch made by hand and never undone",
	  .why = "Only the fixture undoes its patches by itself.",
	  .remedy = "with pytest.MonkeyPatch.context() as monkeypatch: …",
	  .bad = "@pytest.fixture(scope=\"session\")\ndef settings():\n    patch = pytest.MonkeyPatch()\n"
		 "    patch.setenv(\"MODE\", \"test\")\n",
	  .good = "@pytest.fixture(scope=\"session\")\ndef settings():\n    with pytest.MonkeyPatch.context() as "
		  "patch:\n"
		  "        patch.setenv(\"MODE\", \"test\")\n        yield\n",
	  .severity = SEVERITY_WARNING,
	  .roles = ROLE_TESTS,
	  .match = match_monkeypatch_kept },
	{ .code = NULL },
};
