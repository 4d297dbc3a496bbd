calls = []


def setup_module(module):
    calls.append("module")


def setup_function(function):
    calls.append("function")


def test_functions():
    assert calls[0] == "module" and calls[-1] == "function"


class TestMethods:
    @classmethod
    def setup_class(cls):
        cls.ready = True

    def setup_method(self):
        self.value = 1

    def teardown_method(self):
        del self.value

    def test_one(self):
        assert self.ready and self.value == 1

    def test_two(self):
        assert self.ready and self.value == 1
