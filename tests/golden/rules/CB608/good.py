NAMES = {"a", "b"}


def test_a():
    assert "a" in NAMES


def test_all():
    assert NAMES == {"a", "b"}
