import subprocess


def test_git(tmp_path):
    subprocess.run(["git", "config", "user.name", "x"], cwd=tmp_path)


def test_own_home(tmp_path):
    subprocess.run(["git", "config", "--global", "user.name", "x"], env={"HOME": str(tmp_path)})


def test_target(tmp_path):
    subprocess.run(["pip", "install", "--target", str(tmp_path), "shop"])
