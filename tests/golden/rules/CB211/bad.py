import subprocess


def test_git():
    subprocess.run(["git", "config", "--global", "user.name", "x"])  # CB211


def test_install():
    subprocess.check_call("pip install shop", shell=True)  # CB211
