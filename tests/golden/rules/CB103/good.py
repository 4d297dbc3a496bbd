import codecs

from shop import plugins
from shop.plugins import Registry


def test_codec(request):
    search = print
    codecs.register(search)
    request.addfinalizer(lambda: codecs.unregister(search))


def test_plugin():
    plugins.register_exporter("csv", print)
    try:
        assert plugins.names() == ["csv"]
    finally:
        plugins.unregister_exporter("csv")


def test_own_registry():
    registry = Registry()
    registry.register_exporter("csv", print)
