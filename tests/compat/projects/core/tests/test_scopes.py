import pytest

SCOPES = ["session", "package", "module", "class", "function"]


@pytest.mark.fast
class TestClass:
    @pytest.mark.parametrize("number", range(4))
    def test_all_alive(self, function_resource, number):
        assert function_resource == SCOPES

    def test_class_only(self, class_resource):
        assert class_resource[-1] == "class"


class TestOtherClass:
    def test_class_made_anew(self, function_resource, record_property):
        record_property("alive", len(function_resource))
        assert function_resource == SCOPES


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def backend(request):
    return request.param


@pytest.mark.parametrize("number", range(3))
def test_parametrised_fixture(backend, number, tmp_path):
    (tmp_path / backend).write_text(str(number))
    assert [path.name for path in tmp_path.iterdir()] == [backend]


@pytest.fixture(scope="module")
def module_teardown_fails():
    yield
    raise RuntimeError("module teardown")


def test_last_of_module(module_teardown_fails):
    pass
