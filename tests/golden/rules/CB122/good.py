class Plain:
    def __init_subclass__(cls):
        assert cls.__name__


def test_subclass():
    class Mine(Plain):
        pass

    assert Mine
