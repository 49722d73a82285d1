"""Memory that is freed goes back to the system, also where something small was put behind it."""

import subprocess
import sys

import pytest

_PROGRAM = """
import numpy as np, psutil
from cnnviz.memory import return_large_arrays

def left():
    np.ones(2**20)  # glibc learns from the first large array that is freed to keep what is as large
    rooms = [np.ones(2**18) for _ in range(100)]  # 2 MB each
    last = rooms[-1]
    rooms.clear()
    return psutil.Process().memory_info().rss

before = psutil.Process().memory_info().rss
return_large_arrays()
print((left() - before) / 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems than Linux keep memory as they like")
def test_freed_arrays_go_back_to_the_system():
    def megabytes(program):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        return float(done.stdout)

    assert megabytes(_PROGRAM) < 20
    assert megabytes(_PROGRAM.replace("\nreturn_large_arrays()\n", "\n")) > 150
