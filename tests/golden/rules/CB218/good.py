import subprocess
import sys


def test_compile(tmp_path):
    subprocess.run([sys.executable, "-m", "compileall", tmp_path])
