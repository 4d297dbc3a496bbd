import unittest


def setUpModule():
    Numbers.module = True


class Numbers(unittest.TestCase):
    module = False

    @classmethod
    def setUpClass(cls):
        cls.prepared = True

    def setUp(self):
        self.values = [1, 2]

    def test_prepared(self):
        self.assertTrue(self.module and self.prepared and self.values)

    def test_fails(self):
        self.assertEqual(self.values, [1, 3])

    @unittest.skip("not today")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected_failure(self):
        self.fail("expected")

    @unittest.expectedFailure
    def test_unexpected_success(self):
        pass


class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise RuntimeError("setUpClass")

    def test_never_runs(self):
        pass


class Asynchronous(unittest.IsolatedAsyncioTestCase):
    async def test_awaits(self):
        self.assertTrue(True)
