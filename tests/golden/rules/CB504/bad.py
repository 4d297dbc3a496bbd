import os
import subprocess
import threading

os.environ["MODE"] = "test"  # CB504
SERVER = subprocess.Popen(["serve"])  # CB504
threading.Thread(target=print).start()  # CB504
os.makedirs("output")  # CB504

if not os.path.exists("x"):
    open("x", "w").close()  # CB504


def test_mode():
    assert True
