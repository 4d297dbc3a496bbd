import logging


def test_level(caplog):
    caplog.set_level("DEBUG", logger="shop")
    logging.getLogger("shop").setLevel("INFO")


def test_handler():
    handler = logging.NullHandler()
    logging.getLogger("shop").addHandler(handler)
    try:
        assert True
    finally:
        logging.getLogger("shop").removeHandler(handler)


def test_logs():
    logging.getLogger("shop").info("hello")


def test_disabled_for_a_while():
    logging.disable(logging.CRITICAL)
    try:
        assert True
    finally:
        logging.disable(logging.NOTSET)
