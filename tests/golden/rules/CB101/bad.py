SEEN = []
COUNTS = {}
total = 0


def remember(item):
    SEEN.append(item)  # CB101


def test_add():
    remember(1)
    assert SEEN == [1]


def test_empty():
    assert not SEEN


def test_count():
    COUNTS["a"] = 1  # CB101
    assert COUNTS == {"a": 1}


def test_nothing_counted():
    assert COUNTS == {}


def test_total():
    global total
    total += 5  # CB101
    assert total == 5


def test_total_starts_at_zero():
    assert total == 0
