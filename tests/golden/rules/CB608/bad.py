SEEN = set()


def test_a():
    SEEN.add("a")


def test_b():
    SEEN.add("b")


def test_all():  # CB608
    assert SEEN == {"a", "b"}
