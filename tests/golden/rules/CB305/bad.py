counter = []


class TestQueue:
    jobs = [1, 2, 3]

    @classmethod
    def setup_class(cls):
        cls.jobs.pop()  # CB305

    def test_jobs(self):
        assert len(self.jobs) == 2


def setup_module():
    counter.append(1)  # CB305
