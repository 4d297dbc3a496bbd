import unittest

import pytest

subtests_are_builtin = int(pytest.__version__.split(".")[0]) >= 9


@pytest.mark.skipif(not subtests_are_builtin, reason="pytest 9")
def test_parts(request):
    subtests = request.getfixturevalue("subtests")
    for part in range(4):
        with subtests.test("part", part=part):
            assert part != 2


class Parts(unittest.TestCase):
    def test_parts(self):
        for part in range(3):
            with self.subTest(part=part):
                self.assertNotEqual(part, 1)
