import random

import numpy as np
import pytest


def test_sample():
    assert random.Random(1).random() < 1
    assert np.random.default_rng(0).random() < 1


@pytest.fixture
def seeded():
    state = random.getstate()
    random.seed(1)
    yield
    random.setstate(state)
