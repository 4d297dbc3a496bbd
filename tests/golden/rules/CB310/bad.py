import unittest


class Base(unittest.TestCase):
    def setUp(self):
        self.db = object()


class OrderTest(Base):
    def setUp(self):  # CB310
        self.order = object()

    def test_order(self):
        assert self.db
