import random

import numpy as np


def test_sample():
    random.seed(1)  # CB112
    assert random.random() < 1


def test_numpy():
    np.random.seed(0)  # CB112
