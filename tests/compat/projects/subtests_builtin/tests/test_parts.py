import unittest

import pytest


@pytest.mark.parametrize("number", range(8))
def test_all_pass(subtests, number):
    for part in range(3):
        with subtests.test(msg="part", part=part):
            assert part < 3


def test_some_fail(subtests):
    for part in range(5):
        with subtests.test("odd", part=part):
            print("part", part)
            assert part % 2 == 0


def test_fails_after_subtests(subtests):
    with subtests.test("fine"):
        pass
    raise AssertionError("the test itself")


def test_skipped_part(subtests):
    with subtests.test("skipped"):
        pytest.skip("not this part")


class TestCase(unittest.TestCase):
    def test_unittest_parts(self):
        for part in range(4):
            with self.subTest("unit", part=part):
                self.assertNotEqual(part, 2)

    def test_unittest_whole(self):
        self.assertTrue(True)
