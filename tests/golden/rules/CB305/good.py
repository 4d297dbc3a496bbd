import unittest


class TestQueue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.jobs = []
        cls.jobs.append(1)

    def test_jobs(self):
        assert len(self.jobs) == 1


def setup_module():
    names = []
    names.append("x")
