from shop import registry
from shop.registry import HANDLERS


def test_register():
    registry.HANDLERS["a"] = print  # CB101
    assert "a" in HANDLERS


def test_update():
    HANDLERS.update(b=print)  # CB101
    assert "b" in registry.HANDLERS
