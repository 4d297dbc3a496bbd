import io
import sys


def test_arguments():
    sys.argv = ["shop", "list"]  # CB108


def test_output():
    sys.stdout = io.StringIO()  # CB108
