import cProfile
import subprocess


def test_profile(tmp_path):
    cProfile.run("main()", str(tmp_path / "stats.prof"))
    cProfile.run("main()")


def test_child():
    subprocess.run(["coverage", "run", "-p", "x.py"])
