class Plugin:
    registry = []

    def __init_subclass__(cls):
        Plugin.registry.append(cls)


def test_found():
    class Mine(Plugin):  # CB122
        pass

    assert Mine in Plugin.registry
