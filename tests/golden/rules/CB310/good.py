import unittest


class Base(unittest.TestCase):
    def setUp(self):
        self.db = object()


class OrderTest(Base):
    def setUp(self):
        super().setUp()
        self.order = object()


class OldStyleTest(Base):
    def setUp(self):
        Base.setUp(self)


class AloneTest(unittest.TestCase):
    def setUp(self):
        self.x = 1
