"""Hook calls made by C are those of pluggy's own Python."""

import os
import subprocess
import sys
from pathlib import Path

from engine_run import comb, extension, serial, write

BY_CHANCE = Path(__file__).with_name("hookcalls_by_chance.py")

WATCHED = '''
import pytest
CALLS = []

class Counts:
    def pytest_runtest_call(self): CALLS.append("class")

@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        result = yield
    except ZeroDivisionError:
        CALLS.append("caught")
        raise ValueError("instead") from None
    return result

def pytest_runtest_setup(item):
    if item.name == "test_registers": item.config.pluginmanager.register(Counts(), "counts")

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().user_properties.append(("kind", type(call.excinfo and call.excinfo.value).__name__))
'''

TESTS = '''
import pytest
def test_fine(): pass
def test_division(): 1 / 0
def test_registers(request): assert "caught" in request.config.pluginmanager.get_plugin("watch").CALLS
def test_after(): raise StopIteration("by a test")
def test_monitored(request):
    seen = []
    manager = request.config.pluginmanager
    undo = manager.add_hookcall_monitoring(lambda name, impls, given: seen.append(name), lambda *about: None)
    request.node.ihook.pytest_warning_recorded
    manager.hook.pytest_report_header(config=request.config, start_path=request.config.rootpath, startdir=None)
    undo()
    assert seen == ["pytest_report_header"]
def test_too_few(request):
    with pytest.warns(UserWarning, match="start_path"):
        request.config.hook.pytest_report_header(config=request.config)
def test_positional(request):
    with pytest.raises(TypeError, match="positional"):
        request.config.hook.pytest_report_header(request.config)
def test_a_manager_of_its_own():
    """Warnings of pluggy count its frames to the caller."""
    import pluggy, traceback
    class Specs:
        @pluggy.HookspecMarker("own")
        def frames(self): pass
    class Plugin:
        @pluggy.HookimplMarker("own")
        def frames(self): return [each.name for each in traceback.extract_stack()]
    manager = pluggy.PluginManager("own")
    manager.add_hookspecs(Specs)
    manager.register(Plugin())
    [found] = manager.hook.frames()
    assert found[-5:] == ["test_a_manager_of_its_own", "__call__", "_hookexec", "_multicall", "frames"]
'''


def test_by_chance():
    done = subprocess.run([sys.executable, BY_CHANCE, "1", "400"], text=True, capture_output=True,
                          env={**os.environ, **extension()})
    assert done.stdout.strip() == "400 cases, 0 differ, 0 leak", done.stdout + done.stderr[-2000:]


def test_plugins_see_what_they_see_in_a_serial_run(tmp_path):
    write(tmp_path, watch=WATCHED, test_it=TESTS)
    alone, spread = serial(tmp_path, "-p", "watch"), comb(tmp_path, "-p", "watch", "--dist=loadfile")
    assert spread.outcomes == alone.outcomes and spread.counts == alone.counts == {"passed": 6, "failed": 2}
    assert "ValueError: instead" in spread.out and "/pluggy/" not in spread.out


def test_tracing_of_hooks_still_works(tmp_path):
    write(tmp_path, test_it="def test_fine(): pass\n")
    done = comb(tmp_path, "--debug=debug.log")
    assert done.counts == {"passed": 1}
    assert "pytest_runtest_logreport [hook]" in (tmp_path / "debug.log").read_text()
