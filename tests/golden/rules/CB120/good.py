with open(__file__) as file:
    SOURCE = file.read()
TEXT = open(__file__).read()


def test_log(tmp_path):
    log = open(tmp_path / "log", "w")
    log.close()
