import cProfile
import subprocess
import sys

import coverage


def test_profile():
    cProfile.run("main()", "stats.prof")  # CB219


def test_coverage():
    coverage.Coverage(data_file="cov.db")  # CB219


def test_child():
    subprocess.run([sys.executable, "-m", "coverage", "run", "x.py"])  # CB219
